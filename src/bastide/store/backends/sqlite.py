"""What differs between databases: how to connect, how transactions begin, what errors mean, migrations.

Connections are the driver's own, in autocommit, so that every BEGIN and SAVEPOINT is one we wrote.
A connection stays on the thread that opened it.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import psycopg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Dialect, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from bastide.model.faults import Fault, Invalid, Unavailable

LOCK_WAIT_MS = 5_000  # another program (a backup, sqlite3) may hold the file; then we say so
PAGE_CACHE_KIB = 4 * 1024  # a connection; the kernel keeps the file in memory as well, and can give that back
WRITERS_LOCK = 0x62617374  # "bast": PostgreSQL's advisory lock that lets one server write at a time

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


class Backend(Protocol):
    """One kind of database."""

    dialect: Dialect
    errors: type[Exception]  # the driver's own
    begin_view: tuple[str, ...]
    begin_update: tuple[str, ...]
    has_other_writers: bool  # then the feed is polled
    folder: Path | None  # of its file, where it is one

    def connect(self) -> Any:
        """A new connection for the calling thread."""

    def is_broken(self, connection: Any) -> bool:
        """Whether the connection has to be opened anew."""

    def is_passing(self, error: Exception) -> bool:
        """Whether the same transaction may succeed if run again at once."""

    def fault_of(self, error: Exception) -> Exception:
        """What callers are told: Unavailable for the database's troubles, the error itself for our bugs."""

    def migrate(self) -> None:
        """Bring the schema to the newest revision, in one transaction."""


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
        _migrate(self._engine, self)

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
        _migrate(self._engine, self, lock=f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")


def open_backend(url: str) -> Backend:
    """The database a URL names; Invalid when it is none we know."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return Sqlite(parsed)
        if parsed.get_backend_name() == "postgresql":
            return Postgres(parsed.set(drivername="postgresql+psycopg"))
    except (ArgumentError, NoSuchModuleError) as error:
        raise Invalid("store url", why="The store's URL cannot be read.") from error  # it may hold a password
    why = f"A store is sqlite:////path/file.db or postgresql://…, not {parsed.get_backend_name()}."
    raise Invalid("store url", why=why)


def _migrate(engine: Engine, backend: Backend, *, lock: str = "") -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            if lock:
                connection.exec_driver_sql(lock)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:  # a revision we have never heard of
        why = f"The store was last used by a newer Bastide: {error}."
        raise Unavailable("store", why=why) from error
    except DBAPIError as error:
        assert isinstance(error.orig, Exception)
        raise _as_fault(backend.fault_of(error.orig)) from error
    except backend.errors as error:
        raise _as_fault(backend.fault_of(error)) from error
    finally:
        engine.dispose()


def _as_fault(error: Exception) -> Exception:
    return (
        error
        if isinstance(error, Fault)
        else Unavailable("store", why=f"The store cannot be opened: {error}.")
    )
