"""One stream of a container's output, from its FIFO to a bounded buffer on disk.

Bytes move by splice(2), so no kill of the agent finds them in its memory: they are in the pipe or in the
buffer. The buffer is a row of segment files named by the offset they begin at; a segment goes when all of
it was acknowledged. When the buffer is full the FIFO is not read, and the writer blocks.
"""

import asyncio
import logging
import os
import time
from pathlib import Path

from bastide.model.assignment import LogLine

log = logging.getLogger(__name__)

SEGMENT_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024  # a pipe's default capacity
BATCH_BYTES = 512 * 1024  # half of what PutLogEvents takes, so that the 26 bytes an event always fit
BATCH_LINES = 10_000  # PutLogEvents' limit
LINE_BYTES = 256 * 1024  # a longer line is cut: the size of one event (CloudWatch Logs quotas)


class Spool:
    """Reads one FIFO; used from the agent's event loop only."""

    def __init__(self, fifo: Path, *, limit_bytes: int, is_blocking: bool, wake: asyncio.Event) -> None:
        self._is_blocking = is_blocking  # False: the oldest lines go instead
        self._fifo = fifo
        self._folder = fifo.parent
        self._limit_bytes = limit_bytes
        self._wake = wake
        self._descriptor = -1
        self._segment = -1
        self._reading = False
        self._marks: list[tuple[int, int]] = []  # (offset behind a chunk, when it came in ms)
        self.sent, self.size = self._read_offsets()

    @property
    def name(self) -> str:
        """`<container>.<stdout|stderr>`."""
        return self._fifo.name

    @property
    def source(self) -> str:
        """stdout or stderr."""
        return self.name.rsplit(".", 1)[1]

    @property
    def unsent_bytes(self) -> int:
        """What is buffered and not acknowledged."""
        return self.size - self.sent

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

    def close(self) -> None:
        """Let go of the pipe and the open segment; nothing is deleted."""
        self._pause()
        for descriptor in (self._descriptor, self._segment):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._segment = -1

    def read_lines(self, *, last: bool) -> tuple[list[LogLine], int]:
        """Lines after `sent`, oldest first, and the offset behind them.

        A line without its end stays for later, unless `last` says that nothing more can come.
        """
        data = self._read(self.sent, BATCH_BYTES)
        lines: list[LogLine] = []
        offset = self.sent
        for raw in _split(data):
            ended = raw.endswith(b"\n")
            if not ended and not last and len(raw) < LINE_BYTES:
                break
            text = raw.rstrip(b"\n").decode("utf-8", "replace")
            if text.strip():  # CloudWatch Logs takes no empty event; Docker's driver drops them as well
                lines.append(LogLine(self._when(offset), text))
            offset += len(raw)
            if len(lines) == BATCH_LINES:
                break
        return lines, offset

    def acknowledge(self, offset: int) -> None:
        """Everything before `offset` is stored: remember, free whole segments, read on if it was full."""
        if offset <= self.sent:
            return
        self.sent = offset
        fresh = self._folder / f"{self.name}.sent.new"
        fresh.write_text(str(offset))
        fresh.replace(self._folder / f"{self.name}.sent")
        self._marks = [mark for mark in self._marks if mark[0] > offset]
        for start, path in self._segments()[:-1]:
            if start + path.stat().st_size <= offset:
                path.unlink()
        if self._descriptor >= 0:
            self._resume()

    def _on_readable(self) -> None:
        if self.unsent_bytes < self._limit_bytes:
            self._take()
        elif self._is_blocking:
            self._pause()
        else:
            oldest = self._segments()[0][1]
            log.warning("output dropped: its buffer is full", extra={"fifo": self.name})
            self.acknowledge(self._read_until_line_end(oldest))
            self._take()

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

    def _read_offsets(self) -> tuple[int, int]:
        sent_file = self._folder / f"{self.name}.sent"
        sent = int(sent_file.read_text()) if sent_file.exists() else 0
        segments = self._segments()
        size = segments[-1][0] + segments[-1][1].stat().st_size if segments else sent
        return min(sent, size), size

    def _read(self, offset: int, count: int) -> bytes:
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

    def _read_until_line_end(self, segment: Path) -> int:
        """The offset of the first line that begins after the segment (or after a chunk of the next)."""
        end = int(segment.name.rsplit(".", 1)[1]) + segment.stat().st_size
        found = self._read(end, CHUNK_BYTES).find(b"\n")
        return end + found + 1 if found >= 0 else end

    def _when(self, offset: int) -> int:
        for end, moment in self._marks:
            if offset < end:
                return moment
        segments = self._segments()  # buffered by an earlier agent: when the file was last written
        return segments[-1][1].stat().st_mtime_ns // 1_000_000 if segments else time.time_ns() // 1_000_000

    def _resume(self) -> None:
        if not self._reading and self._descriptor >= 0 and self.unsent_bytes < self._limit_bytes:
            asyncio.get_running_loop().add_reader(self._descriptor, self._on_readable)
            self._reading = True

    def _pause(self) -> None:
        if self._reading:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._reading = False


def _split(data: bytes) -> list[bytes]:
    """Lines with their ends; one longer than an event is cut."""
    pieces: list[bytes] = []
    for line in data.split(b"\n"):
        pieces.append(line + b"\n")
    pieces[-1] = pieces[-1][:-1]
    return [
        line[start : start + LINE_BYTES]
        for line in pieces
        if line
        for start in range(0, len(line), LINE_BYTES)
    ]
