"""Walking through a group's events by time, over journals and segments alike, in bounded steps.

Parts (batches of journals, segments) are taken in the order of their nearest event. As long as a part is
left that begins at some time, only what is nearer than that can be told: its time is the horizon. Going
backwards is the same with all times and numbers negated. Blocks: runs on a thread.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bastide.store.logs.files.columns import Columns
from bastide.store.logs.files.journal import Entry
from bastide.store.logs.files.segments import Segment
from bastide.store.logs.values import SEQ_MAX, LogEvent, Place, Selection

STEP_ROWS = 10_000  # read at a time at most
STEP_BYTES = 2 * 1024 * 1024  # what they should come to
SCANNED_AS_ONE = 50  # rows DuckDB looks through cost as much as one that is made an event here

Signed = tuple[int, int]


class View(NamedTuple):
    """What there is of a group at one moment."""

    entries: Sequence[Entry]
    segments: Sequence[Segment]


class Step(NamedTuple):
    """Events in order; how many were looked at for them; the place up to which nothing is missing."""

    events: list[LogEvent]
    looked: int
    reached: Place


class _Part:
    """A batch or a segment, its times signed by the direction of the walk."""

    def __init__(self, what: Entry | Segment, first_ms: int, last_ms: int, sign: int) -> None:
        self.what = what
        self.near, self.far = (first_ms, last_ms) if sign > 0 else (-last_ms, -first_ms)
        self._events: list[LogEvent] | None = None

    @property
    def weight(self) -> int:
        """Bytes that come into memory with it; a segment is read in steps, but one beside others suffices."""
        return self.what.frame.size if isinstance(self.what, Entry) else STEP_BYTES

    def events(self) -> list[LogEvent]:
        """Those of a batch, read once."""
        assert isinstance(self.what, Entry)
        if self._events is None:
            self._events = self.what.read_events()
        return self._events


def walk(
    columns: Columns, view: View, selection: Selection, *, forward: bool, place: Place | None
) -> Iterator[Step]:
    """The selected events from behind `place` onwards, or from before it backwards."""
    return _Walk(columns, view, selection, 1 if forward else -1).steps(place)


class _Walk:
    def __init__(self, columns: Columns, view: View, selection: Selection, sign: int) -> None:
        self._columns = columns
        self._selection = selection
        self._sign = sign
        parts = [
            _Part(entry, entry.frame.first_ms, entry.frame.last_ms, sign)
            for entry in view.entries
            if selection.has_stream(entry.frame.stream_id, entry.frame.stream)
            and selection.overlaps(entry.frame.first_ms, entry.frame.last_ms)
        ]
        parts += [
            _Part(segment, segment.first_ms, segment.last_ms, sign)
            for segment in _with_streams(columns, view.segments, selection)
        ]
        self._waiting = deque(sorted(parts, key=lambda part: part.near))

    def steps(self, place: Place | None) -> Iterator[Step]:
        at = (-SEQ_MAX, -SEQ_MAX) if place is None else self._signed(place)
        taken: list[_Part] = []
        while self._waiting or taken:
            taken = [part for part in taken if part.far >= at[0]]
            weight = sum(part.weight for part in taken)
            while self._waiting and (weight < STEP_BYTES or self._waiting[0].near <= at[0]):
                part = self._waiting.popleft()
                if part.far >= at[0]:
                    taken.append(part)
                    weight += part.weight
            horizon = self._waiting[0].near if self._waiting else None
            yield from self._within(taken, at, horizon)
            if horizon is None:
                return
            at = (horizon, -SEQ_MAX)

    def _within(self, parts: Sequence[_Part], at: Signed, horizon: int | None) -> Iterator[Step]:
        """What is behind a place and nearer than the horizon."""
        segments = [part.what for part in parts if isinstance(part.what, Segment)]
        recent = self._recent(parts, at, horizon)
        scanned = sum(segment.rows for segment in segments) if self._selection.contains else 0
        while segments:
            old, is_whole = self._page(segments, at, horizon)
            if is_whole:
                recent = list(heapq.merge(recent, old, key=self._key))
                break
            end = self._key(old[-1])
            shown = [event for event in recent if self._key(event) <= end]
            recent = recent[len(shown) :]
            yield Step(list(heapq.merge(shown, old, key=self._key)), len(shown) + len(old), old[-1].place)
            at = end
        if horizon is not None:
            reached = self._unsigned((horizon, -SEQ_MAX))
        elif recent:
            reached = recent[-1].place
        else:
            reached = self._unsigned(at)
        yield Step(recent, len(recent) + scanned // SCANNED_AS_ONE, reached)

    def _recent(self, parts: Sequence[_Part], at: Signed, horizon: int | None) -> list[LogEvent]:
        selection = self._selection
        found = [
            event
            for part in parts
            if isinstance(part.what, Entry)
            for event in part.events()
            if self._key(event) > at
            and (horizon is None or event.timestamp_ms * self._sign < horizon)
            and selection.overlaps(event.timestamp_ms, event.timestamp_ms)
            and all(text in event.message for text in selection.contains)
        ]
        return sorted(found, key=self._key)

    def _page(
        self, segments: Sequence[Segment], at: Signed, horizon: int | None
    ) -> tuple[list[LogEvent], bool]:
        """The next events of segments and whether those are all; first which they are, then themselves."""
        where, values = conditions(self._selection)
        values |= {"at_ms": at[0], "at_seq": at[1], "horizon": horizon}
        signed_ms, signed_seq = ("", "") if self._sign > 0 else ("-", "-")
        ms, seq = f"{signed_ms}timestamp_ms", f"{signed_seq}seq"
        where.append(self._bound("timestamp_ms", ">=", "at_ms"))
        where.append(f"({ms} > $at_ms OR {seq} > $at_seq)")
        if horizon is None:
            del values["horizon"]
        else:
            where.append(self._bound("timestamp_ms", "<", "horizon"))
        source = f"FROM {self._columns.files(segments)} WHERE {' AND '.join(where)}"
        order = f"ORDER BY {ms}, {seq}"
        sizes = self._columns.query(
            f"SELECT timestamp_ms, seq, size {source} {order} LIMIT {STEP_ROWS}", values
        )
        count = _fitting([row[2] for row in sizes])
        if not count:
            return [], True
        last_ms, last_seq = self._signed((sizes[count - 1][0], sizes[count - 1][1]))
        rows = self._columns.query(
            f"SELECT seq, stream, timestamp_ms, ingestion_ms, message {source}"
            f" AND {self._bound('timestamp_ms', '<=', 'last_ms')}"
            f" AND ({ms} < $last_ms OR {seq} <= $last_seq) {order}",
            values | {"last_ms": last_ms, "last_seq": last_seq},
        )
        return [LogEvent(*row) for row in rows], count == len(sizes) < STEP_ROWS

    def _bound(self, column: str, operator: str, parameter: str) -> str:
        """A comparison of the signed column, written on the column itself: so files can be skipped."""
        if self._sign > 0:
            return f"{column} {operator} ${parameter}"
        return f"{column} {operator.replace('<', '#').replace('>', '<').replace('#', '>')} -${parameter}"

    def _key(self, event: LogEvent) -> Signed:
        return self._signed(event.place)

    def _signed(self, place: Place) -> Signed:
        return (place[0], place[1]) if self._sign > 0 else (-place[0], -place[1])

    _unsigned = _signed


def _with_streams(columns: Columns, segments: Sequence[Segment], selection: Selection) -> list[Segment]:
    """The segments in which there is something to look at."""
    near = [one for one in segments if selection.overlaps(one.first_ms, one.last_ms)]
    if selection.streams is None and not selection.stream_prefix:
        return near
    usages = columns.read_usages(near)
    return [
        one
        for one in near
        if any(selection.has_stream(stream_id, use.stream) for stream_id, use in usages[one.name].items())
    ]


def conditions(selection: Selection) -> tuple[list[str], dict[str, Any]]:
    """What a selection asks of a row."""
    where, values = ["TRUE"], dict[str, Any]()
    if selection.streams is not None:
        where.append(f"stream_id IN ({', '.join(map(str, selection.streams)) or 'NULL'})")
    if selection.dead:
        where.append(f"stream_id NOT IN ({', '.join(map(str, selection.dead))})")
    if selection.stream_prefix:
        where.append("starts_with(stream, $prefix)")
        values["prefix"] = selection.stream_prefix
    if selection.start_ms is not None:
        where.append(f"timestamp_ms >= {selection.start_ms}")
    if selection.end_ms is not None:
        where.append(f"timestamp_ms < {selection.end_ms}")
    for index, text in enumerate(selection.contains):
        where.append(f"contains(message, $text_{index})")
        values[f"text_{index}"] = text
    return where, values


def _fitting(sizes: Sequence[int]) -> int:
    """How many events fit into a step; one at least, where there is one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > STEP_BYTES:
            return count
    return len(sizes)
