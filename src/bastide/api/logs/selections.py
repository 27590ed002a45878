"""Which events of a group an operation looks at, and a page of them."""

from collections.abc import Iterator, Sequence

from bastide.store import LogEvent, Record, Selection, Txn
from bastide.store.logs import Step
from bastide.store.logs.ids import dead_streams, group_id, oldest_kept_ms, stream_id
from bastide.store.logs.values import size_of

PAGE_MAX_EVENTS = 10_000  # GetLogEvents and FilterLogEvents, "Each page returned can contain up to"
PAGE_MAX_BYTES = 1_048_576


def select(
    txn: Txn,
    group: Record,
    *,
    streams: Sequence[Record] | None = None,
    start_ms: int | None,
    end_ms: int | None,
    now_ms: int,
) -> Selection:
    """The events asked for, without what has expired. `end_ms` is not included."""
    kept_from_ms = oldest_kept_ms(group, now_ms)
    if kept_from_ms is not None:
        start_ms = max(start_ms or 0, kept_from_ms)
    return Selection(
        group=group_id(group),
        streams=None if streams is None else frozenset(stream_id(one) for one in streams),
        dead=dead_streams(txn, group) if streams is None else frozenset(),
        start_ms=start_ms,
        end_ms=end_ms,
    )


def fill_page(steps: Iterator[Step], *, limit: int) -> list[LogEvent]:
    """As many events as a page holds, in the order of the walk."""
    events: list[LogEvent] = []
    size = 0
    for step in steps:
        for event in step.events:
            size += size_of(event.message)
            if events and size > PAGE_MAX_BYTES:
                return events
            events.append(event)
            if len(events) == limit:
                return events
    return events
