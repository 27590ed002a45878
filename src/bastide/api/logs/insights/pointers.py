"""What a result of a query points at, `@ptr`: one event of one log group."""

import base64
from typing import NamedTuple

import msgspec

from bastide.model.faults import Invalid


class Pointer(NamedTuple):
    """An event's group, by name, and its place in it."""

    group: str
    timestamp_ms: int
    seq: int


def render_pointer(pointer: Pointer) -> str:
    """As results have it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(pointer)).decode()


def parse_pointer(text: str) -> Pointer:
    """Raises Invalid for what was never given out."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=Pointer)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid("parameter", why="The log record pointer is not valid.") from error
