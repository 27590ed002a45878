"""`filterPattern`: from the text a user writes to a test for messages.

Three forms, told apart by their first character: `{…}` JSON, `[…]` columns, else terms. All terms must
occur (case-sensitive, anywhere), `-x` must not, of `?x ?y` one is enough, "quotes" keep a phrase together.
"""

import re
from collections.abc import Callable

from bastide.api.logs.patterns.column_pattern import parse_column_pattern
from bastide.api.logs.patterns.comparison import unquoted, unsupported
from bastide.api.logs.patterns.json_pattern import parse_json_pattern

_TERM = re.compile(r'\s*(?P<sign>[-?]?)\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^\s"]+))')
_BARE = re.compile(r"\w+")

Matcher = Callable[[str], bool]


def parse_filter_pattern(text: str) -> Matcher | None:
    """The test, or None where every message fits; raises Invalid for what is no pattern."""
    text = text.strip()
    if not text:
        return None
    if text[0] == "{":
        return parse_json_pattern(_inside(text, "}"))
    if text[0] == "[":
        return parse_column_pattern(_inside(text, "]"))
    return _parse_terms(text)


def _inside(text: str, end: str) -> str:
    if len(text) < 2 or text[-1] != end:
        raise unsupported(f"{text[0]} is not closed by {end}")
    return text[1:-1]


def _parse_terms(text: str) -> Matcher:
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise unsupported(f"unexpected {text[at:].lstrip()[:1]!r}")
        terms[match["sign"]].append(_term(match))
        at = match.end()
    needed, excluded, optional = terms[""], terms["-"], terms["?"]
    if needed or excluded:
        optional = []  # AWS ignores ?terms beside others

    def matches(message: str) -> bool:
        return (
            all(term in message for term in needed)
            and not any(term in message for term in excluded)
            and (not optional or any(term in message for term in optional))
        )

    return matches


def _term(match: re.Match[str]) -> str:
    if match["quoted"] is not None:
        return unquoted(match["quoted"])
    bare = match["bare"]
    if bare.startswith("%"):
        raise unsupported("regular expressions are not supported")
    if not _BARE.fullmatch(bare):
        raise unsupported(f"Invalid character(s) in term '{bare}'")
    return str(bare)
