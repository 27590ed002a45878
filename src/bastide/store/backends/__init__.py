"""Databases a store can be kept in, each with what is its own: connecting, transactions, what errors mean."""

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from bastide.model.faults import Invalid
from bastide.store.backends.backend import Backend

__all__ = ["Backend", "open_backend"]


def open_backend(url: str) -> Backend:
    """The database a URL names; Invalid when it is none we know."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            from bastide.store.backends.sqlite import Sqlite

            return Sqlite(parsed)
        if parsed.get_backend_name() == "postgresql":
            from bastide.store.backends.postgres import Postgres  # its driver takes a while to import

            return Postgres(parsed.set(drivername="postgresql+psycopg"))
    except (ArgumentError, NoSuchModuleError) as error:
        raise Invalid("store url", why="The store's URL cannot be read.") from error  # it may hold a password
    why = f"A store is sqlite:////path/file.db or postgresql://…, not {parsed.get_backend_name()}."
    raise Invalid("store url", why=why)
