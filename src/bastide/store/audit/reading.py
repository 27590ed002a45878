"""Reading the audit log: backwards from the newest record, and forwards as it grows. Files alone are asked.

A line is searched for a piece of text before it is parsed, so a rare record among millions is found at the
speed of reading. Lines that are no record (one that was cut short) are passed over.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from bastide.store.audit.records import TIME_FORMAT, Record, parse_record
from bastide.store.audit.segments import begun_at, list_segments

CHUNK_BYTES = 1024 * 1024  # searched in one go, while other threads wait
SCAN_MAX_BYTES = 512 * 1024 * 1024  # looked through for one page
EVERY_RECORD = b'{"eventVersion":'
TIME_FIELD = b'"eventTime":"'


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where reading backwards goes on: before this offset of this segment."""

    segment: str
    offset: int


class Found(msgspec.Struct, frozen=True):
    """A record, its line, and the place before it."""

    record: Record
    line: bytes
    place: Place


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which records: a text their line holds, a test they pass, and the times they lie between."""

    text: bytes = EVERY_RECORD
    fits: Callable[[Record], bool] = lambda record: True
    since: datetime | None = None
    until: datetime | None = None


def read_back(
    folder: Path, selection: Selection, *, limit: int, before: Place | None = None
) -> tuple[list[Found], Place | None]:
    """Records, the newest first, and where to go on; None at the end. There may be more behind none."""
    found: list[Found] = []
    scanned = 0
    newer: Path | None = None
    for path in reversed(list_segments(folder)):
        is_over = newer is not None and selection.since is not None and begun_at(newer) <= selection.since
        newer = path
        if is_over:
            break
        if before is not None and path.name > before.segment:
            continue
        if selection.until is not None and begun_at(path) > selection.until + timedelta(seconds=1):
            continue
        end = before.offset if before is not None and path.name == before.segment else None
        for begin, chunk in _chunks_back(path, selection, end):
            for one in _matches(path, begin, chunk, selection):
                found.append(one)
                if len(found) == limit:
                    return found, one.place
            scanned += len(chunk)
            if scanned >= SCAN_MAX_BYTES:
                return found, Place(path.name, begin)
    return found, None


class Tail:
    """What is added from the moment it is made; goes on where a segment ends and another begins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        segments = list_segments(folder)
        self._path = segments[-1] if segments else None
        self._offset = self._path.stat().st_size if self._path is not None else 0

    @property
    def place(self) -> Place | None:
        """What it shows comes behind this; None where there was nothing yet."""
        return None if self._path is None else Place(self._path.name, self._offset)

    def more(self) -> list[Record]:
        """Records added since the last look."""
        found: list[Record] = []
        for path in list_segments(self._folder):
            if self._path is not None and path.name < self._path.name:
                continue
            if path != self._path:
                self._path, self._offset = path, 0
            try:
                with path.open("rb") as file:
                    file.seek(self._offset)
                    data = file.read()
            except FileNotFoundError:  # it was in the way of newer ones
                continue
            whole = data.rfind(b"\n") + 1
            self._offset += whole
            found += [record for line in data[:whole].splitlines() if (record := _parsed(line)) is not None]
        return found


def _matches(path: Path, begin: int, chunk: bytes, selection: Selection) -> Iterator[Found]:
    """From the end of whole lines to their beginning."""
    at = len(chunk)
    while (hit := chunk.rfind(selection.text, 0, at)) >= 0:
        at = chunk.rfind(b"\n", 0, hit) + 1
        line = chunk[at : chunk.find(b"\n", hit)]
        record = _parsed(line)
        if record is not None and selection.fits(record):
            yield Found(record, line, Place(path.name, begin + at))


def _chunks_back(path: Path, selection: Selection, end: int | None) -> Iterator[tuple[int, bytes]]:
    """A segment's whole lines between the times, in pieces from the last to the first: offset and bytes."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it was too old
        return
    try:
        size = os.fstat(handle).st_size
        low = 0 if selection.since is None else _first_at(handle, size, selection.since)
        high = size
        if selection.until is not None:
            high = _first_at(handle, size, selection.until + timedelta(seconds=1))
        high = high if end is None else min(high, end)
        while high > low:
            begin = max(low, high - CHUNK_BYTES)
            chunk = os.pread(handle, high - begin, begin)
            if begin > low:
                skipped = chunk.find(b"\n") + 1
                chunk, begin = chunk[skipped:], begin + skipped
            yield begin, chunk[: chunk.rfind(b"\n") + 1]
            high = begin
    finally:
        os.close(handle)


def _first_at(handle: int, size: int, moment: datetime) -> int:
    """The offset of the first line that is not older than a moment; the file's size where there is none."""
    low, high = 0, size
    wanted = moment.strftime(TIME_FORMAT).encode()
    while high - low > CHUNK_BYTES:
        middle = (low + high) // 2
        chunk = os.pread(handle, CHUNK_BYTES, middle)
        line = chunk.find(b"\n") + 1
        stamp = _stamp(chunk, line)
        if stamp and stamp < wanted:
            low = middle + line
        else:
            high = middle
    while low < size:
        chunk = os.pread(handle, CHUNK_BYTES, low)
        at = 0
        while (end := chunk.find(b"\n", at)) >= 0:
            if _stamp(chunk[at:end], 0) >= wanted:
                return low + at
            at = end + 1
        if at == 0:
            break
        low += at
    return size


def _stamp(text: bytes, at: int) -> bytes:
    """The time of the first record in a text; empty without one."""
    found = text.find(TIME_FIELD, at)
    begin = found + len(TIME_FIELD)
    return text[begin : begin + 20] if found >= 0 else b""


def _parsed(line: bytes) -> Record | None:
    try:
        return parse_record(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
