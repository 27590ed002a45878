"""Every SQL statement of the store: built with SQLAlchemy, compiled once for a database, then run as text.

Going through SQLAlchemy's executor costs three to five times what SQLite itself takes for a row read by
key; compiling once and handing the text to the driver keeps the expression language and drops that.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Dialect,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from bastide.store.tables import changes, feed, log_events, log_streams, records

UPSERTING: Mapping[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

RECORD_COLUMNS = (
    records.c.kind,
    records.c.key,
    records.c.scope,
    records.c.document,
    records.c.parent,
    records.c.name,
    records.c.status,
    records.c.version,
)
LOG_COLUMNS = (
    log_events.c.seq,
    log_events.c.stream,
    log_events.c.timestamp_ms,
    log_events.c.ingestion_ms,
    log_events.c.message,
)

# What a search may ask for; the names are the parameters of `Txn.find` and of the statement.
FILTERS: Mapping[str, Any] = {
    "scope": records.c.scope == bindparam("scope"),
    "parent": records.c.parent == bindparam("parent"),
    "name": records.c.name == bindparam("name"),
    "name_from": records.c.name >= bindparam("name_from"),
    "name_below": records.c.name < bindparam("name_below"),
    "status": records.c.status == bindparam("status"),
}
LOG_FILTERS: Mapping[str, Any] = {
    "start_ms": log_events.c.timestamp_ms >= bindparam("start_ms"),
    "end_ms": log_events.c.timestamp_ms < bindparam("end_ms"),
    "after": tuple_(log_events.c.timestamp_ms, log_events.c.seq)
    > tuple_(bindparam("after_ms"), bindparam("after_seq")),
    "before": tuple_(log_events.c.timestamp_ms, log_events.c.seq)
    < tuple_(bindparam("before_ms"), bindparam("before_seq")),
    "stream_from": log_events.c.stream >= bindparam("stream_from"),
    "stream_below": log_events.c.stream < bindparam("stream_below"),
}


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


class Statements:
    """The statements for one dialect. Shared by all threads: a race merely compiles one of them twice."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._shapes: dict[Any, Statement] = {}
        at = (records.c.kind == bindparam("at_kind"), records.c.key == bindparam("at_key"))
        at_version = (*at, records.c.version == bindparam("at_version"))
        self.get = self._compile(select(*RECORD_COLUMNS).where(*at))
        self.insert = self._compile(UPSERTING[dialect.name](records).on_conflict_do_nothing())
        self.update = self._compile(
            update(records)
            .where(*at_version)
            .values({name: bindparam(name) for name in ("parent", "name", "status", "version", "document")})
        )
        self.delete = self._compile(delete(records).where(*at_version))
        self.take_numbers = self._compile(
            update(feed).values(seq=feed.c.seq + bindparam("amount", type_=BigInteger)).returning(feed.c.seq)
        )
        self.last_number = self._compile(select(feed.c.seq))
        self.record_change = self._compile(insert(changes))
        self.prune_changes = self._compile(delete(changes).where(changes.c.seq <= bindparam("horizon")))
        self.oldest_change = self._compile(select(func.min(changes.c.seq)))
        self.changes_since = self._compile(
            select(changes).where(changes.c.seq > bindparam("since")).order_by(changes.c.seq)
        )
        self.append_log_event = self._compile(
            insert(log_events).values(
                {column.name: bindparam(column.name) for column in log_events.c if column.name != "seq"}
            )
        )
        self.note_log_stream = self._compile(_note_log_stream(UPSERTING[dialect.name]))
        of_noted_group = (
            log_streams.c.scope == bindparam("scope"),
            log_streams.c.group_name == bindparam("group"),
        )
        of_noted_stream = (*of_noted_group, log_streams.c.stream == bindparam("stream"))
        noted = select(
            log_streams.c.stream,
            log_streams.c.first_ms,
            log_streams.c.last_ms,
            log_streams.c.ingestion_ms,
            log_streams.c.stored_bytes,
        )
        self.noted_log_stream = self._compile(noted.where(*of_noted_stream))
        self.noted_log_streams = self._compile(noted.where(*of_noted_group))
        self.log_group_bytes = self._compile(
            select(func.coalesce(func.sum(log_streams.c.stored_bytes), 0)).where(*of_noted_group)
        )
        self.forget_log_group = self._compile(delete(log_streams).where(*of_noted_group))
        self.forget_log_stream = self._compile(delete(log_streams).where(*of_noted_stream))
        of_group = (log_events.c.scope == bindparam("scope"), log_events.c.group_name == bindparam("group"))
        self._of_group = of_group
        self.delete_log_group = self._compile(delete(log_events).where(*of_group))
        expired = (*of_group, log_events.c.timestamp_ms < bindparam("end_ms"))
        self.expired_log_bytes = self._compile(
            select(log_events.c.stream, func.count(), func.sum(func.length(log_events.c.message)))
            .where(*expired)
            .group_by(log_events.c.stream)
        )
        self.expire_log_events = self._compile(delete(log_events).where(*expired))
        self.shrink_log_stream = self._compile(
            update(log_streams)
            .where(*of_noted_stream)
            .values(
                stored_bytes=log_streams.c.stored_bytes - bindparam("freed", type_=BigInteger),
                first_ms=case(
                    (log_streams.c.first_ms < bindparam("end_ms"), bindparam("end_ms", type_=BigInteger)),
                    else_=log_streams.c.first_ms,
                ),
            )
        )
        self.forget_expired_streams = self._compile(
            delete(log_streams).where(*of_noted_group, log_streams.c.last_ms < bindparam("end_ms"))
        )
        self.delete_log_stream = self._compile(
            delete(log_events).where(*of_group, log_events.c.stream == bindparam("stream"))
        )

    def find(self, *, filters: frozenset[str], after: bool, limited: bool, descending: bool) -> Statement:
        """Search one kind by the named filters, ordered by name and key."""
        shape = ("find", filters, after, limited, descending)
        return self._shapes.get(shape) or self._keep(shape, self._find(filters, after, limited, descending))

    def count(self, filters: frozenset[str]) -> Statement:
        """Count what `find` with the same filters would return."""
        shape = ("count", filters)
        return self._shapes.get(shape) or self._keep(
            shape, self._narrowed(select(func.count()).select_from(records), filters)
        )

    def read_logs(self, *, filters: frozenset[str], streams: int, descending: bool) -> Statement:
        """Read a group's events by time, then as they came, of `streams` named streams (0: of all)."""
        shape = ("logs", filters, streams, descending)
        return self._shapes.get(shape) or self._keep(shape, self._read_logs(filters, streams, descending))

    def _find(self, filters: frozenset[str], after: bool, limited: bool, descending: bool) -> Select[Any]:
        query = self._narrowed(select(*RECORD_COLUMNS), filters)
        place = tuple_(records.c.name, records.c.key)
        cursor = tuple_(bindparam("after_name"), bindparam("after_key"))
        if after:
            query = query.where(place < cursor if descending else place > cursor)
        if descending:
            query = query.order_by(records.c.name.desc(), records.c.key.desc())
        else:
            query = query.order_by(records.c.name, records.c.key)
        return query.limit(bindparam("limit", type_=BigInteger)) if limited else query

    def _narrowed(self, query: Select[Any], filters: frozenset[str]) -> Select[Any]:
        if unknown := filters - FILTERS.keys():
            raise TypeError(f"records cannot be searched by {', '.join(sorted(unknown))}")
        return query.where(
            records.c.kind == bindparam("kind"), *(FILTERS[name] for name in FILTERS if name in filters)
        )

    def _read_logs(self, filters: frozenset[str], streams: int, descending: bool) -> Select[Any]:
        if unknown := filters - LOG_FILTERS.keys():
            raise TypeError(f"log events cannot be searched by {', '.join(sorted(unknown))}")
        query = select(*LOG_COLUMNS).where(
            *self._of_group, *(LOG_FILTERS[name] for name in LOG_FILTERS if name in filters)
        )
        if streams:
            query = query.where(
                or_(*(log_events.c.stream == bindparam(f"stream_{index}") for index in range(streams)))
            )
        order: tuple[Any, ...] = (log_events.c.timestamp_ms, log_events.c.seq)
        if descending:
            order = tuple(column.desc() for column in order)
        return query.order_by(*order).limit(bindparam("limit", type_=BigInteger))

    def _keep(self, shape: Any, query: ClauseElement) -> Statement:
        statement = self._shapes[shape] = self._compile(query)
        return statement

    def _compile(self, query: ClauseElement) -> Statement:
        compiled = query.compile(dialect=self._dialect)
        assert isinstance(compiled, SQLCompiler)
        return Statement(compiled)


def _note_log_stream(upserting: Callable[..., Any]) -> Any:
    """Add a batch to what is known of its stream; one atomic statement, so writers never conflict."""
    batch = upserting(log_streams)
    now, new = log_streams.c, batch.excluded
    return batch.on_conflict_do_update(
        index_elements=[now.scope, now.group_name, now.stream],
        set_={
            "first_ms": case((new.first_ms < now.first_ms, new.first_ms), else_=now.first_ms),
            "last_ms": case((new.last_ms > now.last_ms, new.last_ms), else_=now.last_ms),
            "ingestion_ms": new.ingestion_ms,
            "stored_bytes": now.stored_bytes + new.stored_bytes,
        },
    )
