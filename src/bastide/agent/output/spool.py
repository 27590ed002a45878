"""One stream of a container's output, from its FIFO to a bounded buffer on disk.

Bytes move by splice(2), so no kill of the agent finds them in its memory: they are in the pipe or in the
buffer. The buffer is a row of segment files named by the offset they begin at; a segment goes when all of
it was acknowledged. When the buffer is full, of bytes or of lines, the FIFO is not read, and the writer
blocks; or, where it must not, the oldest lines are dropped and counted.

What a batch holds is written down before it is sent (`hold`) and is read again exactly so until it is
acknowledged, whatever came or was dropped meanwhile: the server knows a batch it has by its end.
"""

import asyncio
import logging
import os
import time
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bastide.files import replace_file
from bastide.model.assignment import LogLine

log = logging.getLogger(__name__)

SEGMENT_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024  # a pipe's default capacity
BATCH_BYTES = 512 * 1024  # half of what PutLogEvents takes, so that the 26 bytes an event always fit
BATCH_LINES = 10_000  # PutLogEvents' limit
EVENT_BYTES = 256 * 1024  # a longer line is cut: the size of one event (CloudWatch Logs quotas)
DROPPED_PARTS = 16  # a full buffer gives up so much of itself at a time, a chunk at the least


class Batch(msgspec.Struct, frozen=True):
    """What can be sent next, oldest first, and the offset behind it."""

    lines: tuple[LogLine, ...]
    end: int


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far a spool has come, as it is kept beside the segments."""

    sent: int = 0  # everything before is acknowledged or dropped
    held: int = 0  # up to here a batch was made that is not acknowledged; not above `sent`: there is none
    gap_end: int = 0  # from `held` to here lines were dropped while that batch was under way
    dropped: int = 0  # lines of which nobody was told yet
    told: int = 0  # lines of which the batch under way tells
    last_ms: int = 0  # when the last line of the latest batch came


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is buffered, and what happens then."""

    size_bytes: int
    lines: int | None = None  # a chunk that came at once may go beyond
    is_blocking: bool  # False: the oldest lines go


