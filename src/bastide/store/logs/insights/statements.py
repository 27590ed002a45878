"""A Logs Insights query as one SELECT: a sub-query for each command, over the events of some groups.

Every row carries what it stands for: the event's own fields, then what commands have made. Without `display`
or `fields` an event shows its time and message, as AWS does; without `sort` the newest come first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bastide.model.faults import Invalid
from bastide.store.logs.insights.expressions import Compiler, Made, Values, has_aggregate, quoted
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

LIMIT_MAX = 10_000
EVENT_KINDS = {
    "@timestamp": "time",
    "@message": "text",
    "@logStream": "text",
    "@log": "text",
    "@ingestionTime": "time",
    "@seq": "number",
}
SHOWN = ("@timestamp", "@message")
PARSED = '"parsed by the last command"'  # beside the columns; what is made of it is kept, itself it is not
STATS_MAX = 2  # "you can use up to two stats commands"


class Column(NamedTuple):
    """What is shown: its name, and how it is written out."""

    name: str
    kind: str


class Statement(msgspec.Struct, frozen=True):
    """SQL over a table `events` (EVENT_KINDS), parameters, and what comes out.

    Rows that are events end with @log, @timestamp and @seq, which say where each stands.
    """

    sql: str
    values: dict[str, object]
    columns: tuple[Column, ...]
    has_pointer: bool


def compile_query(query: Query, *, limit: int) -> Statement:
    """The statement; Invalid says what in the query cannot be."""
    return _Builder(limit).build(query)


class _Builder:
    def __init__(self, limit: int) -> None:
        self._values = Values()
        self._sql = "SELECT * FROM events"
        self._kinds = dict(EVENT_KINDS)
        self._shown: list[str] = []
        self._order: tuple[Order, ...] | None = None
        self._limit = limit
        self._stats = 0

    def build(self, query: Query) -> Statement:
        for command in query:
            self._add(command)
        is_event = not self._stats
        shown = self._shown or (list(SHOWN) if is_event else list(self._kinds))
        columns = [Column(name, self._kinds[name]) for name in dict.fromkeys(shown)]
        names = [quoted(column.name) for column in columns]
        if is_event:
            names += ['"@log"', '"@timestamp"', '"@seq"']
        sql = f"SELECT {', '.join(names)} FROM ({self._sql}){self._order_by()} LIMIT {self._limit}"
        return Statement(sql, self._values.given, tuple(columns), is_event)

    def _add(self, command: Command) -> None:
        match command:
            case Fields(columns):
                self._show(columns)
            case Display(columns):
                self._shown = []
                self._show(columns)
            case Filter(condition):
                if has_aggregate(condition):
                    raise Invalid("query", why="Aggregation functions may stand only in stats.")
                self._sql = f"SELECT * FROM ({self._sql}) WHERE {self._compiler.flag(condition)}"
            case Stats(columns, by):
                self._aggregate(columns, by)
            case Sort(by):
                self._order = by
            case Limit(count):
                self._limit = min(count, LIMIT_MAX)
            case Parse(source, pattern, names):
                self._parse(source, pattern, names)
            case Cut(source, texts, names):
                self._cut(source, texts, names)
            case Dedup(by):
                self._dedup(by)

    @property
    def _compiler(self) -> Compiler:
        return Compiler(self._kinds, self._values)

    def _show(self, columns: Sequence[Named]) -> None:
        for column in columns:
            if has_aggregate(column.expression):
                raise Invalid("query", why="Aggregation functions may stand only in stats.")
            if column.name not in self._kinds:  # one by one: the next may name this one
                self._extend({column.name: self._compiler.make(column.expression)})
            self._shown.append(column.name)

    def _extend(self, made: dict[str, Made]) -> None:
        """More columns beside those there are; one of the same name is replaced."""
        kept = ", ".join(quoted(name) for name in self._kinds if name not in made)
        more = ", ".join(f"{one.sql} AS {quoted(name)}" for name, one in made.items())
        self._sql = (
            f"SELECT {kept}, {more} FROM ({self._sql})" if kept else f"SELECT {more} FROM ({self._sql})"
        )
        self._kinds |= {name: one.kind for name, one in made.items()}

    def _aggregate(self, columns: Sequence[Named], by: Sequence[Named]) -> None:
        self._stats += 1
        if self._stats > STATS_MAX:
            raise Invalid("query", why=f"A query may have at most {STATS_MAX} stats commands.")
        for one in columns:
            if not has_aggregate(one.expression):
                raise Invalid("query", why=f"{one.name} is no aggregation: only those may stand in stats.")
        keys = {one.name: self._compiler.make(one.expression) for one in by}
        made = {one.name: self._compiler.make(one.expression) for one in columns}
        every = keys | made
        selected = ", ".join(f"{one.sql} AS {quoted(name)}" for name, one in every.items())
        grouped = f" GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))}" if keys else ""
        self._sql = f"SELECT {selected} FROM ({self._sql}){grouped}"
        self._kinds = {name: one.kind for name, one in every.items()}
        self._shown, self._order = [], None

    def _parse(self, source: Expression, pattern: str, names: Sequence[str]) -> None:
        text, regex = self._compiler.text(source), self._values.add(pattern)
        # All groups by one pass: to take them out costs some six times what it costs to see whether they are.
        groups = ", ".join(f"'g{group}'" for group in range(1, len(names) + 1))
        matches = f"regexp_matches({text}, {regex}, 's')"
        taken = f"regexp_extract({text}, {regex}, [{groups}], 's')"
        self._sql = f"SELECT *, CASE WHEN {matches} THEN {taken} END AS {PARSED} FROM ({self._sql})"
        self._extend({name: Made(f"{PARSED}.g{group}", "any") for group, name in enumerate(names, 1)})

    def _cut(self, source: Expression, texts: Sequence[str], names: Sequence[str]) -> None:
        """Text by text: finding them takes a third of what a regular expression does."""
        self._sql = f"SELECT *, {self._compiler.text(source)} AS {_rest(0)} FROM ({self._sql})"
        for number, text in enumerate(texts):
            ends_all = text == "" and number == len(texts) - 1
            found = f"strpos({_rest(number)}, {self._values.add(text)})" if text else "1"
            at = f"length({_rest(number)}) + 1" if ends_all else f"nullif({found}, 0)"
            self._sql = f"SELECT *, {at} AS {_at(number)} FROM ({self._sql})"
            before = f"substr({_rest(number)}, 1, {_at(number)} - 1) AS {_before(number)}"
            after = f"substr({_rest(number)}, {_at(number)} + {len(text)}) AS {_rest(number + 1)}"
            self._sql = f"SELECT *, {before}, {after} FROM ({self._sql})"
        is_whole = f"{_rest(len(texts))} IS NOT NULL"
        cut = {
            name: f"CASE WHEN {is_whole} THEN {_before(number)} END" for number, name in enumerate(names, 1)
        }
        self._extend({name: Made(sql, "any") for name, sql in cut.items()})

    def _dedup(self, by: Sequence[Expression]) -> None:
        keys = ", ".join(self._compiler.make(one).sql for one in by)
        self._sql = (
            f"SELECT * FROM ({self._sql})"
            f" QUALIFY row_number() OVER (PARTITION BY {keys}{self._order_by()}) = 1"
        )

    def _order_by(self) -> str:
        if self._order is None:
            return "" if self._stats else ' ORDER BY "@timestamp" DESC, "@seq" DESC'
        terms = []
        for order in self._order:
            by = order.by  # `sort count(*)` means the column that stats has made
            made = self._compiler.make(Field(by.name) if by.name in self._kinds else by.expression)
            way = "DESC" if order.is_descending else "ASC"
            if made.kind == "any":  # numbers among themselves, then everything else
                terms.append(f"TRY_CAST({made.sql} AS DOUBLE) {way} NULLS LAST")
            terms.append(f"{made.sql} {way} NULLS LAST")
        return f" ORDER BY {', '.join(terms)}"


def _rest(number: int) -> str:
    """The column of what is left before a text is looked for."""
    return f'"left for text {number}"'


def _at(number: int) -> str:
    """The column of where a text begins in it; nothing where it does not."""
    return f'"begin of text {number}"'


def _before(number: int) -> str:
    """The column of what is between a text and the one before."""
    return f'"cut by text {number}"'
