"""XML out: writers compiled per shape, for query, EC2 and REST alike.

Characters XML can't hold go out as U+FFFD; what a parser would change (carriage returns) is spelt out.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bastide.wire.codec.scalars import text_writer
from bastide.wire.models import Shape

_SPECIAL = re.compile('[&<>\r"\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", '"': "&quot;"}

Write = Callable[[list[str], Any], None]


def element_name(member: Shape, name: str) -> str:
    """What a member is called: a flattened list goes by its items' name."""
    if member.type_name == "list" and member.serialization.get("flattened"):
        name = member.serialization.get("name", name)
        return str(member.member.serialization.get("name", name))
    return str(member.serialization.get("name", name))


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
