"""SQLite: a file, and what its error codes mean to whoever keeps it."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Dialect, NullPool, create_engine, event

from bastide.model.faults import Invalid, Unavailable
from bastide.store.backends.migration import migrate

LOCK_WAIT_MS = 5_000  # another program (a backup, sqlite3) may hold the file; then we say so
PAGE_CACHE_KIB = 4 * 1024  # a connection; the kernel keeps the file in memory as well, and can give that back

SQLITE_MEANING = {
    sqlite3.SQLITE_FULL: "the disk is full: free space and try again",
    sqlite3.SQLITE_BUSY: "another program holds the database locked",
    sqlite3.SQLITE_LOCKED: "another program holds the database locked",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged: restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the database file is damaged: restore it from a backup",
    sqlite3.SQLITE_IOERR: "reading or writing the database file failed; see the kernel's log",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened; is its folder there and writable?",
    sqlite3.SQLITE_READONLY: "the database file is read-only",
}


class Sqlite:
    """A file in WAL mode, synced at every commit."""

    errors: type[Exception] = sqlite3.Error
    begin_view: tuple[str, ...] = ("BEGIN",)
    begin_update: tuple[str, ...] = ("BEGIN IMMEDIATE",)
    has_other_writers = False

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise Invalid("store url", why="A SQLite store needs the path of a file: sqlite:////path/file.db")
        self._url = url
        self._path = Path(url.database)
        self.folder: Path | None = self._path.parent
        self._engine = create_engine(url, poolclass=NullPool)
        self.dialect: Dialect = self._engine.dialect

    def connect(self) -> Any:
        positional, named = self.dialect.create_connect_args(self._url)
        connection: Any = self.dialect.connect(*positional, **named)
        self._prepare(connection)
        return connection

    def is_broken(self, connection: Any) -> bool:
        return False

    def is_passing(self, error: Exception) -> bool:
        return False

    def fault_of(self, error: Exception) -> Exception:
        meaning = SQLITE_MEANING.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # extended code → primary
        return Unavailable("store", str(self._path), why=f"{self._path}: {meaning}.") if meaning else error

    def migrate(self) -> None:
        try:  # made by us, so that nobody else can ever read it; WAL and index take its mode over
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            why = f"{self._path}: the database file cannot be opened: {error.strerror}."
            raise Unavailable("store", str(self._path), why=why) from error
        event.listen(self._engine, "connect", lambda connection, _: self._prepare(connection))
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        migrate(self._engine, self)

    def _prepare(self, connection: Any) -> None:
        try:
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")
        except sqlite3.Error:
            connection.close()
            raise
