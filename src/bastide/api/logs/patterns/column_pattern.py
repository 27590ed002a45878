"""Filter patterns for messages of columns: `[ip, user, ..., status = 4* && status != 403, bytes > 1000]`.

A message's columns are split at white space; what stands between quotes or square brackets is one column.
Without an ellipsis the number of columns must be the same (Logs user guide, "Filter pattern syntax").
"""

import re
from collections.abc import Callable

from bastide.api.logs.patterns.comparison import Comparison, Token, read_tokens
from bastide.api.logs.patterns.wrong import unsupported

ELLIPSIS = "..."
_COLUMN = re.compile(r'"([^"]*)"|\[([^\]]*)\]|(\S+)')
_COLUMN_WITHOUT_BRACKETS = re.compile(r'"([^"]*)"|()(\S+)')

Test = Callable[[str], bool]


def parse_column_pattern(body: str) -> Callable[[str], bool]:
    """A test for messages from what stands between the square brackets."""
    columns = [_parse_column(tokens) for tokens in _split(read_tokens(body), ",")]
    gaps = [at for at, column in enumerate(columns) if column is None]
    if len(gaps) > 1:
        raise unsupported(f"{ELLIPSIS} may stand only once")
    head: list[Test] = [column for column in columns[: gaps[0] if gaps else None] if column]
    tail: list[Test] = [column for column in columns[gaps[0] :] if column] if gaps else []

    def matches(message: str) -> bool:
        fields = split_columns(message)
        if len(fields) < len(head) + len(tail) if gaps else len(fields) != len(head):
            return False
        last = fields[len(fields) - len(tail) :]
        # zip's shorter side is the pattern's where an ellipsis leaves columns over
        return all(test(field) for test, field in zip(head, fields, strict=False)) and all(
            test(field) for test, field in zip(tail, last, strict=True)
        )

    return matches


def split_columns(message: str) -> list[str]:
    """The message's columns."""
    columns = []
    at, last_closed = 0, message.rfind("]")
    # Behind the last `]` no bracket closes: to look for its end at every `[` would take quadratic time.
    while match := (_COLUMN if at <= last_closed else _COLUMN_WITHOUT_BRACKETS).search(message, at):
        columns.append(match[1] or match[2] or match[3] or "")
        at = match.end()
    return columns


def _parse_column(tokens: list[Token]) -> Test | None:
    """What one column must be; None for the ellipsis."""
    if [token.text for token in tokens] == [ELLIPSIS]:
        return None
    choices = [
        [_parse_condition(condition) for condition in _split(choice, "&&")] for choice in _split(tokens, "||")
    ]
    return lambda field: any(all(test(field) for test in tests) for tests in choices)


def _parse_condition(tokens: list[Token]) -> Test:
    """`name`, `name operator value`, or nothing at all."""
    kinds = [token.kind for token in tokens]
    if kinds in ([], ["word"]):
        return lambda field: True
    if len(kinds) == 3 and kinds[:2] == ["word", "operator"] and kinds[2] in ("word", "text", "regex"):
        return Comparison(tokens[1].text, tokens[2]).holds
    raise unsupported(f"unexpected {tokens[-1].text!r}")


def _split(tokens: list[Token], mark: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token == ("mark", mark):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
