"""Journals: the files batches are appended to. Each is sealed into columns when it is large or old enough.

A frame is one line of JSON about the batch and one line for each of its events, so that DuckDB reads a
journal as it is. The first line has the length and checksum of what follows it: whatever at the end of a
file does not fit was never answered, and is cut off. Numbers of events grow within a journal and from one
to the next: the journal's own number is their high part.
"""

import os
import re
import weakref
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from bastide.store.logs.values import Batch, LogEvent, LogUsage, size_of

FILE_MODE = 0o600
NUMBER_BITS = 31  # of a journal's events; beside it 32 bits for the journal's number leave the sign alone
HEAD_MAX_BYTES = 64 * 1024
NAME = re.compile(r"(\d{10,})\.journal")


class Row(msgspec.Struct, rename={"seq": "n", "timestamp_ms": "t", "message": "m"}):
    """One event, as a line of a journal."""

    seq: int
    timestamp_ms: int
    message: str


class Frame(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"first_seq": "n", "group": "g", "stream": "s", "stream_id": "i", "ingestion_ms": "r"},
):
    """What stands before a batch's events."""

    checksum: int
    length: int
    group: str
    stream: str
    stream_id: int
    ingestion_ms: int
    first_seq: int
    rows: int
    first_ms: int
    last_ms: int
    size: int  # as CloudWatch Logs counts
    source: str = ""
    sequence: int = -1


_encoder = msgspec.json.Encoder()
_row_decoder = msgspec.json.Decoder(Row)
_frame_decoder = msgspec.json.Decoder(Frame)


def render_frame(batch: Batch, first_seq: int) -> tuple[Frame, bytes]:
    """The frame and the bytes that go into the journal. Preconditions: there are lines."""
    body = _render_rows(batch.lines, first_seq)
    times = [timestamp_ms for timestamp_ms, _ in batch.lines]
    frame = Frame(
        checksum=zlib.crc32(body),
        length=len(body),
        group=batch.group,
        stream=batch.stream,
        stream_id=batch.stream_id,
        ingestion_ms=batch.ingestion_ms,
        first_seq=first_seq,
        rows=len(batch.lines),
        first_ms=min(times),
        last_ms=max(times),
        size=sum(size_of(message) for _, message in batch.lines),
        source=batch.source,
        sequence=batch.sequence,
    )
    return frame, _encoder.encode(frame) + b"\n" + body


def _render_rows(lines: Sequence[tuple[int, str]], first_seq: int) -> bytes:
    try:
        return _encoder.encode_lines([Row(first_seq + at, *line) for at, line in enumerate(lines)])
    except UnicodeEncodeError:  # halves of surrogate pairs: no column of text can hold them
        told = [(timestamp_ms, text.encode("utf-8", "replace").decode()) for timestamp_ms, text in lines]
        return _render_rows(told, first_seq)


class Journal:
    """One file; appended to by one thread, read by any. Closed when nobody refers to it any more."""

    def __init__(self, path: Path, number: int, *, end: int) -> None:
        self.path = path
        self.number = number
        self.end = end  # what is whole
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        weakref.finalize(self, os.close, self._handle)

    @property
    def first_seq(self) -> int:
        """The number of its first event."""
        return self.number << NUMBER_BITS

    def append(self, data: bytes) -> None:
        """Write and return when it is on disk; OSError leaves the file as it was, as far as that can be."""
        at, view = self.end, memoryview(data)
        try:
            while view:
                written = os.pwrite(self._handle, view, at)
                at, view = at + written, view[written:]
            os.fdatasync(self._handle)
        except OSError:
            self.cut()
            raise
        self.end = at

    def cut(self) -> None:
        """Let go of what lies behind the last whole frame."""
        os.ftruncate(self._handle, self.end)

    def read(self, offset: int, length: int) -> bytes:
        """Some of it."""
        return os.pread(self._handle, length, offset)


class Entry(msgspec.Struct, frozen=True):
    """A batch in a journal."""

    frame: Frame
    journal: Journal
    offset: int  # of its events

    def read_events(self) -> list[LogEvent]:
        """Its events by time, then as they came."""
        frame = self.frame
        rows = _row_decoder.decode_lines(self.journal.read(self.offset, frame.length))
        events = [
            LogEvent(row.seq, frame.stream, row.timestamp_ms, frame.ingestion_ms, row.message) for row in rows
        ]
        return sorted(events, key=lambda event: event.place)

    @property
    def usage(self) -> LogUsage:
        """What it holds."""
        frame = self.frame
        return LogUsage(
            frame.stream, frame.first_ms, frame.last_ms, frame.ingestion_ms, frame.size, frame.rows
        )


def journal_path(folder: Path, number: int) -> Path:
    """Where the journal of a number is."""
    return folder / f"{number:010d}.journal"


def find_journals(folder: Path) -> list[tuple[int, Path]]:
    """Number and path of each journal that is there, oldest first."""
    matches = ((NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in matches if match)


def recover_journal(path: Path, number: int) -> tuple[Journal, list[Entry]]:
    """A journal an earlier process left, cut behind its last whole frame."""
    journal = Journal(path, number, end=0)
    entries: list[Entry] = []
    with path.open("rb") as file:
        for frame, offset in _frames(file):
            entries.append(Entry(frame, journal, offset))
            journal.end = offset + frame.length
    journal.cut()
    return journal, entries


def _frames(file: BinaryIO) -> Iterator[tuple[Frame, int]]:
    """Whole frames, each with the offset of its events."""
    while (head := file.readline(HEAD_MAX_BYTES)).endswith(b"\n"):
        try:
            frame = _frame_decoder.decode(head)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        offset = file.tell()
        if zlib.crc32(file.read(frame.length)) != frame.checksum or file.tell() != offset + frame.length:
            return
        yield frame, offset
