"""Reading a group's events without ever holding more than a page of them.

A page ends at its limit of events or of bytes. Rows are read in steps whose size follows the messages':
one can be a megabyte, ten thousand of which must not be in memory at once.
"""

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from bastide.api.logs.groups import oldest_kept_ms
from bastide.api.logs.lines import size_of
from bastide.api.logs.places import Place
from bastide.store import LogEvent, Record, Txn

PAGE_MAX_EVENTS = 10_000  # GetLogEvents and FilterLogEvents, "Each page returned can contain up to"
PAGE_MAX_BYTES = 1_048_576
STEP_MAX = 1024  # rows read at a time
STEP_BYTES = 1_048_576  # what they should come to, in all streams together
FIRST_GUESS_BYTES = 65_536  # a message, before any has been seen


class Span(NamedTuple):
    """Which events of a group are looked at."""

    scope: str
    group: str
    streams: tuple[str, ...] | None
    stream_prefix: str | None
    start_ms: int | None
    end_ms: int | None  # not included

    @classmethod
    def of(
        cls,
        group: Record,
        *,
        streams: tuple[str, ...] | None = None,
        stream_prefix: str | None = None,
        start_ms: int | None,
        end_ms: int | None,
        now_ms: int,
    ) -> "Span":
        """The span asked for, without what has expired."""
        kept_from_ms = oldest_kept_ms(group, now_ms)
        if kept_from_ms is not None:
            start_ms = max(start_ms or 0, kept_from_ms)
        return cls(group.scope, group.name, streams, stream_prefix, start_ms, end_ms)


def walk(txn: Txn, span: Span, *, forward: bool, place: Place | None) -> Iterator[LogEvent]:
    """The span's events one by one, from behind `place` onwards or from before it backwards.

    Named streams are read each by its own index and merged: what else is in the group costs nothing.
    """
    if span.streams is None:
        return _walk(txn, span, forward=forward, place=place, step_bytes=STEP_BYTES)
    share = STEP_BYTES // max(1, len(span.streams))
    each = (
        _walk(txn, span._replace(streams=(stream,)), forward=forward, place=place, step_bytes=share)
        for stream in dict.fromkeys(span.streams)
    )
    return heapq.merge(*each, key=lambda event: (event.timestamp_ms, event.seq), reverse=not forward)


def _walk(txn: Txn, span: Span, *, forward: bool, place: Place | None, step_bytes: int) -> Iterator[LogEvent]:
    step = max(1, step_bytes // FIRST_GUESS_BYTES)
    while True:
        events = txn.read_log_events(
            span.scope,
            span.group,
            span.streams,
            limit=step,
            descending=not forward,
            start_ms=span.start_ms,
            end_ms=span.end_ms,
            after=place if forward else None,
            before=None if forward else place,
            stream_prefix=span.stream_prefix,
        )
        yield from events
        if len(events) < step:
            return
        place = (events[-1].timestamp_ms, events[-1].seq)
        average = sum(size_of(event.message) for event in events) // len(events)
        step = max(1, min(STEP_MAX, step_bytes // average))


def read_page(txn: Txn, span: Span, *, limit: int, forward: bool, place: Place | None) -> list[LogEvent]:
    """As many events as a page holds, oldest first."""
    events: list[LogEvent] = []
    size = 0
    for event in walk(txn, span, forward=forward, place=place):
        size += size_of(event.message)
        if events and size > PAGE_MAX_BYTES:
            break
        events.append(event)
        if len(events) == limit:
            break
    return events if forward else events[::-1]
