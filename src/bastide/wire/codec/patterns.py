"""The models' regular expressions, written for Java, made fit to run here on untrusted text.

What Python can't say, and what could backtrack without end, is not checked at all: the rule is then the
operation's to hold. The judgement is made on the parsed pattern, which only a private module gives.
"""

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections.abc import Callable
from functools import cache
from typing import Any

PATTERN_TEXT_MAX = 4096  # characters; longer text is not matched, its length is ruled elsewhere

# Java's classes in Python's words. \w is letters, numbers and underscore of all scripts: the letters-or-
# numbers classes are checked slightly leniently rather than wrongly.
CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d\w",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{Alnum}": "A-Za-z0-9",
    r"\p{ASCII}": "\\x00-\\x7f",
    r"\p{Graph}": "!-~",
    r"\p{Print}": " -~",
}


_TOKEN = re.compile(r"\\p\{\w+\}|\\.|.", re.DOTALL)


def in_python(pattern: str) -> str:
    """A Java pattern with its classes in Python's words, inside brackets and out."""
    out: list[str] = []
    is_inside = False
    for token in _TOKEN.findall(pattern):
        if token in CLASSES:
            out.append(CLASSES[token] if is_inside else f"[{CLASSES[token]}]")
        elif token == "-" and is_inside and out[-1].endswith("\\w"):
            out.append(r"\-")  # after a class: a range's middle for Python, a member for Java
        else:
            is_inside = token == "[" or (is_inside and token != "]")
            out.append(token)
    return "".join(out)


@cache
def pattern_check(pattern: str) -> Callable[[str], bool] | None:
    """Whole-text match of a model's pattern; None where Python can't say it or it might never end."""
    pattern = in_python(pattern)
    if not pattern or r"\p" in pattern or r"\P" in pattern:
        return None
    try:
        if _may_explode(sre_parser.parse(pattern)):
            return None
        matches = re.compile(pattern).fullmatch
    except (re.error, OverflowError, RecursionError):
        return None
    return lambda text: len(text) > PATTERN_TEXT_MAX or matches(text) is not None


def _may_explode(tokens: Any) -> bool:
    """Whether an unbounded repeat holds an alternative made of nothing but variable repeats."""
    for kind, argument in tokens:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            _, high, body = argument
            if (high == sre.MAXREPEAT and _is_elastic(body)) or _may_explode(body):
                return True
        elif kind is sre.SUBPATTERN:
            if _may_explode(argument[3]):
                return True
        elif kind is sre.BRANCH and any(_may_explode(branch) for branch in argument[1]):
            return True
    return False


def _is_elastic(tokens: Any) -> bool:
    """Whether text matched by these tokens could be cut into repeats of them in more than one way."""
    items = list(tokens)
    if len(items) == 1 and items[0][0] is sre.SUBPATTERN:
        return _is_elastic(items[0][1][3])
    if len(items) == 1 and items[0][0] is sre.BRANCH:
        return any(_is_elastic(branch) for branch in items[0][1][1])
    repeats = [item for item in items if item[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT)]
    is_grown = any(argument[1] == sre.MAXREPEAT for _, argument in repeats)
    fixed = [item for item in items if item not in repeats and item[0] is not sre.AT]
    return is_grown and not fixed
