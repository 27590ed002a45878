"""PostgreSQL, by psycopg."""

from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Dialect, NullPool, create_engine

from bastide.model.faults import Invalid, Unavailable
from bastide.store.backends.migration import migrate

WRITERS_LOCK = 0x62617374  # "bast": PostgreSQL's advisory lock that lets one server write at a time


class Postgres:
    """A PostgreSQL database, which several servers may share.

    Writers take one advisory lock for their transaction and read committed data behind it: one writes at
    a time, as with SQLite, and the feed's numbers grow in commit order.
    """

    errors: type[Exception] = psycopg.Error
    begin_view: tuple[str, ...] = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)
    begin_update: tuple[str, ...] = (
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})",
    )
    has_other_writers = True
    folder: Path | None = None

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = create_engine(url, poolclass=NullPool)
        self.dialect: Dialect = self._engine.dialect
        self._place = f"{url.host or 'local socket'}/{url.database}"

    def connect(self) -> Any:
        positional, named = self.dialect.create_connect_args(self._url)
        connection: Any = self.dialect.connect(*positional, **named)
        connection.autocommit = True
        return connection

    def is_broken(self, connection: Any) -> bool:
        return bool(connection.closed or connection.broken)

    def is_passing(self, error: Exception) -> bool:
        state = getattr(error, "sqlstate", None) or ""
        return state.startswith("40") and state != "40003"  # rolled back; 40003: nobody knows

    def fault_of(self, error: Exception) -> Exception:
        if isinstance(error, psycopg.DataError) and "NUL" in str(error):
            return Invalid("parameter", why="A value holds the character NUL, which no text here may.")
        if not isinstance(error, psycopg.OperationalError | psycopg.InternalError):
            return error
        text = str(error).strip().replace("\n", " ")
        return Unavailable("store", self._place, why=f"PostgreSQL at {self._place} failed: {text}.")

    def migrate(self) -> None:
        migrate(self._engine, self, lock=f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
