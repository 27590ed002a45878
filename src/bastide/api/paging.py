"""Pages of a listing: limits, and tokens bound to the query they continue.

A token is a cursor and a digest over cursor and query: opaque, useless for any other query or scope, and
no secret, for what a page may show is decided by the query alone. Nothing is kept: tokens outlive restarts.
"""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from bastide.model.faults import Invalid
from bastide.store.records import Record

Cursor = tuple[str, str]  # name and key of the last entry shown
Find = Callable[[Cursor | None, int], list[Record]]

_DIGEST_BYTES = 12
_PURPOSE = b"bastide page"


def read_limit(params: dict[str, Any], *, most: int = 100) -> int:
    """How many entries a page may have, `most` unless said; raises Invalid outside 1 to `most`."""
    limit = int(params.get("maxResults", most))
    if not 1 <= limit <= most:
        raise Invalid("parameter", why=f"maxResults must be between 1 and {most}, but was {limit}.")
    return limit


def render_token(cursor: Cursor, *query: object) -> str:
    """The token that continues `query` behind `cursor`.

    `query` is everything that must stay the same from page to page: operation, scope, filters.
    """
    body = msgspec.json.encode(cursor)
    return base64.urlsafe_b64encode(_digest(body, query) + body).decode()


def parse_token(token: str, *query: object) -> Cursor:
    """The cursor in a token; raises Invalid for a token of another query, or of nobody."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        body = raw[_DIGEST_BYTES:]
        cursor: Cursor = msgspec.json.decode(body, type=Cursor)
    except (ValueError, msgspec.MsgspecError) as error:  # ValueError: base64 or UTF-8 is broken
        raise Invalid("page token", token) from error
    if raw[:_DIGEST_BYTES] != _digest(body, query):
        raise Invalid("page token", token)
    return cursor


def read_page(
    find: Find, params: dict[str, Any], *query: object, most: int = 100
) -> tuple[list[Record], str | None]:
    """One page of records ordered by name and key, and the token of the next; None at the end."""
    limit = read_limit(params, most=most)
    token = params.get("nextToken")
    records = find(None if token is None else parse_token(token, *query), limit + 1)
    if len(records) <= limit:
        return records, None
    last = records[limit - 1]
    return records[:limit], render_token((last.name, last.key), *query)


def cut_page(
    names: list[str], params: dict[str, Any], *query: object, most: int
) -> tuple[list[str], str | None]:
    """The same for a list in hand: `names` sorted, each once."""
    limit = read_limit(params, most=most)
    if (token := params.get("nextToken")) is not None:
        last_shown, _ = parse_token(token, *query)
        names = [name for name in names if name > last_shown]
    if len(names) <= limit:
        return names, None
    return names[:limit], render_token((names[limit - 1], ""), *query)


def _digest(body: bytes, query: tuple[object, ...]) -> bytes:
    told = body + b"\0" + msgspec.json.encode(query, order="sorted")
    return hashlib.blake2b(told, digest_size=_DIGEST_BYTES, person=_PURPOSE).digest()
