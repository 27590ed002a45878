"""The commands of a Logs Insights query: fields, display, filter, stats, sort, limit, parse, dedup.

Reference: CloudWatch Logs user guide, "Supported commands and functions".
"""

from collections.abc import Callable

import re2

from bastide.api.logs.insights.expressions import Reader
from bastide.api.logs.insights.tokens import malformed, read_regex, unquoted
from bastide.store.logs.insights.statements import LIMIT_MAX
from bastide.store.logs.insights.syntax import (
    Command,
    Cut,
    Dedup,
    Display,
    Expression,
    Field,
    Fields,
    Filter,
    Limit,
    Named,
    Order,
    Parse,
    Query,
    Sort,
    Stats,
)

COMMANDS_MAX = 50


def parse_query(text: str) -> Query:
    """The commands; raises Invalid of `query`."""
    reader = Reader(text)
    commands: list[Command] = []
    reader.skip("|")
    while reader.peek().kind != "end":
        commands.append(_command(reader))
        if len(commands) > COMMANDS_MAX:
            raise malformed(f"it has more than {COMMANDS_MAX} commands")
        if reader.peek().kind != "end":
            reader.expect("|")
            if reader.peek().kind == "end":
                raise malformed("nothing stands behind the last |")
    if not commands:
        raise malformed("it is empty")
    return tuple(commands)


def _command(reader: Reader) -> Command:
    token = reader.take()
    read = _COMMANDS.get(token.text.lower()) if token.kind == "word" else None
    if read is None:
        known = ", ".join(_COMMANDS)
        raise malformed(f"{token.text!r} at position {token.start} is no command here; known are {known}")
    return read(reader)


def _fields(reader: Reader) -> Command:
    return Fields(_columns(reader))


def _display(reader: Reader) -> Command:
    return Display(_columns(reader))


def _filter(reader: Reader) -> Command:
    return Filter(reader.expression())


def _stats(reader: Reader) -> Command:
    columns = _columns(reader)
    return Stats(columns, _columns(reader) if reader.skip("by") else ())


def _sort(reader: Reader) -> Command:
    orders = [_order(reader)]
    while reader.skip(","):
        orders.append(_order(reader))
    return Sort(tuple(orders))


def _order(reader: Reader) -> Order:
    by = _expression(reader)
    if reader.skip("desc"):
        return Order(by, True)
    reader.skip("asc")
    return Order(by, False)


def _limit(reader: Reader) -> Command:
    token = reader.take()
    if token.kind != "number" or not token.text.isdecimal() or not 1 <= int(token.text) <= LIMIT_MAX:
        raise malformed(f"limit needs a whole number from 1 to {LIMIT_MAX}")
    return Limit(int(token.text))


def _dedup(reader: Reader) -> Command:
    names: list[Expression] = [Field(reader.name())]
    while reader.skip(","):
        names.append(Field(reader.name()))
    return Dedup(tuple(names))


def _parse(reader: Reader) -> Command:
    """`parse [field] "glob" as a, b` or `parse [field] /regular expression with (?<names>)/`."""
    source: Expression = Field("@message")
    if read_regex(reader.text, reader.at) is None and reader.peek().kind != "text":
        source = Field(reader.name())
    if read_regex(reader.text, reader.at) is not None:
        pattern = reader.regex()
        by_number = {number: name for name, number in re2.compile(pattern).groupindex.items()}
        if not by_number or set(by_number) != set(range(1, re2.compile(pattern).groups + 1)):
            raise malformed("every group of a regular expression in parse needs a name: (?<name>…)")
        return Parse(source, pattern, tuple(by_number[number] for number in sorted(by_number)))
    token = reader.take()
    if token.kind != "text":
        raise malformed(f"parse needs a glob or a regular expression at position {token.start}")
    reader.expect("as")
    names = [reader.name()]
    while reader.skip(","):
        names.append(reader.name())
    texts = tuple(unquoted(token.text).split("*"))
    if len(texts) - 1 != len(names):
        raise malformed(f"parse has {len(texts) - 1} asterisks and {len(names)} names")
    return Cut(source, texts, tuple(names))


def _columns(reader: Reader) -> tuple[Named, ...]:
    columns = [_column(reader)]
    while reader.skip(","):
        columns.append(_column(reader))
    return tuple(columns)


def _column(reader: Reader) -> Named:
    column = _expression(reader)
    return Named(column.expression, reader.name()) if reader.skip("as") else column


def _expression(reader: Reader) -> Named:
    """An expression, called by its own text."""
    start = reader.peek().start
    expression = reader.expression()
    text = reader.text[start : reader.at].strip()
    return Named(expression, expression.name if isinstance(expression, Field) else text)


_COMMANDS: dict[str, Callable[[Reader], Command]] = {
    "fields": _fields,
    "display": _display,
    "filter": _filter,
    "stats": _stats,
    "sort": _sort,
    "limit": _limit,
    "parse": _parse,
    "dedup": _dedup,
}
