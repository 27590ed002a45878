"""IAM's listings: MaxItems, Marker and IsTruncated over what is in hand, in the order of its names."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from bastide.api.operation import Document, Params, Result
from bastide.api.paging import cut_page

ITEMS, ITEMS_MAX = 100, 1000  # API reference, ListUsers: MaxItems

T = TypeVar("T")


def page(
    member: str,
    entries: Iterable[T],
    params: Params,
    *,
    name_of: Callable[[T], str],
    shown: Callable[[T], object],
) -> Result:
    """One page of the entries under their member; names are unique, and a page shows only its own."""
    by_name = {name_of(entry): entry for entry in entries}
    names, marker = page_names(sorted(by_name), params, member)
    return {member: [shown(by_name[name]) for name in names], **marker}


def page_names(names: list[str], params: Params, *query: object) -> tuple[list[str], Document]:
    """The names on this page, and the members that say whether there is another."""
    asked = {"maxResults": params.get("MaxItems", ITEMS), "nextToken": params.get("Marker")}
    kept = {key: value for key, value in params.items() if key not in ("MaxItems", "Marker")}
    shown, token = cut_page(names, asked, *query, kept, most=ITEMS_MAX)
    return shown, {"IsTruncated": False} if token is None else {"IsTruncated": True, "Marker": token}


def is_below(record_path: str, params: Params) -> bool:
    """Whether a path begins as the request's PathPrefix says."""
    prefix: str = params.get("PathPrefix", "/")
    return record_path.startswith(prefix)
