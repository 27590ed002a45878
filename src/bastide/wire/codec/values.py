"""Decoded JSON or CBOR to params and results back, one closure per shape.

Members the model does not know are skipped in requests, as the services do, and are a bug in results.
A null member counts as absent on both ways; a null inside a list or a map is refused.
Concurrency: compiling is idempotent, so two threads that meet here only do the same work twice.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bastide.wire.codec.scalars import TIMESTAMP_READERS, TIMESTAMP_WRITERS, Read
from bastide.wire.malformed import unreadable
from bastide.wire.models import Shape

Write = Callable[[Any], Any]


class ValueReader:
    """Compiles shapes into readers of decoded values; `leaves` reads what holds no other value."""

    def __init__(self, leaves: Mapping[str, Read]) -> None:
        self._leaves = leaves
        self._structures: dict[str, Read] = {}

    def reader(self, shape: Shape) -> Read:
        """The reader of `shape`; recursive shapes are fine, a structure is known before its members."""
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self._structure(shape)
        if shape.type_name == "list":
            return _list_reader(self.reader(shape.member))
        if shape.type_name == "map":
            return _map_reader(self.reader(shape.key), self.reader(shape.value))
        if shape.type_name == "timestamp" and "timestampFormat" in shape.serialization:
            return TIMESTAMP_READERS[shape.serialization["timestampFormat"].lower()]
        return self._leaves[shape.type_name]

    def _structure(self, shape: Shape) -> Read:
        if shape.is_document_type:
            return lambda value: value
        members: dict[str, tuple[str, Read]] = {}
        read = _structure_reader(members)
        if shape.is_tagged_union:
            read = _union_reader(read, shape.name)
        self._structures[shape.name] = read
        for name, member in shape.members.items():
            if "location" not in member.serialization:
                members[member.serialization.get("name", name)] = (name, self.reader(member))
        return read


def _structure_reader(members: Mapping[str, tuple[str, Read]]) -> Read:
    find = members.get

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise unreadable("Expected a structure" if type(value) is not list else _LIST_MISPLACED)
        params = {}
        for key, item in value.items():
            if item is not None and (member := find(key)) is not None:
                params[member[0]] = member[1](item)
        return params

    return read


_LIST_MISPLACED = "Start of list found where not expected."


def _union_reader(read: Read, name: str) -> Read:
    def read_one(value: Any) -> Any:
        params = read(value)
        if len(params) != 1:
            raise unreadable(f"{name} must have exactly one member set")
        return params

    return read_one


def _list_reader(read: Read) -> Read:
    def read_list(value: Any) -> list[Any]:
        if type(value) is not list:
            raise unreadable("Expected list or null")
        if None in value:
            raise unreadable("Null found inside a list")
        return [read(item) for item in value]

    return read_list


def _map_reader(read_key: Read, read: Read) -> Read:
    def read_map(value: Any) -> dict[Any, Any]:
        if type(value) is not dict:
            raise unreadable("Expected map or null")
        if None in value.values():
            raise unreadable("Null found inside a map")
        return {read_key(key): read(item) for key, item in value.items()}

    return read_map


class ValueWriter:
    """Compiles shapes into writers of plain values; a leaf without an entry goes out as it is."""

    def __init__(self, leaves: Mapping[str, Write]) -> None:
        self._leaves = leaves
        self._structures: dict[str, Write] = {}

    def writer(self, shape: Shape) -> Write:
        """The writer of `shape`, for a caller that wants a function in any case."""
        return self._writer(shape) or (lambda value: value)

    def _writer(self, shape: Shape) -> Write | None:
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self._structure(shape)
        if shape.type_name == "list":
            write = self._writer(shape.member)
            return None if write is None else (lambda items: [write(item) for item in items])
        if shape.type_name == "map":
            return _map_writer(self._writer(shape.value))
        if shape.type_name == "timestamp" and "timestampFormat" in shape.serialization:
            return TIMESTAMP_WRITERS[shape.serialization["timestampFormat"].lower()]
        return self._leaves.get(shape.type_name)

    def _structure(self, shape: Shape) -> Write | None:
        if shape.is_document_type:
            return None
        members: dict[str, tuple[str, Write | None]] = {}
        write = self._structures[shape.name] = _structure_writer(shape.name, members)
        for name, member in shape.members.items():
            if "location" not in member.serialization:
                members[name] = (member.serialization.get("name", name), self._writer(member))
        return write


def _structure_writer(shape_name: str, members: Mapping[str, tuple[str, Write | None]]) -> Write:
    find = members.get

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        out = {}
        for key, item in value.items():
            if item is None:
                continue
            member = find(key)
            if member is None:
                raise ValueError(f"{shape_name} has no member {key!r} in the body")
            out[member[0]] = item if member[1] is None else member[1](item)
        return out

    return write


def _map_writer(write: Write | None) -> Write | None:
    if write is None:
        return None
    return lambda value: {key: write(item) for key, item in value.items()}
