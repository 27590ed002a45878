"""XML both ways: a bounded reader that knows no entities, and writers compiled per shape.

The reader refuses document types outright, so neither entity bombs nor outside files exist for it; depth
and the number of elements are limited. Characters XML can't hold go out as U+FFFD.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.parsers import expat

from bastide.wire.codec.scalars import Read, text_reader, text_writer
from bastide.wire.malformed import unreadable
from bastide.wire.models import Shape

DEPTH_MAX = 64  # levels; the deepest model needs a dozen
ELEMENTS_MAX = 100_000  # ten thousand parts of an upload, several elements each, fit well

_SPECIAL = re.compile('[&<>\r"\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", '"': "&quot;"}

Write = Callable[[list[str], Any], None]


class Element:
    """One element read: its name without prefix, attributes, text and children."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag.rpartition(":")[2]
        self.attributes = attributes
        self.text = ""
        self.children: list[Element] = []


class _Builder:
    """Collects expat's events into elements."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[tuple[Element, list[str]]] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENTS_MAX or len(self._open) >= DEPTH_MAX:
            raise unreadable("XML is too large or nested too deeply")
        element = Element(tag, attributes)
        if self._open:
            self._open[-1][0].children.append(element)
        else:
            self.root = element
        self._open.append((element, []))

    def end(self, tag: str) -> None:
        element, texts = self._open.pop()
        element.text = "".join(texts)

    def data(self, text: str) -> None:
        self._open[-1][1].append(text)

    def doctype(self, *_: Any) -> None:
        raise unreadable("XML must not have a document type")


def parse_xml(body: bytes) -> Element:
    """The root element of a body."""
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError) as cause:
        raise unreadable(f"XML is not well-formed: {cause}") from cause
    if builder.root is None:
        raise unreadable("XML has no element")
    return builder.root


class XmlReader:
    """Compiles shapes into readers of elements."""

    def __init__(self) -> None:
        self._structures: dict[str, Read] = {}

    def reader(self, shape: Shape) -> Read:
        """The reader of one element; a flattened list reads the list of its elements."""
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self._structure(shape)
        if shape.type_name == "list":
            return self._list(shape)
        if shape.type_name == "map":
            return self._map(shape)
        read = text_reader(shape, timestamp_format="iso8601")
        return lambda element: read(_text_of(element))

    def _structure(self, shape: Shape) -> Read:
        members: dict[str, tuple[str, Read, bool]] = {}
        attributes: dict[str, str] = {}

        def read(element: Element) -> dict[str, Any]:
            params: dict[str, Any] = {
                attributes[name]: text for name, text in element.attributes.items() if name in attributes
            }
            for tag, found in _by_tag(element).items():
                if tag in members:
                    name, read_member, is_flat = members[tag]
                    params[name] = read_member(found if is_flat else _only(found))
            return params

        self._structures[shape.name] = read
        for name, member in shape.members.items():
            if "location" in member.serialization:
                continue
            if member.serialization.get("xmlAttribute"):
                attributes[member.serialization["name"]] = name
            else:
                is_flat = bool(member.serialization.get("flattened"))
                members[element_name(member, name)] = (name, self.reader(member), is_flat)
        return read

    def _list(self, shape: Shape) -> Read:
        read = self.reader(shape.member)
        if shape.serialization.get("flattened"):
            return lambda elements: [read(element) for element in elements]
        tag = shape.member.serialization.get("name", "member")

        def read_list(element: Element) -> list[Any]:
            if any(child.tag != tag for child in element.children):
                raise unreadable(f"XML list {element.tag} may only hold {tag}")
            return [read(child) for child in element.children]

        return read_list

    def _map(self, shape: Shape) -> Read:
        read_key, read_value = self.reader(shape.key), self.reader(shape.value)
        key_tag = shape.key.serialization.get("name", "key")
        value_tag = shape.value.serialization.get("name", "value")
        is_flat = shape.serialization.get("flattened")

        def read_map(element: Any) -> dict[str, Any]:
            params = {}
            for entry in element if is_flat else element.children:
                parts = _by_tag(entry)
                if set(parts) != {key_tag, value_tag}:
                    raise unreadable("XML map entry must hold one key and one value")
                params[read_key(_only(parts[key_tag]))] = read_value(_only(parts[value_tag]))
            return params

        return read_map


def element_name(member: Shape, name: str) -> str:
    """What a member is called: a flattened list goes by its items' name."""
    if member.type_name == "list" and member.serialization.get("flattened"):
        name = member.serialization.get("name", name)
        return str(member.member.serialization.get("name", name))
    return str(member.serialization.get("name", name))


