"""What differs between databases: how to connect, how transactions begin, what errors mean, migrations.

Connections are the driver's own, in autocommit, so that every BEGIN and SAVEPOINT is one we wrote.
A connection stays on the thread that opened it.
"""

from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Dialect


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
