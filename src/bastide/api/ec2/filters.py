"""EC2's `Filters`: which documents of a list fit.

Values of one filter are alternatives, filters are all needed. `*` and `?` are wildcards, a backslash takes
their meaning away (EC2 user guide, "Filtering your resources"). A filter name is looked up in the table of
its operation, where it stands for a path into the document; lists on the way mean "any of them".
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bastide.api.ec2.wildcards import matches_wildcards
from bastide.model.faults import Invalid, LimitExceeded

FILTER_VALUES_MAX = 200  # for all filters of a call together
VALUE_CHARS_MAX = 255

Path = tuple[str, ...]
FilterTable = Mapping[str, Path]
Document = dict[str, Any]


def filtered(
    documents: Iterable[Document], filters: Sequence[Mapping[str, Any]], table: FilterTable
) -> list[Document]:
    """The documents that fit every filter; raises Invalid for a filter the operation does not have."""
    wanted = _parse_filters(filters, table)
    return [document for document in documents if all(_fits(document, *one) for one in wanted)]


def text_values(document: Any, path: Path) -> list[str]:
    """What stands at the path, as filters write it; several values where lists are on the way."""
    nodes = [document]
    for member in path:
        nodes = [node[member] for node in _flat(nodes) if isinstance(node, Mapping) and member in node]
    return [_text(node) for node in _flat(nodes) if node is not None]


def _parse_filters(
    filters: Sequence[Mapping[str, Any]], table: FilterTable
) -> list[tuple[str | None, Path, list[str]]]:
    parsed: list[tuple[str | None, Path, list[str]]] = []
    for one in filters:
        name, values = one.get("Name") or "null", list(one.get("Values") or ())
        if not values:
            raise Invalid("parameter", why=f"The filter '{name}' has no values")
        if any(len(value) > VALUE_CHARS_MAX for value in values):
            why = f"The maximum length for a filter value is {VALUE_CHARS_MAX} characters"
            raise LimitExceeded("filter", why=why)
        if name.startswith("tag:"):
            parsed.append((name.removeprefix("tag:"), (), values))
        elif name in table:
            parsed.append((None, table[name], values))
        else:
            raise Invalid("parameter", why=f"The filter '{name}' is invalid")
    if sum(len(values) for _, _, values in parsed) > FILTER_VALUES_MAX:
        why = f"The maximum number of filter values specified on a single call is {FILTER_VALUES_MAX}"
        raise LimitExceeded("filter", why=why)
    return parsed


def _fits(document: Document, tag: str | None, path: Path, values: list[str]) -> bool:
    if tag is None:
        found = text_values(document, path)
    else:
        found = [one["Value"] for one in _tags(document) if one["Key"] == tag]
    return any(matches_wildcards(value, text) for value in values for text in found)


def _tags(document: Document) -> list[dict[str, str]]:
    tags: list[dict[str, str]] = document.get("Tags") or document.get("TagSet") or []
    return tags


def _flat(nodes: Iterable[Any]) -> list[Any]:
    return [inner for node in nodes for inner in (node if isinstance(node, list) else [node])]


def _text(node: Any) -> str:
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, datetime):
        return node.strftime("%Y-%m-%dT%H:%M:%S.") + f"{node.microsecond // 1000:03d}Z"
    return str(node)
