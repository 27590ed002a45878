"""What REST protocols put outside the body: path, query, headers, status; and which member is the body.

Shared by rest-json and rest-xml, which differ only in how a document is read, written and told from text.
Event streams are not spoken: a request that needs one is refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bastide.wire.codec.routes import Routes, parse_query
from bastide.wire.codec.scalars import Read, read_base64, render_base64, text_reader, text_writer
from bastide.wire.http import Request, Response, WireError
from bastide.wire.malformed import Malformed, MalformedReason, unreadable
from bastide.wire.models import Operation, Service, Shape

HEADER_ITEMS_MAX = 1000


class Rest(ABC):
    """REST as one service speaks it; subclasses know the body's format."""

    name = ""
    media = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._routes = Routes(service)
        self._readers: dict[str, Callable[[Request, Mapping[str, str]], dict[str, Any]]] = {}

    @abstractmethod
    def document_reader(self, shape: Shape) -> Callable[[bytes], Any]:
        """How a body that is a document of this shape is read."""

    @abstractmethod
    def write_document(self, shape: Shape, value: Any, *, is_payload: bool) -> bytes:
        """A document of this shape as a body."""

    @abstractmethod
    def write_error(self, error: WireError, request_id: str) -> Response:
        """A failure."""

    def route(self, request: Request) -> tuple[str, Mapping[str, str]]:
        """The operation a request asks for, and the labels of its path."""
        return self._routes.find(request.method, request.path, request.query, request.headers)

    def read(self, operation: Operation, request: Request, labels: Mapping[str, str]) -> dict[str, Any]:
        """The params in path, query, headers and body."""
        read = self._readers.get(operation.name)
        if read is None:
            read = self._readers[operation.name] = self._compile(operation.input_shape)
        return read(request, labels)

    def _compile(self, shape: Shape | None) -> Callable[[Request, Mapping[str, str]], dict[str, Any]]:
        if shape is None:
            return lambda request, labels: {}
        read_body = self._body_reader(shape)
        located = {
            name: member for name, member in shape.members.items() if "location" in member.serialization
        }
        outside = [_outside_reader(name, member) for name, member in located.items()]
        taken = frozenset(
            member.serialization.get("name", name)
            for name, member in located.items()
            if member.serialization["location"] == "querystring" and member.type_name != "map"
        )

        def read(request: Request, labels: Mapping[str, str]) -> dict[str, Any]:
            params = read_body(request.body)
            around = _Around(labels, parse_query(request.query), request.headers, taken)
            for name, read_outside in outside:
                value = read_outside(around)
                if value is not None:
                    params[name] = value
            return params

        return read

    def _body_reader(self, shape: Shape) -> Callable[[bytes], dict[str, Any]]:
        payload = shape.serialization.get("payload")
        if payload is None:
            if all("location" in member.serialization for member in shape.members.values()):
                return lambda body: {}
            read_members = self.document_reader(shape)
            return lambda body: read_members(body) if body else {}
        member = shape.members[payload]
        if member.serialization.get("eventstream"):
            return _refuse_event_stream
        read = _PAYLOAD_READERS.get(member.type_name) or self.document_reader(member)
        return lambda body: {payload: read(body)} if body else {}

    def write(self, operation: Operation, result: Mapping[str, Any], request_id: str) -> Response:
        """A success."""
        status = operation.http.get("responseCode", 200)
        headers = {"x-amzn-requestid": request_id}
        shape = operation.output_shape
        if shape is None:
            if result:
                raise ValueError(f"{operation.name} answers nothing, got {sorted(result)}")
            return Response(status, headers, b"")
        inside = {}
        for name, value in result.items():
            member = shape.members.get(name)
            if member is None:
                raise ValueError(f"{shape.name} has no member {name!r}")
            location = member.serialization.get("location")
            if value is None or location is None:
                inside[name] = value
            elif location == "statusCode":
                status = value
            else:
                headers.update(_rendered_headers(name, member, value))
        if "content-range" in headers:
            status = 206  # RFC 9110: what a Content-Range means in a success
        body, media = self._body(shape, inside)
        if body:
            headers.setdefault("content-type", media)
        return Response(status, headers, body)

    def _body(self, shape: Shape, inside: Mapping[str, Any]) -> tuple[bytes, str]:
        payload = shape.serialization.get("payload")
        if payload is None:
            members = shape.members.values()
            if members and all("location" in member.serialization for member in members):
                return b"", self.media
            return self.write_document(shape, inside, is_payload=False), self.media
        value = inside.get(payload)
        member = shape.members[payload]
        if unknown := inside.keys() - {payload}:
            raise ValueError(f"{shape.name} has no place for {sorted(unknown)}")
        if member.serialization.get("eventstream"):
            raise ValueError(f"{shape.name} is an event stream, which this wire does not speak")
        if value is None:
            return b"", self.media
        if member.type_name in _PAYLOAD_READERS:
            return (value.encode() if isinstance(value, str) else bytes(value)), "application/octet-stream"
        return self.write_document(member, value, is_payload=True), self.media


