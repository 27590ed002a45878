"""`parse` by fixed texts gives what a regular expression of them would, on any text."""

import random
import re
from collections.abc import Iterator

import duckdb
import pytest

from bastide.store.logs.insights.statements import compile_query
from bastide.store.logs.insights.syntax import Cut, Display, Field, Named

COLUMNS = ("@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@seq")
CASES = 80


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def by_regex(texts: list[str], message: str) -> tuple[str, ...] | None:
    pattern = "(.*?)".join(map(re.escape, texts))
    if not texts[-1]:
        pattern = pattern.removesuffix("(.*?)") + "(.*)"
    found = re.search(pattern, message, re.DOTALL)
    return found.groups() if found else None


def test_it_cuts_as_a_regular_expression_would(database: duckdb.DuckDBPyConnection) -> None:
    chosen = random.Random(7)
    alphabet = ["a", "b", "=", " ", "é", "\n", ""]

    def text(most: int) -> str:
        return "".join(chosen.choice(alphabet) for _ in range(chosen.randint(0, most)))

    for _ in range(CASES):
        texts = [text(2) for _ in range(chosen.randint(2, 4))]
        messages = [text(12) for _ in range(20)]
        names = tuple(f"f{number}" for number in range(1, len(texts)))
        shown = Display(tuple(Named(Field(name), name) for name in names))
        query = (Cut(Field("@message"), tuple(texts), names), shown)
        made = compile_query(query, limit=100)
        rows = ", ".join(
            f"(epoch_ms(0), ?, '', '', epoch_ms(0), {number})" for number in range(len(messages))
        )
        columns = ", ".join(f'"{name}"' for name in COLUMNS)
        database.execute(
            f"CREATE OR REPLACE TABLE events AS SELECT * FROM (VALUES {rows}) t({columns})", messages
        )
        found = {row[-1]: row[: len(names)] for row in database.execute(made.sql, made.values).fetchall()}
        for number, message in enumerate(messages):
            expected = by_regex(texts, message) or (None,) * len(names)
            assert found[number] == expected, (texts, message)
