"""Where an event stands among a group's events, and the numbers users see for it.

A place is (timestamp in ms, seq); as a number, the time stands in the high bits, which makes 56 decimal
digits today as in AWS's event ids. A token `f/<number>/s` continues behind the place, `b/<number>/s` ends
with it: between two events a place means the gap, so that both directions meet without loss or repeat.
"""

import re
from typing import NamedTuple

from bastide.model.faults import Invalid
from bastide.store.logs.values import SEQ_MAX, Place

_SEQ_BITS = 144
_DIGITS = 56
_TOKEN = re.compile(r"([fb])/(\d{56})/s")


class Token(NamedTuple):
    """A direction and the place to go on from."""

    is_forward: bool
    place: Place


def render_place(place: Place) -> str:
    """The place as 56 digits."""
    timestamp_ms, seq = place
    return f"{timestamp_ms << _SEQ_BITS | seq:0{_DIGITS}d}"


def before(place: Place) -> Place:
    """The gap in front of an event."""
    return (place[0], place[1] - 1)


def render_forward(place: Place) -> str:
    """The token for what comes behind."""
    return f"f/{render_place(place)}/s"


def render_backward(place: Place) -> str:
    """The token for the place and what comes in front of it."""
    return f"b/{render_place(place)}/s"


def parse_token(text: str) -> Token:
    """Raises Invalid for what was never given out."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise Invalid("page token", text)
    number = int(match[2])
    timestamp_ms, seq = number >> _SEQ_BITS, number & ((1 << _SEQ_BITS) - 1)
    if seq > SEQ_MAX or timestamp_ms > SEQ_MAX:
        raise Invalid("page token", text)
    return Token(match[1] == "f", (timestamp_ms, seq))
