"""XML in: a bounded reader that knows no entities, and readers of elements compiled per shape.

Document types are refused outright, so neither entity bombs nor outside files exist here; bytes, depth and
the number of elements are limited.
"""

from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

from bastide.wire.codec.scalars import Read, text_reader
from bastide.wire.codec.xml_writer import element_name
from bastide.wire.malformed import Malformed, MalformedReason, unreadable
from bastide.wire.models import Shape

DEPTH_MAX = 64  # levels; the deepest model needs a dozen
DOCUMENT_MAX_BYTES = 8 * 1024 * 1024  # S3's largest documents are 2 MiB
ELEMENTS_MAX = 100_000  # ten thousand parts of an upload, several elements each, fit well


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
    if len(body) > DOCUMENT_MAX_BYTES:
        raise Malformed(MalformedReason.TOO_LARGE, f"XML is larger than {DOCUMENT_MAX_BYTES} bytes")
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
