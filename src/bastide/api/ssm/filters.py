"""`ParameterFilters`: which there are, what options each has, and whether a parameter fits one."""

from collections.abc import Sequence
from typing import NamedTuple

from bastide.api.operation import Document
from bastide.api.ssm.names import parameter_arn
from bastide.model.faults import Invalid
from bastide.store import Record

TAG = "tag:"
VALUES_MAX = 50
_OPTIONS = {
    "Name": ("Equals", "BeginsWith", "Contains"),
    "Path": ("Recursive", "OneLevel"),
    "KeyId": ("Equals", "BeginsWith"),
}
_EQUALS = ("Equals",)


class Filter(NamedTuple):
    """One filter: a parameter fits if it fits one of the values."""

    key: str
    option: str
    values: tuple[str, ...]


def checked_filters(given: Sequence[Document], keys: frozenset[str]) -> list[Filter]:
    """The filters; raises Invalid for a key, an option or values that cannot be."""
    checked: list[Filter] = []
    for one in given:
        key = one["Key"]
        if key not in keys and not (key.startswith(TAG) and "Name" in keys):
            allowed = ", ".join(sorted(keys))
            why = f"The following filter key is not valid: {key}. Valid filter keys include: [{allowed}]."
            raise Invalid("filter key", key, why=why)
        options = _OPTIONS.get(key, _EQUALS)
        option = one.get("Option", "OneLevel" if key == "Path" else "Equals")
        if option not in options:
            allowed = ", ".join(options)
            why = f"The following filter option is not valid: {option}. Valid options include: [{allowed}]."
            raise Invalid("filter option", option, why=why)
        values = tuple(one.get("Values", ()))
        if not values and not key.startswith(TAG):
            why = f"The following filter values are missing : null for filter key {key}"
            raise Invalid("filter value", key, why=why)
        if len(values) > VALUES_MAX:
            raise Invalid("filter value", key, why=f"A filter can have at most {VALUES_MAX} values.")
        checked.append(Filter(key, option, values))
    if len({each.key for each in checked}) < len(checked):
        raise Invalid("filter key", why="A filter key can be used once in a request.")
    return checked


def fits(record: Record, wanted: Filter) -> bool:
    """Whether the parameter fits the filter."""
    if wanted.key.startswith(TAG):
        return _fits_tag(record, wanted)
    if wanted.key == "Label":
        return any(value in record.document["labels"] for value in wanted.values)
    if wanted.key == "Path":
        return any(_is_below(record.name, value, wanted.option) for value in wanted.values)
    held = str(record.document["parameter"].get(wanted.key, ""))
    names = (held, str(parameter_arn(record.scope, record.name))) if wanted.key == "Name" else (held,)
    return any(_compares(name, value, wanted.option) for name in names for value in wanted.values)


def _compares(held: str, value: str, option: str) -> bool:
    if option == "BeginsWith":
        return held.startswith(value) or held.startswith(f"/{value}")
    if option == "Contains":
        return value in held
    return held in (value, f"/{value}")


def _is_below(name: str, path: str, option: str) -> bool:
    prefix = path if path.endswith("/") else f"{path}/"
    whole = name if name.startswith("/") else f"/{name}"
    return whole.startswith(prefix) and (option == "Recursive" or "/" not in whole[len(prefix) :])


def _fits_tag(record: Record, wanted: Filter) -> bool:
    tags: dict[str, str] = {tag["Key"]: tag["Value"] for tag in record.document["tags"]}
    key = wanted.key.removeprefix(TAG)
    return key in tags and (not wanted.values or tags[key] in wanted.values)
