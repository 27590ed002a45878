"""Regular expressions in filter patterns: `%AUTHORIZED%`, `%[0-9]{3}%`.

What may stand in one is the user guide's to say ("Supported regular expressions syntax"): no groups, no
white space but `\\s`. RE2 looks for it anywhere in the text, in time that grows with the text alone.
"""

import re
from collections.abc import Sequence

import re2

from bastide.api.logs.patterns.wrong import unsupported

COUNT_MAX = 2  # "a maximum of 2 regular expressions for each filter pattern"
_ALLOWED = re.compile(
    r"(?:[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|*+.]|\\[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|*+.()\\<>&!~\"'])+"
)


class Regex:
    """One, with its percent signs."""

    def __init__(self, text: str) -> None:
        body = text[1:-1]
        if not _ALLOWED.fullmatch(body):
            raise unsupported(
                f"the regular expression {text} is empty or has characters that are not allowed"
            )
        try:
            self._search = re2.compile(body).search
        except re2.error as error:
            raise unsupported(f"the regular expression {text} cannot be read") from error

    def occurs_in(self, text: str) -> bool:
        """Whether it is found anywhere in the text."""
        return self._search(text) is not None


def check_count(texts: Sequence[str]) -> None:
    """Raises Invalid when a pattern has more of them than it may."""
    if len(texts) > COUNT_MAX:
        raise unsupported(f"it has {len(texts)} regular expressions; at most {COUNT_MAX} are allowed")
