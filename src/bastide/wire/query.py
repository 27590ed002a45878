"""AWS query: a form in, XML out; EC2's dialect of it is in `ec2query`.

A form's names are paths (`Tags.member.1.Key`). They become a tree first, bounded in fields and depth, then
params by closures compiled per shape. List indexes must run from 1 without gaps.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from bastide.wire.codec.scalars import Read, text_reader
from bastide.wire.codec.xml_writer import Write, XmlWriter, escape
from bastide.wire.http import Request, Response, WireError
from bastide.wire.json11 import media_type
from bastide.wire.malformed import Malformed, MalformedReason, unreadable
from bastide.wire.models import Operation, Service, Shape

FORM_MAX_BYTES = 4 * 1024 * 1024  # the largest form any query service takes is 1 MiB
FIELDS_MAX = 20_000  # the largest batch of any query service has some ten thousand
NAME_MAX = 1024  # characters of one field's name
DEPTH_MAX = 32  # parts of one field's name
FORM = "application/x-www-form-urlencoded"

Tree = dict[str, Any]  # child trees by name; a node's own text under ""

_INDEX = re.compile("[1-9][0-9]{0,5}")


def _decoded(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as cause:
        raise unreadable("Form is not UTF-8") from cause


def parse_form(form: bytes) -> dict[str, str]:
    """A form's fields; one that stands twice is refused, for nobody could say which was meant."""
    if len(form) > FORM_MAX_BYTES:
        raise Malformed(MalformedReason.TOO_LARGE, f"Form is larger than {FORM_MAX_BYTES} bytes")
    if form.count(b"&") >= FIELDS_MAX:
        raise unreadable(f"Form has more than {FIELDS_MAX} fields")
    fields: dict[str, str] = {}
    for pair in form.split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        if len(name) > NAME_MAX:
            raise unreadable("Form has a field with too long a name")
        key = _decoded(name)
        if key in fields:
            raise unreadable(f"Form has the field {key[:128]} twice")
        fields[key] = _decoded(value)
    return fields


def grow_tree(fields: Mapping[str, str]) -> Tree:
    """The tree the names of fields spell."""
    tree: Tree = {}
    for name, value in fields.items():
        parts = name.split(".")
        if len(parts) > DEPTH_MAX or "" in parts:
            raise unreadable(f"Form has a field with an impossible name: {name[:128]}")
        node = tree
        for part in parts:
            node = node.setdefault(part, {})
        node[""] = value
    return tree


def text_of(node: Tree) -> str:
    if len(node) != 1 or "" not in node:
        raise unreadable("Form has parts below a field that takes one value")
    text: str = node[""]
    return text


def numbered(node: Tree) -> list[Tree]:
    """The items of a list or map, in order; an empty field is an empty list."""
    if len(node) == 1 and node.get("") == "":
        return []
    for index in node:
        if not _INDEX.fullmatch(index):
            raise unreadable(f"Form has a list index that is no number: {index[:32]}")
    items = []
    for position in range(1, len(node) + 1):
        item = node.get(str(position))
        if item is None:
            raise unreadable(f"Form has a list without its item {position}")
        items.append(item)
    return items


class FormReader:
    """Compiles shapes into readers of trees, with query's names."""

    def __init__(self) -> None:
        self._structures: dict[str, Read] = {}

    def reader(self, shape: Shape) -> Read:
        """The reader of the tree under a field."""
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self._structure(shape)
        if shape.type_name == "list":
            return self.list_reader(shape)
        if shape.type_name == "map":
            return self._map(shape)
        read = text_reader(shape, timestamp_format="iso8601")
        return lambda node: read(text_of(node))

    def field_name(self, member: Shape, name: str) -> str:
        """What a member is called in a form."""
        if member.type_name == "list" and member.serialization.get("flattened"):
            name = member.serialization.get("name", name)
            return str(member.member.serialization.get("name", name))
        return str(member.serialization.get("name", name))

    def list_reader(self, shape: Shape) -> Read:
        read = self.reader(shape.member)
        if shape.serialization.get("flattened"):
            return lambda node: [read(item) for item in numbered(node)]
        return _wrapped(
            shape.member.serialization.get("name", "member"), lambda items: [read(i) for i in items], list
        )

    def _structure(self, shape: Shape) -> Read:
        members: dict[str, tuple[str, Read]] = {}

        def read(node: Tree) -> dict[str, Any]:
            if node.get(""):
                raise unreadable("Form has a value where a structure belongs")
            params = {}
            for key, child in node.items():
                if key in members:
                    name, read_member = members[key]
                    params[name] = read_member(child)
            return params

        self._structures[shape.name] = read
        for name, member in shape.members.items():
            members[self.field_name(member, name)] = (name, self.reader(member))
        return read

    def _map(self, shape: Shape) -> Read:
        read_key, read_value = self.reader(shape.key), self.reader(shape.value)
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")

        def read_entries(items: list[Tree]) -> dict[str, Any]:
            params = {}
            for item in items:
                if set(item) != {key_name, value_name}:
                    raise unreadable("Form has a map entry without one key and one value")
                params[read_key(item[key_name])] = read_value(item[value_name])
            return params

        if shape.serialization.get("flattened"):
            return lambda node: read_entries(numbered(node))
        return _wrapped("entry", read_entries, dict)


