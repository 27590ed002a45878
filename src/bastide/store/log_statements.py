"""The SQL of log events, and of what each stream holds."""

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

from bastide.store.statement import UPSERTING, Statement, compile_statement
from bastide.store.tables import log_events, log_streams

LOG_COLUMNS = (
    log_events.c.seq,
    log_events.c.stream,
    log_events.c.timestamp_ms,
    log_events.c.ingestion_ms,
    log_events.c.message,
)

# What a search may ask for; the names are the parameters of `Txn.read_log_events` and of the statement.
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


class LogStatements:
    """The statements for one dialect, shared as `Statements` are."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._shapes: dict[Any, Statement] = {}
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

    def read(self, *, filters: frozenset[str], streams: int, descending: bool) -> Statement:
        """Read a group's events by time, then as they came, of `streams` named streams (0: of all)."""
        shape = (filters, streams, descending)
        return self._shapes.get(shape) or self._keep(shape, self._read(filters, streams, descending))

    def _read(self, filters: frozenset[str], streams: int, descending: bool) -> Select[Any]:
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
        return compile_statement(query, self._dialect)


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
