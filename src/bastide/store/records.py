"""What goes into the store and what comes out of its feed; frozen values, no SQL."""

from typing import Any

import msgspec


class Record(msgspec.Struct, frozen=True):
    """One row: an AWS-shaped document under a kind and a key, with the columns that can be searched.

    `status` is what is wanted of it, or all there is to say; `state`, where it has one, how far it has come.

    `version` is 0 until the record is stored and grows by one with every write.
    """

    kind: str
    key: str
    scope: str
    document: dict[str, Any]
    parent: str = ""
    name: str = ""
    status: str = ""
    version: int = 0
    state: str = ""

    def changed(
        self,
        *,
        document: dict[str, Any] | None = None,
        parent: str | None = None,
        name: str | None = None,
        status: str | None = None,
        state: str | None = None,
    ) -> "Record":
        """The same record with these fields replaced, to be put at the version it was read at."""
        return Record(
            self.kind,
            self.key,
            self.scope,
            self.document if document is None else document,
            self.parent if parent is None else parent,
            self.name if name is None else name,
            self.status if status is None else status,
            self.version,
            self.state if state is None else state,
        )


class Change(msgspec.Struct, frozen=True):
    """A record was written (`version` is the new one) or deleted (`version` is 0)."""

    seq: int
    kind: str
    key: str
    version: int


class Lost(msgspec.Struct, frozen=True):
    """Changes up to `seq` can no longer be told apart: look at everything."""

    seq: int


class Event(msgspec.Struct, frozen=True):
    """Something that happened, as its document says; `seq` grows in the order of commits."""

    seq: int
    document: dict[str, Any]


class LogRow(msgspec.Struct, frozen=True):
    """A log event as earlier versions kept it."""

    seq: int
    scope: str
    group: str
    stream: str
    timestamp_ms: int
    ingestion_ms: int
    message: bytes
