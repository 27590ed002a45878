"""Brings a database's schema to the newest revision, by Alembic.

Alembic takes as long to import as the rest of the store, so a schema that is the newest is left alone
without it.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError

from bastide.model.faults import Fault, Unavailable
from bastide.store.backends.backend import Backend

MIGRATIONS = Path(__file__).parent.parent / "migrations"
REVISION_TABLE = "alembic_version"  # Alembic's own, one row


def migrate(engine: Engine, backend: Backend, *, lock: str = "") -> None:
    """In one transaction, behind the lock. Unavailable when it cannot be, or is newer than we are."""
    try:
        with engine.begin() as connection:
            if lock:
                connection.exec_driver_sql(lock)
            if _read_revision(connection) != newest_revision():
                _upgrade(connection)
    except DBAPIError as error:
        assert isinstance(error.orig, Exception)
        raise _as_fault(backend.fault_of(error.orig)) from error
    except backend.errors as error:
        raise _as_fault(backend.fault_of(error)) from error
    finally:
        engine.dispose()


def newest_revision() -> str:
    """Files of revisions are named by their numbers, which grow."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _read_revision(connection: Connection) -> str | None:
    """None where there is no schema yet."""
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    revision: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {REVISION_TABLE}").scalar()
    return revision


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:  # a revision we have never heard of
        why = f"The store was last used by a newer Bastide: {error}."
        raise Unavailable("store", why=why) from error


def _as_fault(error: Exception) -> Exception:
    return (
        error
        if isinstance(error, Fault)
        else Unavailable("store", why=f"The store cannot be opened: {error}.")
    )
