"""The context a simulation is to happen in: values of condition keys, each of the type the request says."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation

from bastide.api.operation import Document
from bastide.model.faults import Invalid
from bastide.permissions.operators import is_binary, is_moment, parse_network
from bastide.permissions.patterns import Values

LIST = "List"  # how the types of keys with many values end


def read_keys(entries: Iterable[Document]) -> dict[str, Values]:
    """The context a request brings, in lower case."""
    keys: dict[str, Values] = {}
    for entry in entries:
        name = str(entry.get("ContextKeyName", ""))
        if not name:
            raise _refused("ContextKeyName cannot be null or empty.")
        if name.lower() in keys:
            raise _refused(f"Duplicate context key: {name}.")
        keys[name.lower()] = _values(name, entry)
    return keys


def _values(name: str, entry: Document) -> Values:
    kind, values = entry.get("ContextKeyType", "null"), tuple(entry.get("ContextKeyValues") or ())
    one = kind.removesuffix(LIST)
    if kind == "null":
        raise _refused(f"Context key {name} has invalid type {kind}.")
    if not values:
        raise _refused(f"Context values for context key {name} cannot be null or empty.")
    if kind == one and len(values) != 1:
        raise _refused(f"Context key {name} expected a single value, but received {len(values)}.")
    if one in _FORMATS:
        form, is_one = _FORMATS[one]
        if not all(is_one(value) for value in values):
            raise _refused(f"Invalid context value for key {name}: expected {form}.")
    return values[0] if kind == one else values


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_address(text: str) -> bool:
    return parse_network(text) is not None


_FORMATS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "binary": ("base-64 encoded binary format", is_binary),
    "date": ("DateTime format", is_moment),
    "ip": ("IP address", _is_address),
    "numeric": ("numeric format", _is_number),
}


def _refused(why: str) -> Invalid:
    return Invalid("input", why=why)
