"""Filter patterns for JSON messages: `{ $.status >= 500 && ($.path = "/a*" || $.user NOT EXISTS) }`.

&& binds closer than ||. A selector that finds an object or an array compares as nothing at all
(Logs user guide, "Filter pattern syntax"). Nesting is bounded, so that no pattern exhausts the stack.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from bastide.api.logs.patterns.comparison import Comparison, Token, read_tokens
from bastide.api.logs.patterns.wrong import unsupported

DEPTH_MAX = 32
_STEP = re.compile(r"""\.(?P<name>[\w-]+|\*)|\[(?P<index>\d+|\*)\]|\[["'](?P<quoted>[^"']*)["']\]""")
_IS = {"NULL": None, "TRUE": True, "FALSE": False}

Condition = Callable[[Any], bool]


def parse_json_pattern(body: str) -> Callable[[str], bool]:
    """A test for messages from what stands between the braces."""
    reader = _Reader(read_tokens(body))
    condition = reader.expression(0)
    if reader.peek() is not None:
        raise unsupported(f"unexpected {reader.take().text!r}")

    def matches(message: str) -> bool:
        try:
            document = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return False
        return isinstance(document, dict | list) and condition(document)

    return matches


class _Reader:
    """Descends through the tokens of one pattern."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> Token | None:
        """The next token, left in place."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self, *kinds: str) -> Token:
        """The next token, which must be of one of these kinds."""
        token = self.peek()
        if token is None:
            raise unsupported("it ends too early")
        if kinds and token.kind not in kinds:
            raise unsupported(f"unexpected {token.text!r}")
        self._at += 1
        return token

    def expression(self, depth: int) -> Condition:
        """Alternatives joined by ||."""
        if depth > DEPTH_MAX:
            raise unsupported(f"parentheses are nested deeper than {DEPTH_MAX}")
        choices = [self._all_of(depth)]
        while self._skip("||"):
            choices.append(self._all_of(depth))
        return choices[0] if len(choices) == 1 else lambda document: any(c(document) for c in choices)

    def _all_of(self, depth: int) -> Condition:
        parts = [self._unit(depth)]
        while self._skip("&&"):
            parts.append(self._unit(depth))
        return parts[0] if len(parts) == 1 else lambda document: all(p(document) for p in parts)

    def _unit(self, depth: int) -> Condition:
        if not self._skip("("):
            return self._condition()
        inner = self.expression(depth + 1)
        if not self._skip(")"):
            raise unsupported("a parenthesis is not closed")
        return inner

    def _condition(self) -> Condition:
        steps = _parse_selector(self.take("selector").text)
        operator = self.take("operator", "word")
        word = operator.text.upper()
        if operator.kind == "operator":
            comparison = Comparison(operator.text, self.take("text", "word", "regex"))
            return lambda document: any(
                isinstance(node, str | int | float) and comparison.holds(node)
                for node in _nodes(document, steps)
            )
        what = self.take("word").text.upper()
        if word == "IS" and what in _IS:
            wanted = _IS[what]
            return lambda document: any(node is wanted for node in _nodes(document, steps))
        if word == "NOT" and what == "EXISTS":
            return lambda document: next(_nodes(document, steps), _NOTHING) is _NOTHING
        raise unsupported(f"unexpected '{operator.text} {what}'")

    def _skip(self, mark: str) -> bool:
        token = self.peek()
        found = token is not None and token.kind == "mark" and token.text == mark
        self._at += found
        return found


_NOTHING = object()
_Step = str | int  # a member's name, or an element's index; "*" and -1 are all of them
_EVERY_ELEMENT = -1


def _parse_selector(text: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    for match in _STEP.finditer(text, 1):
        if (index := match["index"]) is not None:
            steps.append(_EVERY_ELEMENT if index == "*" else int(index))
        else:
            steps.append(match["name"] if match["name"] is not None else match["quoted"])
    return tuple(steps)


def _nodes(document: Any, steps: tuple[_Step, ...]) -> Iterator[Any]:
    """Everything the selector points at; more than one thing only with wildcards."""
    found = [document]
    for step in steps:
        found = [child for node in found for child in _children(node, step)]
    return iter(found)


def _children(node: Any, step: _Step) -> list[Any]:
    if isinstance(node, dict) and isinstance(step, str):
        if step == "*":
            return list(node.values())
        return [node[step]] if step in node else []
    if isinstance(node, list) and isinstance(step, int):
        return node if step == _EVERY_ELEMENT else node[step : step + 1]
    return []
