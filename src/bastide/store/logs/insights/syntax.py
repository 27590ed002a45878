"""A Logs Insights query as it was parsed: commands in order, each with its expressions.

Invariants: every regular expression is one RE2 takes; every function's name is in lower case and known.
"""

from typing import Literal

import msgspec


class Number(msgspec.Struct, frozen=True, tag=True):
    """`200`, `0.5`."""

    value: float


class Text(msgspec.Struct, frozen=True, tag=True):
    """`"ERROR"`."""

    value: str


class Regex(msgspec.Struct, frozen=True, tag=True):
    """`/timed out/`."""

    pattern: str


class Duration(msgspec.Struct, frozen=True, tag=True):
    """`5m`, as bin takes it."""

    ms: int


class Field(msgspec.Struct, frozen=True, tag=True):
    """`@message`, `user.name`: one of the event's own, one made before, or a member of a JSON message."""

    name: str


class Call(msgspec.Struct, frozen=True, tag=True):
    """`strlen(@message)`, `count(*)` (which has no arguments)."""

    function: str
    arguments: "tuple[Expression, ...]"


class Unary(msgspec.Struct, frozen=True, tag=True):
    """`not x`, `-x`."""

    operator: Literal["not", "-"]
    value: "Expression"


class Binary(msgspec.Struct, frozen=True, tag=True):
    """`a and b`, `a + b`, `a >= b`, `a like b`."""

    operator: str
    left: "Expression"
    right: "Expression"


class Among(msgspec.Struct, frozen=True, tag=True):
    """`a in [1, 2]`."""

    value: "Expression"
    choices: "tuple[Expression, ...]"


Expression = Number | Text | Regex | Duration | Field | Call | Unary | Binary | Among


class Named(msgspec.Struct, frozen=True):
    """An expression and the name its values have."""

    expression: Expression
    name: str


class Fields(msgspec.Struct, frozen=True):
    """`fields a, b * 2 as c`."""

    columns: tuple[Named, ...]


class Display(msgspec.Struct, frozen=True):
    """`display a, b`: these and no others are shown."""

    columns: tuple[Named, ...]


class Filter(msgspec.Struct, frozen=True):
    """`filter status >= 500`."""

    condition: Expression


class Stats(msgspec.Struct, frozen=True):
    """`stats count(*) as n by bin(5m)`."""

    columns: tuple[Named, ...]
    by: tuple[Named, ...]


class Order(msgspec.Struct, frozen=True):
    """`n desc`."""

    by: Named
    is_descending: bool


class Sort(msgspec.Struct, frozen=True):
    """`sort n desc, name`."""

    by: tuple[Order, ...]


class Limit(msgspec.Struct, frozen=True):
    """`limit 20`."""

    count: int


class Parse(msgspec.Struct, frozen=True):
    """`parse @message /user=(?<user>.*)/`: by a regular expression, whose groups are named so."""

    source: Expression
    pattern: str
    names: tuple[str, ...]


class Cut(msgspec.Struct, frozen=True):
    """`parse @message "user=* ms=*" as user, ms`: what is between fixed texts, one more than there are names.

    The first text may be anywhere, each other one is the first after it; an empty last one is the end.
    """

    source: Expression
    texts: tuple[str, ...]
    names: tuple[str, ...]


class Dedup(msgspec.Struct, frozen=True):
    """`dedup server, severity`."""

    by: tuple[Expression, ...]


Command = Fields | Display | Filter | Stats | Sort | Limit | Parse | Cut | Dedup
Query = tuple[Command, ...]
