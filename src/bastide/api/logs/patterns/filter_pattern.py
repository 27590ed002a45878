"""`filterPattern`: from the text a user writes to a test for messages.

Three forms, told apart by their first character: `{…}` JSON, `[…]` columns, else terms. All terms must
occur (case-sensitive, anywhere), `-x` must not, of `?x ?y` one is enough, "quotes" keep a phrase together,
%regular expressions% are looked for.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from bastide.api.logs.patterns.column_pattern import parse_column_pattern
from bastide.api.logs.patterns.comparison import unquoted
from bastide.api.logs.patterns.json_pattern import parse_json_pattern
from bastide.api.logs.patterns.regex import Regex, check_count
from bastide.api.logs.patterns.wrong import unsupported

_TERM = re.compile(
    r'\s*(?P<sign>[-?]?)\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]*%)|(?P<bare>[^\s"]+))'
)
_BARE = re.compile(r"\w+")

Test = Callable[[str], bool]


class Pattern(NamedTuple):
    """A test for messages, and texts that occur in every message which passes it."""

    fits: Test
    contains: tuple[str, ...] = ()


def parse_filter_pattern(text: str) -> Pattern:
    """The pattern; an empty one fits every message. Raises Invalid for what is no pattern."""
    text = text.strip()
    if not text:
        return Pattern(lambda message: True)
    if text[0] == "{":
        return Pattern(parse_json_pattern(_inside(text, "}")))
    if text[0] == "[":
        return Pattern(parse_column_pattern(_inside(text, "]")))
    return _parse_terms(text)


def _inside(text: str, end: str) -> str:
    if len(text) < 2 or text[-1] != end:
        raise unsupported(f"{text[0]} is not closed by {end}")
    return text[1:-1]


def _parse_terms(text: str) -> Pattern:
    terms: dict[str, list[str | Regex]] = {"": [], "-": [], "?": []}
    found: list[re.Match[str]] = []
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise unsupported(f"unexpected {text[at:].lstrip()[:1]!r}")
        terms[match["sign"]].append(_term(match))
        found.append(match)
        at = match.end()
    check_count([match["regex"] for match in found if match["regex"]])
    needed, excluded, optional = terms[""], terms["-"], terms["?"]
    if needed or excluded:
        optional = []  # AWS ignores ?terms beside others

    def fits(message: str) -> bool:
        return (
            all(_occurs(term, message) for term in needed)
            and not any(_occurs(term, message) for term in excluded)
            and (not optional or any(_occurs(term, message) for term in optional))
        )

    return Pattern(fits, tuple(term for term in needed if isinstance(term, str)))


def _occurs(term: str | Regex, message: str) -> bool:
    return term in message if isinstance(term, str) else term.occurs_in(message)


def _term(match: re.Match[str]) -> str | Regex:
    if match["quoted"] is not None:
        return unquoted(match["quoted"])
    if match["regex"] is not None:
        return Regex(match["regex"])
    bare = match["bare"]
    if not _BARE.fullmatch(bare):
        raise unsupported(f"Invalid character(s) in term '{bare}'")
    return str(bare)
