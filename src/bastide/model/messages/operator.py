"""What an operator's command and the server say to each other: one question a connection, then its answers.

A question names an operation; what it and its answers hold stands in `asked`. The
answers end with `Done` or `Refused`; a connection that ends without either was cut.
"""

from typing import TypeVar

import msgspec

from bastide.model.faults import Invalid

T = TypeVar("T")


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """The command's only words."""

    operation: str
    params: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """One answer; an operation that is followed gives one after the other."""

    result: msgspec.Raw


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It cannot be, or (`is_passing`) cannot be now, and the sentence the operator reads."""

    why: str
    is_passing: bool = False


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Every answer there is was given."""


Reply = Answer | Refused | Done

_asks = msgspec.json.Decoder(Ask)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def parse_ask(body: bytes) -> Ask:
    """A question; raises Invalid for anything else."""
    return _parsed(_asks, body)


def parse_reply(body: bytes) -> Reply:
    """What the server says; raises Invalid for anything else."""
    return _parsed(_replies, body)


def _parsed(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid("frame", why=f"not words between an operator and this server: {error}") from error
