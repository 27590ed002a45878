"""What a closure inside `Store.view` or `Store.update` can do.

Synchronous, bound to one thread and one transaction, and unusable once the closure has returned.
Invariant: every write of a record leaves one change for the feed.
"""

from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import msgspec

from bastide.model.faults import AlreadyExists, Conflict
from bastide.store.records import Change, Event, LogRow, Lost, Record
from bastide.store.statement import Statement
from bastide.store.statements import Statements

Pending = tuple[str, str, int]  # kind, key, version of a change that has no number yet
NAME_CEILING = "\U0010ffff"  # sorts after everything a name can go on with
SAVEPOINT = "SAVEPOINT closure"
EVENT = "event"  # the feed's kind for news of events; there are no records of it

encode = msgspec.json.encode
decode = msgspec.json.decode


class Filters(TypedDict, total=False):
    """What a search can be narrowed to; absent or None means "any"."""

    scope: str | None
    parent: str | None
    name: str | None
    name_prefix: str | None
    status: str | None
    state: str | None


class ReadOnly(RuntimeError):
    """A closure inside `Store.view` tried to write."""


class Txn:
    """One closure's part of a transaction; made by the store alone."""

    def __init__(self, cursor: Any, statements: Statements, *, pending: list[Pending] | None = None) -> None:
        self._cursor = cursor
        self._statements = statements
        self._pending = pending  # None: a view
        self._is_ahead = False
        self._ahead: dict[Any, list[Record]] = {}
        self.has_written = False

    def get(self, kind: str, key: str) -> Record | None:
        """The record, or None."""
        records = self._read(self._statements.get, {"at_kind": kind, "at_key": key})
        return records[0] if records else None

    def find(
        self,
        kind: str,
        *,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
        descending: bool = False,
        **filters: Unpack[Filters],
    ) -> list[Record]:
        """Records of a kind, ordered by name then key, beginning behind `after` (a name and a key)."""
        values = _filter_values(filters)
        statement = self._statements.find(
            filters=frozenset(values),
            after=after is not None,
            limited=limit is not None,
            descending=descending,
        )
        values["kind"] = kind
        if after is not None:
            values["after_name"], values["after_key"] = after
        if limit is not None:
            values["limit"] = limit
        return self._read(statement, values)

    def count(self, kind: str, **filters: Unpack[Filters]) -> int:
        """How many records `find` with the same filters would give."""
        values = _filter_values(filters)
        statement = self._statements.count(frozenset(values))
        values["kind"] = kind
        return int(self._run(statement, values).fetchone()[0])

    def put(self, record: Record) -> Record:
        """Insert (version 0) or replace the version that was read; returns what is stored now.

        Raises AlreadyExists, or Conflict when the stored version is another one or gone.
        """
        values = {
            "parent": record.parent,
            "name": record.name,
            "status": record.status,
            "state": record.state,
            "version": record.version + 1,
            "document": encode(record.document).decode(),
        }
        if record.version == 0:
            values |= {"kind": record.kind, "key": record.key, "scope": record.scope}
            if self._write(self._statements.insert, values).rowcount == 0:
                raise AlreadyExists(record.kind, record.key)
        else:
            values |= _at(record)
            if self._write(self._statements.update, values).rowcount == 0:
                raise Conflict(record.kind, record.key)
        self._note(record, record.version + 1)
        return msgspec.structs.replace(record, version=record.version + 1)

    def delete(self, record: Record) -> None:
        """Remove the version that was read; Conflict when the stored one is another or gone."""
        if self._write(self._statements.delete, _at(record)).rowcount == 0:
            raise Conflict(record.kind, record.key)
        self._note(record, 0)

    def append_event(
        self, scope: str, document: dict[str, Any], *, subject: str, parent: str, at_s: float
    ) -> None:
        """Add an event about `subject`, and wake whoever watches the kind `event`."""
        values = {"scope": scope, "subject": subject, "parent": parent, "at_ms": round(at_s * 1000)}
        self._write(self._statements.append_event, values | {"document": encode(document).decode()})
        assert self._pending is not None
        self._pending.append((EVENT, "", 0))

    def read_events(
        self,
        *,
        limit: int,
        after: int | None = None,
        subject: str | None = None,
        parent: str | None = None,
        descending: bool = False,
    ) -> list[Event]:
        """Events in the order they happened, or from the newest on; all, or those about one thing."""
        asked = {"after": after, "subject": subject, "parent": parent}
        values: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        statement = self._statements.events(filters=frozenset(values), descending=descending)
        rows = self._run(statement, values | {"limit": limit}).fetchall()
        return [Event(seq, decode(document)) for seq, document in rows]

    def last_event(self) -> int:
        """The number of the newest event there is; 0 when none is kept."""
        return int(self._run(self._statements.last_event, {}).fetchone()[0] or 0)

    def expire_events(self, *, before_ms: int, limit: int) -> int:
        """Forget up to so many of the events of before a time; how many those were."""
        values = {"before_ms": before_ms, "limit": limit}
        return int(self._write(self._statements.expire_events, values).rowcount)

    def read_log_rows(self, *, limit: int) -> list[LogRow]:
        """The oldest log events that an earlier version kept in the database."""
        return [LogRow(*row) for row in self._run(self._statements.log_rows, {"limit": limit}).fetchall()]

    def delete_log_rows(self, *, through: int) -> None:
        """They are kept elsewhere now."""
        self._write(self._statements.delete_log_rows, {"through": through})

    def read_changes(self, since: int) -> list[Change] | Lost:
        """Every change after `since`, or Lost when some of them are no longer kept."""
        newest = int(self._run(self._statements.last_number, {}).fetchone()[0])
        oldest = self._run(self._statements.oldest_change, {}).fetchone()[0]
        if newest > since and (oldest is None or oldest > since + 1):
            return Lost(newest)
        rows = self._run(self._statements.changes_since, {"since": since}).fetchall()
        return [Change(*row) for row in rows]

    def read_ahead(self, look: Callable[["Txn"], None]) -> None:
        """Run what looks at records and changes none; what it read is given to whoever asks the same next.

        Who decides whether a call is allowed reads what the call itself begins with.
        """
        self._is_ahead = True
        try:
            look(self)
        finally:
            self._is_ahead = False

    def end(self) -> None:
        """Called by the store when the closure has returned."""
        self._cursor = None
        self._ahead.clear()

    def _read(self, statement: Statement, values: dict[str, Any]) -> list[Record]:
        asked = (statement, *values.items())
        records = self._ahead.pop(asked, None)
        if records is None:
            records = [_record(row) for row in self._run(statement, values).fetchall()]
        if self._is_ahead:
            self._ahead[asked] = records
        return records

    def _run(self, statement: Statement, values: dict[str, Any]) -> Any:
        cursor = self._cursor
        if cursor is None:
            raise RuntimeError("a transaction was used after its closure had returned")
        cursor.execute(statement.text, statement.bind(values))
        return cursor

    def _write(self, statement: Statement, values: dict[str, Any]) -> Any:
        self._open_for_writing()
        self._ahead.clear()
        return self._run(statement, values)

    def _open_for_writing(self) -> None:
        if self._pending is None:
            raise ReadOnly("a view cannot write")
        if not self.has_written and self._cursor is not None:
            self._cursor.execute(SAVEPOINT)
            self.has_written = True

    def _note(self, record: Record, version: int) -> None:
        assert self._pending is not None
        self._pending.append((record.kind, record.key, version))


def _record(row: Any) -> Record:
    kind, key, scope, document, *columns = row
    return Record(kind, key, scope, decode(document), *columns)


def _at(record: Record) -> dict[str, Any]:
    return {"at_kind": record.kind, "at_key": record.key, "at_version": record.version}


def _filter_values(filters: Filters) -> dict[str, Any]:
    values: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
    prefix = values.pop("name_prefix", None)
    if prefix:
        values["name_from"], values["name_below"] = prefix, prefix + NAME_CEILING
    return values