class Spool:
    """Reads one FIFO; used from the agent's event loop only."""

    def __init__(self, fifo: Path, limits: Limits, *, wake: asyncio.Event) -> None:
        self._limits = limits
        self._fifo = fifo
        self._folder = fifo.parent
        self._wake = wake
        self._descriptor = -1
        self._segment = -1
        self._reading = False
        self._marks: list[tuple[int, int]] = []  # (offset behind a chunk, when it came in ms)
        self._progress = self._read_progress()
        self.size = self._read_size()
        self._lines = self._count_lines(self._unheld, self.size)

    @property
    def name(self) -> str:
        """`<container>.<stdout|stderr>`."""
        return self._fifo.name

    @property
    def source(self) -> str:
        """stdout or stderr."""
        return self.name.rsplit(".", 1)[1]

    @property
    def sent(self) -> int:
        """Everything before this offset is acknowledged or dropped."""
        return self._progress.sent

    @property
    def is_held(self) -> bool:
        """Whether a batch was made and is not acknowledged."""
        return self._progress.held > self._progress.sent

    @property
    def readable_end(self) -> int:
        """Up to where the next batch can reach; it ends exactly there when one is held."""
        return self._progress.held if self.is_held else self.size

    @property
    def dropped_lines(self) -> int:
        """Lines given up since somebody was last told, or of which the held batch tells."""
        return self._progress.told if self.is_held else self._progress.dropped

    @property
    def unsent_bytes(self) -> int:
        """What is buffered and neither acknowledged nor dropped."""
        progress = self._progress
        gap = max(progress.gap_end - progress.held, 0) if self.is_held else 0
        return self.size - progress.sent - gap

    @property
    def _unheld(self) -> int:
        """Where what no batch has begins."""
        progress = self._progress
        return max(progress.held, progress.gap_end) if self.is_held else progress.sent

    @property
    def _is_full(self) -> bool:
        limits = self._limits
        has_lines = limits.lines is not None and self._lines >= limits.lines
        return has_lines or self.unsent_bytes >= limits.size_bytes

    def open(self) -> None:
        """Make the FIFO if needed and take from it whatever comes."""
        if self._descriptor >= 0:
            return
        if not self._fifo.exists():
            os.mkfifo(self._fifo, 0o600)
        # Read and write: the pipe outlives every other end, so there is no end-of-file to spin on.
        self._descriptor = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._resume()

    def drain(self) -> None:
        """Take what is in the pipe now, beyond the limit too: the writer is gone."""
        while self._descriptor >= 0 and self._take():
            pass

    def end_line(self) -> None:
        """The writer is gone and another will come: what has no line end gets one. Repeatable."""
        self.drain()
        if self._descriptor >= 0 and self.size > self.sent and self.read(self.size - 1, 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def close(self) -> None:
        """Let go of the pipe and the open segment; nothing is deleted."""
        self._pause()
        for descriptor in (self._descriptor, self._segment):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._segment = -1

    def read_batch(self, *, last: bool) -> Batch:
        """Lines after `sent`; one without its end stays for later, unless `last`: nothing more can come."""
        data = self.read(self.sent, min(BATCH_BYTES, self.readable_end - self.sent))
        lines: list[LogLine] = []
        offset = self.sent
        for raw in split_lines(data):
            is_whole = raw.endswith(b"\n") or len(raw) >= EVENT_BYTES
            is_last = self.is_held or (last and offset + len(raw) == self.size)
            if not is_whole and not is_last:
                break
            text = raw.rstrip(b"\n").decode("utf-8", "replace")
            if text.strip():  # CloudWatch Logs takes no empty event; Docker's driver drops them as well
                lines.append(LogLine(self.when(offset), text))
            offset += len(raw)
            if len(lines) == BATCH_LINES:
                break
        return Batch(tuple(lines), offset)

    def hold(self, end: int) -> None:
        """A batch up to `end` is about to be sent: until it is acknowledged no other is read."""
        if not self.is_held:
            self._lines -= self._count_lines(self.sent, end)
            last_ms = self.when(max(end - 1, 0))
            progress = replace(self._progress, held=end, told=self._progress.dropped, dropped=0)
            self._save(replace(progress, last_ms=last_ms))

    def acknowledge(self, offset: int) -> None:
        """Everything before `offset` is stored: remember, free whole segments, read on if it was full."""
        progress = self._progress
        if offset <= progress.sent:
            return
        if not self.is_held:
            self._lines -= self._count_lines(progress.sent, offset)
        sent = max(offset, progress.gap_end) if offset == progress.held else offset
        self._save(replace(progress, sent=sent, held=0, gap_end=0, told=0))
        self._marks = [mark for mark in self._marks if mark[0] > sent]
        self._free(0, sent)
        if self._descriptor >= 0:
            self._resume()

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of the buffer. Preconditions: none of them was dropped or freed."""
        parts: list[bytes] = []
        for start, path in self._segments():
            end = start + path.stat().st_size
            if end <= offset or count <= 0:
                continue
            with path.open("rb") as segment:
                segment.seek(offset - start)
                part = segment.read(count)
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return b"".join(parts)

    def when(self, offset: int) -> int:
        """When what is at the offset came, in milliseconds."""
        for end, moment in self._marks:
            if offset < end:
                return moment
        segments = self._segments()
        if not segments:
            return time.time_ns() // 1_000_000
        # Buffered by an earlier agent: when the file was last written, by a clock that may be a tick behind.
        return max(segments[-1][1].stat().st_mtime_ns // 1_000_000, self._progress.last_ms)

    def _on_readable(self) -> None:
        if not self._is_full:
            self._take()
        elif self._limits.is_blocking:
            self._pause()
        else:
            self._drop_oldest()
            self._take()

    def _drop_oldest(self) -> None:
        """Give up whole lines of what no batch has yet."""
        progress, start = self._progress, self._unheld
        data = self._oldest(start)
        if not data:
            return  # all of it is in the batch under way: the pipe's next chunk has to find room beside it
        lines, end = max(data.count(b"\n"), 1), start + len(data)
        self._lines -= self._count_lines(start, end)
        log.warning("output dropped: its buffer is full", extra={"fifo": self.name, "lines": lines})
        if self.is_held:
            progress = replace(progress, gap_end=end, dropped=progress.dropped + lines)
        else:
            progress = replace(progress, sent=end, dropped=progress.dropped + lines)
        self._save(progress)
        self._free(progress.held if self.is_held else 0, end)

    def _oldest(self, start: int) -> bytes:
        """What has to go: a part of the limit that is reached, in whole lines."""
        least = max(self._limits.size_bytes // DROPPED_PARTS, CHUNK_BYTES)
        data = self.read(start, least + EVENT_BYTES)
        limit = self._limits.lines
        if limit is not None and self._lines >= limit and self.unsent_bytes < self._limits.size_bytes:
            return b"".join(split_lines(data)[: self._lines - limit + max(limit // DROPPED_PARTS, 1)])
        line_end = data.find(b"\n", least - 1)
        return data[: line_end + 1] if line_end >= 0 else data

    def _count_lines(self, start: int, end: int) -> int:
        """None where nobody asks: what is buffered is not read again for it."""
        return 0 if self._limits.lines is None else self.read(start, end - start).count(b"\n")

    def _take(self) -> bool:
        """Move one chunk; False when there is none, or no room on the disk."""
        try:
            moved = os.splice(self._descriptor, self._open_segment(), CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            log.warning(
                "cannot buffer output, its writer waits", extra={"fifo": self.name, "why": str(error)}
            )
            self._pause()
            asyncio.get_running_loop().call_later(1.0, self._resume)
            return False
        self.size += moved
        self._lines += self._count_lines(self.size - moved, self.size)
        self._marks.append((self.size, time.time_ns() // 1_000_000))
        self._wake.set()
        return moved > 0

    def _open_segment(self) -> int:
        segments = self._segments()
        if self._segment >= 0 and segments and self.size - segments[-1][0] < SEGMENT_BYTES:
            return self._segment
        if self._segment >= 0:
            os.close(self._segment)
        fits = segments and self.size - segments[-1][0] < SEGMENT_BYTES
        path = segments[-1][1] if fits else self._folder / f"{self.name}.{self.size:020d}"
        self._segment = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.lseek(self._segment, 0, os.SEEK_END)
        return self._segment

    def _segments(self) -> list[tuple[int, Path]]:
        found = self._folder.glob(f"{self.name}.{'[0-9]' * 20}")
        return sorted((int(path.name.rsplit(".", 1)[1]), path) for path in found)

    def _free(self, start: int, end: int) -> None:
        """Delete segments that lie between the offsets, but for the one that is written to."""
        for first, path in self._segments()[:-1]:
            if start <= first and first + path.stat().st_size <= end:
                path.unlink()

    def _save(self, progress: Progress) -> None:
        replace_file(self._folder / f"{self.name}.sent", msgspec.json.encode(progress))
        self._progress = progress

    def _read_progress(self) -> Progress:
        path = self._folder / f"{self.name}.sent"
        return msgspec.json.decode(path.read_bytes(), type=Progress) if path.exists() else Progress()

    def _read_size(self) -> int:
        segments = self._segments()
        return segments[-1][0] + segments[-1][1].stat().st_size if segments else self._progress.sent

    def _resume(self) -> None:
        if not self._reading and self._descriptor >= 0 and not self._is_full:
            asyncio.get_running_loop().add_reader(self._descriptor, self._on_readable)
            self._reading = True

    def _pause(self) -> None:
        if self._reading:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._reading = False


def split_lines(data: bytes) -> list[bytes]:
    """Lines with their ends; one longer than an event is cut."""
    pieces: list[bytes] = []
    for line in data.split(b"\n"):
        pieces.append(line + b"\n")
    pieces[-1] = pieces[-1][:-1]
    return [
        line[start : start + EVENT_BYTES]
        for line in pieces
        if line
        for start in range(0, len(line), EVENT_BYTES)
    ]
