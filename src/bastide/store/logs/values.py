"""What goes into the storage of logs and what comes out of it; frozen values, no files.

Groups and streams are named by ids that are never used twice: what was deleted cannot come back under the
same name.
"""

from collections.abc import Sequence

import msgspec

EVENT_OVERHEAD_BYTES = 26  # what CloudWatch Logs counts for an event besides its text
DAY_MS = 24 * 60 * 60 * 1000
SEQ_MAX = (1 << 63) - 1

Place = tuple[int, int]  # an event's timestamp_ms and seq


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Lines for one stream, stored whole or not at all.

    `source` and `sequence` say which part of whose output this is: what is not beyond what that source
    has stored already is left out.
    """

    group: str
    stream: str
    stream_id: int
    lines: Sequence[tuple[int, str]]  # timestamp in ms, text
    ingestion_ms: int
    source: str = ""
    sequence: int = -1


class LogEvent(msgspec.Struct, frozen=True):
    """One line of a log stream; ordered by `timestamp_ms`, then by `seq`, which is never used twice."""

    seq: int
    stream: str
    timestamp_ms: int
    ingestion_ms: int
    message: str

    @property
    def place(self) -> Place:
        """Where it stands among the events of its group."""
        return self.timestamp_ms, self.seq


class LogUsage(msgspec.Struct, frozen=True):
    """What a stream holds: its first and last event's time, when the last batch came, its bytes."""

    stream: str
    first_ms: int
    last_ms: int
    ingestion_ms: int
    stored_bytes: int
    rows: int

    def joined(self, other: "LogUsage") -> "LogUsage":
        """Both together."""
        return LogUsage(
            self.stream,
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
            max(self.ingestion_ms, other.ingestion_ms),
            self.stored_bytes + other.stored_bytes,
            self.rows + other.rows,
        )


Usages = dict[int, LogUsage]  # by the stream's id


def join_usages(usages: Sequence[Usages]) -> Usages:
    """What streams hold in several places together."""
    joined: Usages = {}
    for one in usages:
        for stream_id, usage in one.items():
            known = joined.get(stream_id)
            joined[stream_id] = usage if known is None else known.joined(usage)
    return joined


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of a group are looked at. `contains` are texts that each message must hold."""

    group: str
    streams: frozenset[int] | None = None
    stream_prefix: str = ""
    dead: frozenset[int] = frozenset()  # streams that were deleted and are not swept out yet
    start_ms: int | None = None
    end_ms: int | None = None  # not included
    contains: tuple[str, ...] = ()

    def has_stream(self, stream_id: int, name: str) -> bool:
        """Whether a stream is among those looked at."""
        return (
            (self.streams is None or stream_id in self.streams)
            and stream_id not in self.dead
            and name.startswith(self.stream_prefix)
        )

    def overlaps(self, first_ms: int, last_ms: int) -> bool:
        """Whether events between these times may be among those looked at."""
        return (self.start_ms is None or last_ms >= self.start_ms) and (
            self.end_ms is None or first_ms < self.end_ms
        )


def size_of(message: str) -> int:
    """What CloudWatch Logs counts for an event."""
    text_bytes = len(message) if message.isascii() else len(message.encode("utf-8", "surrogatepass"))
    return text_bytes + EVENT_OVERHEAD_BYTES
