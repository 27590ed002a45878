"""Expressions of Logs Insights as SQL.

A field has the kind its maker gave it; a member of a JSON message is text that may be a number: arithmetic
takes it as one, comparisons where both sides are. What is no number where one is needed is nothing at all.
Texts of the user's become parameters.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from bastide.model.faults import Invalid
from bastide.store.logs.insights.functions import Function, find_function
from bastide.store.logs.insights.syntax import (
    Among,
    Binary,
    Call,
    Duration,
    Expression,
    Field,
    Number,
    Regex,
    Text,
    Unary,
)

COMPARISONS = {"=": "=", "==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
NUMERIC = ("number", "time")
MESSAGE = "@message"


class Made(NamedTuple):
    """SQL, and the kind of what it gives."""

    sql: str
    kind: str


class Values:
    """The parameters of a statement."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def add(self, value: Any) -> str:
        """Its name in the statement."""
        name = f"value_{len(self.given)}"
        self.given[name] = value
        return f"${name}"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def has_aggregate(expression: Expression) -> bool:
    """Whether it needs many rows for a value."""
    if isinstance(expression, Call):
        found = find_function(expression.function, len(expression.arguments))
        return (found is not None and found[1]) or any(map(has_aggregate, expression.arguments))
    if isinstance(expression, Binary):
        return has_aggregate(expression.left) or has_aggregate(expression.right)
    if isinstance(expression, Unary | Among):
        return has_aggregate(expression.value)
    return False


class Compiler:
    """Makes expressions over columns whose kinds are known."""

    def __init__(self, kinds: Mapping[str, str], values: Values) -> None:
        self._kinds = kinds
        self._values = values

    def make(self, expression: Expression) -> Made:
        """The expression, whatever it is."""
        match expression:
            case Number(value):
                return Made(repr(int(value)) if value.is_integer() else repr(value), "number")
            case Text(value):
                return Made(self._values.add(value), "text")
            case Duration(ms):
                return Made(str(ms), "duration")
            case Field(name):
                return self._field(name)
            case Call():
                return self._call(expression)
            case Unary("not", value):
                return Made(f"(NOT coalesce({self.flag(value)}, FALSE))", "flag")
            case Unary(_, value):
                return Made(f"(-{self.number(value)})", "number")
            case Among(value, choices):
                equal = [self._compare("=", self.make(value), self.make(choice)) for choice in choices]
                return Made(f"({' OR '.join(equal) or 'FALSE'})", "flag")
            case Binary():
                return self._binary(expression)
            case Regex():
                raise Invalid("query", why="A regular expression may stand only behind like, =~ and parse.")

    def number(self, expression: Expression) -> str:
        """The expression as a number, or nothing."""
        return _as_number(self.make(expression))

    def text(self, expression: Expression) -> str:
        """The expression as text."""
        return _as_text(self.make(expression))

    def flag(self, expression: Expression) -> str:
        """The expression as a condition."""
        made = self.make(expression)
        if made.kind == "flag":
            return made.sql
        return f"({made.sql} <> 0)" if made.kind in NUMERIC else f"({made.sql} IN ('true', '1'))"

    def _field(self, name: str) -> Made:
        if name in self._kinds:
            return Made(quoted(name), self._kinds[name])
        if MESSAGE not in self._kinds or name.startswith("@"):
            return Made("NULL::VARCHAR", "any")
        path = self._values.add(json_path(name))
        return Made(f"json_extract_string(TRY_CAST({quoted(MESSAGE)} AS JSON), {path})", "any")

    def _call(self, call: Call) -> Made:
        found = find_function(call.function, len(call.arguments))
        if found is None:
            why = f"There is no function {call.function} of {len(call.arguments)} arguments here."
            raise Invalid("query", why=why)
        function, _ = found
        taken = [self._argument(function, index, one) for index, one in enumerate(call.arguments)]
        sql = function.sql.replace("{all}", ", ".join(made.sql for made in taken))
        for index, made in enumerate(taken):
            sql = sql.replace(f"{{{index}}}", made.sql)
        kind = taken[0].kind if function.gives == "same" else function.gives
        return Made(f"({sql})", kind)

    def _argument(self, function: Function, index: int, argument: Expression) -> Made:
        wanted = function.takes[min(index, len(function.takes) - 1)]
        made = self.make(argument)
        if (wanted == "duration") != (made.kind == "duration"):
            why = "A span of time such as 5m may stand only in bin, datefloor and dateceil."
            raise Invalid("query", why=why)
        if wanted == "number":
            return Made(_as_number(made), "number")
        if wanted == "text":
            return Made(_as_text(made), "text")
        if wanted == "time" and made.kind not in NUMERIC:
            return Made(f"CAST({_as_number(made)} AS BIGINT)", "time")
        if wanted == "measure" and made.kind not in NUMERIC:
            return Made(_as_number(made), "number")
        if wanted == "constant" and not isinstance(argument, Number):
            raise Invalid("query", why="The second argument of pct must be a number.")
        return made

    def _binary(self, binary: Binary) -> Made:
        operator = binary.operator
        if operator in ("and", "or"):
            return Made(f"({self.flag(binary.left)} {operator.upper()} {self.flag(binary.right)})", "flag")
        if operator in ("like", "=~"):
            text = self.text(binary.left)
            if isinstance(binary.right, Regex):
                return Made(f"regexp_matches({text}, {self._values.add(binary.right.pattern)}, 's')", "flag")
            return Made(f"contains({text}, {self.text(binary.right)})", "flag")
        if operator in COMPARISONS:
            return Made(self._compare(operator, self.make(binary.left), self.make(binary.right)), "flag")
        left, right = self.number(binary.left), self.number(binary.right)
        if operator in ("/", "%"):
            right = f"nullif({right}, 0)"
        return Made(f"({left} {operator} {right})", "number")

    def _compare(self, operator: str, left: Made, right: Made) -> str:
        sql = COMPARISONS[operator]
        if left.kind in NUMERIC or right.kind in NUMERIC:
            compared = f"{_as_number(left)} {sql} {_as_number(right)}"
            if operator == "!=":  # what is no number differs from every number
                return f"({left.sql} IS NOT NULL AND coalesce({compared}, TRUE))"
            return f"({compared})"
        as_text = f"{_as_text(left)} {sql} {_as_text(right)}"
        if operator in ("=", "==", "!=") or "text" in (left.kind, right.kind):
            return f"({as_text})"
        numbers = f"{_as_number(left)} {sql} {_as_number(right)}"
        return f"coalesce({numbers}, {as_text})"


def json_path(name: str) -> str:
    """`a.b.0` as DuckDB's path."""
    path = "$"
    for part in name.split("."):
        path += f"[{part}]" if part.isascii() and part.isdecimal() else '."' + part.replace('"', '\\"') + '"'
    return path


def _as_number(made: Made) -> str:
    if made.kind in NUMERIC:
        return made.sql
    if made.kind == "flag":
        return f"CAST({made.sql} AS INTEGER)"
    return f"TRY_CAST({made.sql} AS DOUBLE)"


def _as_text(made: Made) -> str:
    return made.sql if made.kind in ("text", "any") else f"CAST({made.sql} AS VARCHAR)"
