"""Expressions of Logs Insights, read by descent: `status >= 500 and @message like /timed out/`.

From loosest to tightest: or, and, not, comparisons, + -, * / %, ^, minus. Nesting is bounded, so that no
query exhausts the stack.
"""

import re2

from bastide.api.logs.insights.tokens import Token, malformed, read_regex, read_token, unquoted
from bastide.store.logs.insights.functions import find_function
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

DEPTH_MAX = 50
_COMPARISONS = ("=", "==", "!=", "<", "<=", ">", ">=")
_S = 1000
_UNITS_MS = {"ms": 1, "s": _S, "m": 60 * _S, "h": 3600 * _S, "d": 86400 * _S, "w": 7 * 86400 * _S}
_LONG_UNITS_DAYS = {"mo": 30, "q": 91, "y": 365}


class Reader:
    """A query and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0  # behind the last token taken
        self._depth = 0

    def peek(self) -> Token:
        """The next token, left in place."""
        return read_token(self.text, self.at)

    def take(self) -> Token:
        """The next token."""
        token = self.peek()
        self.at = token.end
        return token

    def skip(self, *words: str) -> bool:
        """Take the next token if it is one of these words or marks."""
        token = self.peek()
        if token.says(*words):
            self.at = token.end
            return True
        return False

    def expect(self, word: str) -> None:
        """Take this word or mark; raises Invalid when there is another."""
        token = self.peek()
        if not self.skip(word):
            raise malformed(f"expected {word!r} at position {token.start}, found {token.text or 'the end'!r}")

    def name(self) -> str:
        """Take the name of a field."""
        token = self.take()
        if token.kind == "tick":
            return token.text[1:-1]
        if token.kind != "word":
            raise malformed(
                f"expected a field's name at position {token.start}, found {token.text or 'the end'!r}"
            )
        return token.text

    def regex(self) -> str:
        """Take a regular expression between slashes, which RE2 must be able to read."""
        token = read_regex(self.text, self.at)
        if token is None:
            raise malformed(f"expected a regular expression at position {self.at}")
        self.at = token.end
        return checked_regex(token.text)

    def expression(self) -> Expression:
        """Take an expression."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise malformed(f"parentheses are nested deeper than {DEPTH_MAX}")
        left = self._all_of()
        while self.skip("or"):
            left = Binary("or", left, self._all_of())
        self._depth -= 1
        return left

    def _all_of(self) -> Expression:
        left = self._negated()
        while self.skip("and"):
            left = Binary("and", left, self._negated())
        return left

    def _negated(self) -> Expression:
        count = 0
        while self.skip("not"):
            count += 1
        found = self._comparison()
        return Unary("not", found) if count % 2 else found

    def _comparison(self) -> Expression:
        left = self._sum()
        token = self.peek()
        if token.says(*_COMPARISONS):
            self.take()
            return Binary(token.text, left, self._sum())
        is_negated = False
        if token.says("not"):
            self.take()
            is_negated = True
            token = self.peek()
        if token.says("like", "=~"):
            self.take()
            found: Expression = Binary(token.text.lower(), left, self._pattern())
        elif token.says("in"):
            self.take()
            found = Among(left, self._choices())
        elif is_negated:
            raise malformed(f"expected 'like' or 'in' at position {token.start}")
        else:
            return left
        return Unary("not", found) if is_negated else found

    def _pattern(self) -> Expression:
        if read_regex(self.text, self.at) is not None:
            return Regex(self.regex())
        return self._sum()

    def _choices(self) -> tuple[Expression, ...]:
        self.expect("[")
        choices = [self._sum()]
        while self.skip(","):
            choices.append(self._sum())
        self.expect("]")
        return tuple(choices)

    def _sum(self) -> Expression:
        left = self._product()
        while (token := self.peek()).says("+", "-"):
            self.take()
            left = Binary(token.text, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._power()
        while (token := self.peek()).says("*", "/", "%"):
            self.take()
            left = Binary(token.text, left, self._power())
        return left

    def _power(self) -> Expression:
        left = self._signed()
        return Binary("^", left, self._power()) if self.skip("^") else left

    def _signed(self) -> Expression:
        count = 0
        while self.skip("-"):
            count += 1
        found = self._primary()
        return Unary("-", found) if count % 2 else found

    def _primary(self) -> Expression:
        token = self.take()
        if token.kind == "number":
            return Number(float(token.text))
        if token.kind == "text":
            return Text(unquoted(token.text))
        if token.kind == "duration":
            return Duration(parse_duration(token.text))
        if token.says("("):
            found = self.expression()
            self.expect(")")
            return found
        if token.kind == "tick":
            return Field(token.text[1:-1])
        if token.kind != "word":
            raise malformed(f"unexpected {token.text or 'end'!r} at position {token.start}")
        return self._call(token) if self.skip("(") else Field(token.text)

    def _call(self, name: Token) -> Expression:
        arguments: list[Expression] = []
        if name.says("count") and self.skip("*"):
            self.expect(")")
        elif not self.skip(")"):
            arguments.append(self.expression())
            while self.skip(","):
                arguments.append(self.expression())
            self.expect(")")
        if find_function(name.text, len(arguments)) is None:
            raise malformed(f"there is no function {name.text} of {len(arguments)} arguments")
        return Call(name.text.lower(), tuple(arguments))


def checked_regex(pattern: str) -> str:
    """A regular expression as RE2 takes it; raises Invalid for what is none."""
    told = pattern.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
    try:
        re2.compile(told)
    except re2.error as error:
        raise malformed(f"the regular expression /{pattern}/ cannot be used: {error}") from error
    return told


def parse_duration(text: str) -> int:
    """`5m` in milliseconds."""
    unit = text.lstrip("0123456789")
    count = int(text[: -len(unit)])
    ms = count * _UNITS_MS[unit] if unit in _UNITS_MS else count * _LONG_UNITS_DAYS[unit] * _UNITS_MS["d"]
    if not ms:
        raise malformed(f"a span of time cannot be {text}")
    return ms
