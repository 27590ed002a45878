"""`limit` and `nextToken` of CloudWatch Logs' listings. The wire has checked the limit against the model."""

from collections.abc import Callable

from bastide.api.operation import Params
from bastide.api.paging import parse_token, render_token
from bastide.store import Record

LIST_MAX = 50  # DescribeLogGroups and DescribeLogStreams

Cursor = tuple[str, str]
Find = Callable[[Cursor | None, int], list[Record]]


def read_list(find: Find, params: Params, *query: object) -> tuple[list[Record], str | None]:
    """One page of records by name and key, and the token of the next; None at the end."""
    limit = params.get("limit", LIST_MAX)
    token = params.get("nextToken")
    records = find(parse_token(token, *query) if token else None, limit + 1)
    if len(records) <= limit:
        return records, None
    last = records[limit - 1]
    return records[:limit], render_token((last.name, last.key), *query)
