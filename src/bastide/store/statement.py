"""One SQL statement as a driver takes it: built with SQLAlchemy, compiled once, then run as text.

Going through SQLAlchemy's executor costs three to five times what SQLite itself takes for a row read by
key; compiling once and handing the text to the driver keeps the expression language and drops that.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

UPSERTING: Mapping[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Statement:
    """SQL text for one driver, and the order in which it takes its values."""

    __slots__ = ("_fixed", "_names", "text")

    def __init__(self, compiled: SQLCompiler) -> None:
        self.text = str(compiled)
        self._names = tuple(compiled.positiontup) if compiled.positiontup is not None else None
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def bind(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver wants them: by position or by name."""
        if self._fixed:
            values = {**self._fixed, **values}
        if self._names is None:
            return values
        return tuple([values[name] for name in self._names])


def compile_statement(query: ClauseElement, dialect: Dialect) -> Statement:
    """The statement in the dialect's SQL."""
    compiled = query.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    return Statement(compiled)