def _by_tag(element: Element) -> Mapping[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for child in element.children:
        found.setdefault(child.tag, []).append(child)
    return found


def _only(elements: list[Element]) -> Element:
    if len(elements) != 1:
        raise unreadable(f"XML element {elements[0].tag} stands more than once")
    return elements[0]


def _text_of(element: Element) -> str:
    if element.children:
        raise unreadable(f"XML element {element.tag} must hold text only")
    return element.text


def escape(text: str) -> str:
    """Text fit for an element or an attribute in double quotes."""
    return (
        _SPECIAL.sub(lambda match: _ESCAPES.get(match[0], "\ufffd"), text) if _SPECIAL.search(text) else text
    )


def namespace_attribute(shape: Shape) -> str:
    """The xmlns attribute a shape's element carries, or nothing."""
    namespace = shape.serialization.get("xmlNamespace")
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{namespace}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{namespace["uri"]}"'


def _flat_list(write: Write) -> Write:
    def write_flat(out: list[str], items: Any) -> None:
        for item in items:
            write(out, item)

    return write_flat


class XmlWriter:
    """Compiles shapes into writers of elements."""

    def __init__(self) -> None:
        self._structures: dict[tuple[str, str, str], Write] = {}
        self._contents: dict[str, Write] = {}

    def writer(self, shape: Shape, tag: str) -> Write:
        """Writes a value as an element called `tag` (a flattened list as several)."""
        if shape.type_name == "structure":
            key = (shape.name, tag, namespace_attribute(shape))
            return self._structures.get(key) or self._structure(shape, tag, key)
        if shape.type_name == "list":
            return self._list(shape, tag)
        if shape.type_name == "map":
            return self._map(shape, tag)
        write = text_writer(shape, timestamp_format="iso8601")
        start, end = f"<{tag}{namespace_attribute(shape)}>", f"</{tag}>"
        return lambda out, value: out.append(f"{start}{escape(write(value))}{end}")

    def contents(self, shape: Shape) -> Write:
        """Writes a structure's members without an element around them."""
        if shape.name in self._contents:
            return self._contents[shape.name]
        members: dict[str, Write | None] = {}

        def write(out: list[str], value: Mapping[str, Any]) -> None:
            for name, item in value.items():
                if item is None:
                    continue
                if name not in members:
                    raise ValueError(f"{shape.name} has no member {name!r} in the body")
                if (write_member := members[name]) is not None:
                    write_member(out, item)

        self._contents[shape.name] = write
        for name, member in shape.members.items():
            if "location" in member.serialization:
                continue
            is_attribute = member.serialization.get("xmlAttribute")
            members[name] = None if is_attribute else self.writer(member, element_name(member, name))
        return write

    def _structure(self, shape: Shape, tag: str, key: tuple[str, str, str]) -> Write:
        attributes = {
            name: member.serialization["name"]
            for name, member in shape.members.items()
            if member.serialization.get("xmlAttribute")
        }
        namespace = namespace_attribute(shape)

        def write(out: list[str], value: Mapping[str, Any]) -> None:
            marks = "".join(f' {attributes[n]}="{escape(str(value[n]))}"' for n in attributes if n in value)
            out.append(f"<{tag}{namespace}{marks}>")
            contents(out, value)
            out.append(f"</{tag}>")

        self._structures[key] = write
        contents = self.contents(shape)
        return write

    def _list(self, shape: Shape, tag: str) -> Write:
        if shape.serialization.get("flattened"):
            return _flat_list(self.writer(shape.member, tag))
        write = self.writer(shape.member, shape.member.serialization.get("name", "member"))
        start, end = f"<{tag}{namespace_attribute(shape)}>", f"</{tag}>"

        def write_list(out: list[str], items: Any) -> None:
            out.append(start)
            for item in items:
                write(out, item)
            out.append(end)

        return write_list

    def _map(self, shape: Shape, tag: str) -> Write:
        write_key = self.writer(shape.key, shape.key.serialization.get("name", "key"))
        write_value = self.writer(shape.value, shape.value.serialization.get("name", "value"))
        is_flat = shape.serialization.get("flattened")
        entry = tag if is_flat else "entry"

        def write_map(out: list[str], value: Mapping[str, Any]) -> None:
            if not is_flat:
                out.append(f"<{tag}>")
            for key, item in value.items():
                out.append(f"<{entry}>")
                write_key(out, key)
                write_value(out, item)
                out.append(f"</{entry}>")
            if not is_flat:
                out.append(f"</{tag}>")

        return write_map
