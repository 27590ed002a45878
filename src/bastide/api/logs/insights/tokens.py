"""A Logs Insights query in pieces. Comments begin with # and go to the end of the line."""

import re
from typing import NamedTuple

from bastide.model.faults import Invalid

_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*+)*+(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<tick>`[^`]*`)
      | (?P<duration>\d+(?:ms|s|mo|m|h|d|w|q|y)\b)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<word>[@\w](?:[\w.@]*\w)?)
      | (?P<mark>=~|==|!=|<=|>=|[=<>|,()\[\]+*/%^-])
    )""",
    re.VERBOSE,
)
_REGEX = re.compile(r"(?:\s|\#[^\n]*+)*+/((?:[^/\\]|\\.)*)/")


class Token(NamedTuple):
    """A piece: what it is, what it says, and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these words or marks, in any case."""
        return self.kind in ("word", "mark") and self.text.lower() in words


def malformed(why: str) -> Invalid:
    """The fault for a query that cannot be read."""
    return Invalid("query", why=why)


def read_token(text: str, at: int) -> Token:
    """The piece at a place; of kind `end` behind the last one."""
    match = _TOKEN.match(text, at)
    if match is None or match.lastgroup is None:
        rest = re.sub(r"#[^\n]*", "", text[at:]).strip()
        if not rest:
            return Token("end", "", len(text), len(text))
        raise malformed(f"unexpected {rest[0]!r} at position {at}")
    start, end = match.span(match.lastgroup)
    return Token(match.lastgroup, match[match.lastgroup], start, end)


def read_regex(text: str, at: int) -> Token | None:
    """The regular expression between slashes at a place, without them; None where there is none."""
    match = _REGEX.match(text, at)
    if match is None:
        return None
    return Token("regex", match[1].replace("\\/", "/"), match.start(), match.end())


def unquoted(text: str) -> str:
    """What stands between quotes, without escapes."""
    return re.sub(r"""\\(["'\\])""", r"\1", text[1:-1])