class _Around(msgspec.Struct, frozen=True):
    """A request without its body."""

    labels: Mapping[str, str]
    fields: Mapping[str, list[str]]
    headers: Mapping[str, str]
    taken: frozenset[str]  # query fields other members own

    def header(self, name: str) -> str:
        """A header's text; bytes that are no UTF-8 stay out of params."""
        text = self.headers[name]
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise unreadable(f"Header {name} is not UTF-8")
        return text


def _read_text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as cause:
        raise unreadable("Body is not UTF-8") from cause


_PAYLOAD_READERS: Mapping[str, Callable[[bytes], Any]] = {"blob": bytes, "string": _read_text}


def _refuse_event_stream(body: bytes) -> dict[str, Any]:
    raise Malformed(MalformedReason.UNSUPPORTED_MEDIA, "Event streams are not supported")


def _outside_reader(name: str, member: Shape) -> tuple[str, Callable[[_Around], Any]]:
    key = member.serialization.get("name", name)
    location = member.serialization["location"]
    if location == "uri":
        read = text_reader(member, timestamp_format="iso8601")
        return name, lambda around: read(around.labels[key]) if key in around.labels else None
    if location == "querystring":
        return name, _query_reader(member, key)
    if location == "headers":
        prefix = key.lower()
        return name, lambda around: _prefixed(around, prefix)
    read_header = _header_reader(member)
    lowered = key.lower()
    return name, lambda around: read_header(around.header(lowered)) if lowered in around.headers else None


def _prefixed(around: _Around, prefix: str) -> dict[str, str] | None:
    names = (name for name in around.headers if name.startswith(prefix))
    return {name[len(prefix) :]: around.header(name) for name in names} or None


def _query_reader(member: Shape, key: str) -> Callable[[_Around], Any]:
    if member.type_name == "map":
        is_list = member.value.type_name == "list"

        def read_map(around: _Around) -> Any:
            spare = {name: values for name, values in around.fields.items() if name not in around.taken}
            return {name: values if is_list else values[0] for name, values in spare.items()} or None

        return read_map
    if member.type_name == "list":
        read_each = text_reader(member.member, timestamp_format="iso8601")
        return lambda around: (
            [read_each(text) for text in around.fields[key]] if key in around.fields else None
        )
    read = text_reader(member, timestamp_format="iso8601")

    def read_one(around: _Around) -> Any:
        values = around.fields.get(key)
        if values is None:
            return None
        if len(values) > 1:
            raise unreadable(f"Query string has the field {key} twice")
        return read(values[0])

    return read_one


def _header_reader(member: Shape) -> Read:
    if member.type_name == "list":
        read_each = text_reader(member.member, timestamp_format="rfc822")
        return lambda text: [read_each(item) for item in split_header(text)]
    if member.serialization.get("jsonvalue"):
        return _read_json_header
    read = text_reader(member, timestamp_format="rfc822")
    return lambda text: read(text.strip())


def _read_json_header(text: str) -> Any:
    try:
        return msgspec.json.decode(read_base64(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise unreadable("Header does not hold JSON") from cause


def split_header(text: str) -> list[str]:
    """The items of a header's list; quoted ones may hold commas and escaped quotes."""
    items: list[str] = []
    at = 0
    while at <= len(text):
        if len(items) >= HEADER_ITEMS_MAX:
            raise unreadable("Header has too many items")
        start = at + len(text[at:]) - len(text[at:].lstrip())
        if text[start : start + 1] == '"':
            item, at = _quoted(text, start + 1)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            item, at = text[at:end].strip(), end + 1
        items.append(item)
    return items


def _quoted(text: str, at: int) -> tuple[str, int]:
    """A quoted item from `at` on, and where the next begins."""
    end = at
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    comma = text.find(",", end)
    return text[at:end].replace('\\"', '"'), len(text) + 1 if comma < 0 else comma + 1


def _rendered_headers(name: str, member: Shape, value: Any) -> dict[str, str]:
    key = member.serialization.get("name", name).lower()
    if member.serialization["location"] == "headers":
        return {f"{key}{part}".lower(): _clean(str(text)) for part, text in value.items()}
    if member.type_name == "list":
        write_each = text_writer(member.member, timestamp_format="rfc822")
        return {key: _clean(",".join(write_each(item) for item in value))}
    if member.serialization.get("jsonvalue"):
        return {key: render_base64(msgspec.json.encode(value))}
    return {key: _clean(text_writer(member, timestamp_format="rfc822")(value))}


def _clean(text: str) -> str:
    """A header's value that can't end the header."""
    return text.replace("\r", " ").replace("\n", " ").replace("\0", " ")