def _wrapped(wrapper: str, read: Read, empty: type) -> Read:
    """Reads what stands under the one name lists and maps have between themselves and their items."""

    def read_wrapped(node: Tree) -> Any:
        if len(node) == 1 and node.get("") == "":
            return empty()
        if set(node) != {wrapper}:
            raise unreadable(f"Form has a list that is not numbered as {wrapper}.N")
        return read(numbered(node[wrapper]))

    return read_wrapped


class Query:
    """Query as one service speaks it."""

    name = "query"
    reader_class: type[FormReader] = FormReader

    def __init__(self, service: Service) -> None:
        self.service = service
        self._reader = self.reader_class()
        self.writer = XmlWriter()
        self._readers: dict[str, Read] = {}
        self._writers: dict[str, Write] = {}

    def route(self, request: Request) -> tuple[str, Mapping[str, str]]:
        """The operation a request asks for, and all its fields."""
        fields = parse_form(request.query.encode("utf-8", "surrogateescape"))
        if request.body:
            if media_type(request) != FORM:
                raise Malformed(MalformedReason.UNSUPPORTED_MEDIA, f"Content-Type must be {FORM}")
            for name, value in parse_form(request.body).items():
                if fields.setdefault(name, value) != value:
                    raise unreadable(f"Form has the field {name[:128]} twice")
        action = fields.pop("Action", "")
        if action not in self.service.operations:
            raise Malformed(MalformedReason.UNKNOWN_OPERATION, self.unknown_action(action[:128], fields))
        return action, fields

    def unknown_action(self, action: str, fields: Mapping[str, str]) -> str:
        if not action:
            return "Missing Action"
        version = fields.get("Version", self.service.version)[:32]
        return f"Could not find operation {action} for version {version}"

    def read(self, operation: Operation, request: Request, labels: Mapping[str, str]) -> dict[str, Any]:
        """The params in a form's fields."""
        read = self._readers.get(operation.name)
        if read is None:
            shape = operation.input_shape
            read = self._readers[operation.name] = self._reader.reader(shape) if shape else (lambda node: {})
        params: dict[str, Any] = read(grow_tree(labels))
        return params

    def write(self, operation: Operation, result: Mapping[str, Any], request_id: str) -> Response:
        """A success."""
        out: list[str] = [f'<{operation.name}Response xmlns="{self.service.xmlns}">']
        shape = operation.output_shape
        if shape is not None:
            self._writer_of(operation, shape)(out, result)
        elif result:
            raise ValueError(f"{operation.name} answers nothing, got {sorted(result)}")
        out.append(f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata>")
        out.append(f"</{operation.name}Response>")
        return xml_response(200, out, request_id)

    def _writer_of(self, operation: Operation, shape: Shape) -> Write:
        write = self._writers.get(operation.name)
        if write is None:
            wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result")
            write = self._writers[operation.name] = self.writer.writer(shape, wrapper)
        return write

    def write_error(self, error: WireError, request_id: str) -> Response:
        """A failure, with the model's further members of that error."""
        status = self.service.status_of(error)
        side = "Receiver" if status >= 500 else "Sender"
        out = [
            f'<ErrorResponse xmlns="{self.service.xmlns}"><Error><Type>{side}</Type>',
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>",
        ]
        self.write_members(out, error)
        out.append(f"</Error><RequestId>{escape(request_id)}</RequestId></ErrorResponse>")
        return xml_response(status, out, request_id)

    def write_members(self, out: list[str], error: WireError) -> None:
        modelled = self.service.errors.get(error.code)
        if modelled and error.members:
            self.writer.contents(modelled.shape)(out, error.members)


def xml_response(status: int, out: list[str], request_id: str) -> Response:
    """XML parts as a response."""
    body = "".join(('<?xml version="1.0" encoding="UTF-8"?>\n', *out)).encode()
    return Response(status, {"content-type": "text/xml;charset=UTF-8", "x-amzn-requestid": request_id}, body)
