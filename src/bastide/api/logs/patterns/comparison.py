"""Comparisons inside filter patterns: `= "x"`, `!= 4*`, `>= 500`, and the words they are written in.

Owns the lexer that JSON and column patterns share. A pattern of the user's never costs more than a few passes
over the message: regular expressions are RE2's.
"""

import re
from typing import NamedTuple

from bastide.api.logs.patterns.regex import Regex, check_count
from bastide.api.logs.patterns.wrong import unsupported

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.[\w-]+|\.\*|\[\d+\]|\[\*\]|\["[^"]*"\]|\['[^']*'\])*)
      | (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<regex>%[^%]*%)
      | (?P<mark>&&|\|\||[(),])
      | (?P<operator>!=|>=|<=|==|=!|=|<|>)
      | (?P<word>[^\s()&|,=<>!"%]+)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SPELLINGS = {"==": "=", "=!": "!="}  # both are in circulation, the second in AWS's own user guide

Scalar = str | int | float | bool


class Token(NamedTuple):
    """One piece of a pattern and what it is: selector, text, regex, mark, operator or word."""

    kind: str
    text: str


def read_tokens(text: str) -> list[Token]:
    """The pattern's pieces; raises Invalid for one that is none."""
    tokens: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise unsupported(f"unexpected {text[at:].lstrip()[:1]!r}")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    check_count([token.text for token in tokens if token.kind == "regex"])
    return tokens


def unquoted(text: str) -> str:
    """A quoted piece without its quotes and escapes."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])


class Comparison:
    """`operator value`, ready to be asked."""

    def __init__(self, operator: str, value: Token) -> None:
        self._operator = _SPELLINGS.get(operator, operator)
        self._regex = Regex(value.text) if value.kind == "regex" else None
        quoted = value.kind == "text"
        self._text = unquoted(value.text) if quoted else value.text
        number = None if quoted or self._regex else _NUMBER.fullmatch(self._text)
        self._number = float(self._text) if number else None
        if self._operator not in ("=", "!=") and self._number is None:
            raise unsupported(f"{self._operator} needs a number, not {self._text!r}")

    def holds(self, found: Scalar) -> bool:
        """Whether the value found in a message compares as asked."""
        if self._operator == "=":
            return self._is_equal(found)
        if self._operator == "!=":
            return not self._is_equal(found)
        number = _number_in(found)
        if number is None or self._number is None:
            return False
        if self._operator == "<":
            return number < self._number
        if self._operator == "<=":
            return number <= self._number
        return number > self._number if self._operator == ">" else number >= self._number

    def _is_equal(self, found: Scalar) -> bool:
        if self._number is not None and (number := _number_in(found)) is not None:
            return number == self._number
        if isinstance(found, bool):
            found = "true" if found else "false"
        if self._regex is not None:
            return self._regex.occurs_in(str(found))
        return _matches(self._text, str(found))


def _number_in(found: Scalar) -> float | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, str):
        return float(found) if _NUMBER.fullmatch(found) else None
    return float(found)


def _matches(wanted: str, text: str) -> bool:
    """Equal, with `*` standing for anything at the start and at the end of what is wanted."""
    starts, ends = wanted.endswith("*"), wanted.startswith("*")
    core = wanted[1 if ends else 0 : -1 if starts else None]
    if starts and ends:
        return core in text
    if starts:
        return text.startswith(core)
    return text.endswith(core) if ends else text == core
