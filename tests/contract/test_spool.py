"""Output on its way to disk and out again. Uses real FIFOs in a temporary folder: the kernel is the point."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.agent.output import spool as spool_module
from bastide.agent.output.spool import Limits, Spool

LIMIT = 1024 * 1024


class Pipe:
    """A spool and the writing end of its FIFO."""

    def __init__(
        self, folder: Path, *, limit: int = LIMIT, limit_lines: int | None = None, is_blocking: bool = True
    ) -> None:
        self.folder, self.limit, self.limit_lines, self.is_blocking = folder, limit, limit_lines, is_blocking
        self.spool = self.fresh()
        self.spool.open()
        self.writer = os.open(folder / "app.stdout", os.O_WRONLY | os.O_NONBLOCK)

    def fresh(self) -> Spool:
        return Spool(
            self.folder / "app.stdout",
            Limits(size_bytes=self.limit, lines=self.limit_lines, is_blocking=self.is_blocking),
            wake=asyncio.Event(),
        )

    async def write(self, data: bytes) -> None:
        """Everything, as fast as the reader takes it."""
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self.writer, data) :]
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)

    def lines(self, *, last: bool = False) -> list[str]:
        """All that is unsent, acknowledged batch by batch."""
        found: list[str] = []
        while True:
            batch = self.spool.read_batch(last=last)
            if batch.end == self.spool.sent:
                return found
            found += [line.message for line in batch.lines]
            self.spool.acknowledge(batch.end)

    def close(self) -> None:
        os.close(self.writer)
        self.spool.close()


@pytest.fixture
async def pipe(tmp_path: Path) -> AsyncIterator[Pipe]:
    made = Pipe(tmp_path)
    yield made
    made.close()


async def test_lines_come_out_as_they_went_in(pipe: Pipe) -> None:
    await pipe.write(b"one\ntwo\n\nthr\xc3\xa4e\n")
    assert pipe.lines() == ["one", "two", "thräe"]


async def test_half_a_line_waits_for_its_end(pipe: Pipe) -> None:
    await pipe.write(b"begun")
    assert pipe.lines() == []
    await pipe.write(b" and ended\nrest")
    assert pipe.lines() == ["begun and ended"]
    assert pipe.lines(last=True) == ["rest"]


async def test_half_a_line_ends_with_its_writer_and_the_next_one_begins_a_new_line(pipe: Pipe) -> None:
    await pipe.write(b"whole\nhalf")
    for _ in range(2):
        pipe.spool.end_line()
        await asyncio.sleep(0.01)
    await pipe.write(b"next\n")
    assert pipe.lines() == ["whole", "half", "next"]
    pipe.spool.end_line()
    assert pipe.lines() == []


async def test_bytes_that_are_no_text_are_replaced_not_lost(pipe: Pipe) -> None:
    await pipe.write(b"\xff\xfe ok\n")
    assert pipe.lines() == ["\ufffd\ufffd ok"]


async def test_a_line_longer_than_an_event_is_cut(pipe: Pipe) -> None:
    await pipe.write(b"x" * (spool_module.EVENT_BYTES + 5) + b"\n")
    assert [len(line) for line in pipe.lines()] == [spool_module.EVENT_BYTES, 5]


async def test_a_later_agent_goes_on_where_the_first_was_killed(pipe: Pipe) -> None:
    await pipe.write(b"".join(b"line %d\n" % n for n in range(1000)))
    batch = pipe.spool.read_batch(last=False)
    pipe.spool.acknowledge(len(b"line 0\nline 1\n"))
    assert len(batch.lines) == 1000
    pipe.spool.close()  # what a kill leaves: the FIFO, the segments, the acknowledged offset
    pipe.spool = pipe.fresh()
    pipe.spool.open()
    await pipe.write(b"after\n")
    assert pipe.lines() == [*(f"line {n}" for n in range(2, 1000)), "after"]


async def test_a_later_agents_lines_are_never_older_than_those_before(pipe: Pipe) -> None:
    await pipe.write(b"one\ntwo\n")
    first = pipe.spool.read_batch(last=False)
    pipe.spool.hold(len(b"one\n"))
    pipe.spool.acknowledge(len(b"one\n"))
    segment = next(pipe.folder.glob("app.stdout.0*"))
    os.utime(segment, (0, 0))  # the clock of files runs behind, by less than this
    (second,) = pipe.fresh().read_batch(last=False).lines
    assert (second.message, second.timestamp_ms) == ("two", first.lines[0].timestamp_ms)


async def test_what_is_written_while_no_agent_reads_is_kept_by_the_pipe(pipe: Pipe) -> None:
    keeper = os.open(pipe.folder / "app.stdout", os.O_RDONLY | os.O_NONBLOCK)  # the shim holds both ends
    pipe.spool.close()
    os.write(pipe.writer, b"kept\n")
    pipe.spool = pipe.fresh()
    pipe.spool.open()
    await pipe.write(b"next\n")
    os.close(keeper)
    assert pipe.lines() == ["kept", "next"]


async def test_a_full_buffer_blocks_the_writer_and_loses_nothing(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, limit=256 * 1024)
    line = b"%06d " + b"x" * 1000 + b"\n"
    sent = 0
    with pytest.raises(BlockingIOError):
        while True:
            os.write(pipe.writer, line % sent)
            sent += 1
            await asyncio.sleep(0.001)
    assert pipe.spool.unsent_bytes < 512 * 1024
    read = pipe.lines()
    pipe.spool.drain()
    read += pipe.lines(last=True)
    assert [int(text[:6]) for text in read] == list(range(sent))
    pipe.close()


async def test_a_buffer_that_must_not_block_drops_its_oldest_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 64 * 1024)
    pipe = Pipe(tmp_path, limit=256 * 1024, is_blocking=False)
    await pipe.write(b"".join(b"%06d %s\n" % (n, b"x" * 1000) for n in range(2000)))
    numbers = [int(text[:6]) for text in pipe.lines()]
    assert numbers[-1] == 1999
    assert numbers == list(range(numbers[0], 2000))
    assert numbers[0] > 0
    pipe.close()


async def test_acknowledged_segments_leave_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 64 * 1024)
    pipe = Pipe(tmp_path, limit=8 * LIMIT)
    await pipe.write(b"".join(b"%0999d\n" % n for n in range(1000)))
    assert len(pipe.lines()) == 1000
    left = sum(path.stat().st_size for path in tmp_path.glob("app.stdout.0*"))
    assert left <= 2 * 64 * 1024
    pipe.close()


async def test_what_is_dropped_is_counted_and_a_batch_under_way_is_not(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, limit=256 * 1024, is_blocking=False)
    await pipe.write(b"".join(b"%06d %s\n" % (n, b"x" * 100) for n in range(100)))
    held = pipe.spool.read_batch(last=False)
    pipe.spool.hold(held.end)
    assert len(held.lines) == 100
    await pipe.write(b"".join(b"%06d %s\n" % (n, b"x" * 1000) for n in range(100, 3000)))
    assert pipe.spool.read_batch(last=False) == held
    assert pipe.spool.dropped_lines == 0  # the batch under way tells of none
    assert pipe.spool.unsent_bytes < 512 * 1024
    on_disk = sum(path.stat().st_size for path in tmp_path.glob("app.stdout.0*"))
    assert on_disk < 3 * spool_module.SEGMENT_BYTES
    pipe.spool.acknowledge(held.end)
    dropped = pipe.spool.dropped_lines
    numbers = [int(text[:6]) for text in pipe.lines()]
    assert numbers == list(range(100 + dropped, 3000))
    assert dropped > 2000
    pipe.close()


async def test_the_count_of_dropped_lines_outlives_the_agent_and_is_told_once(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, limit=256 * 1024, is_blocking=False)
    await pipe.write(b"".join(b"%06d %s\n" % (n, b"x" * 1000) for n in range(1000)))
    dropped = pipe.spool.dropped_lines
    assert dropped > 0
    pipe.spool.close()
    pipe.spool = pipe.fresh()
    assert pipe.spool.dropped_lines == dropped
    batch = pipe.spool.read_batch(last=False)
    pipe.spool.hold(batch.end)
    assert pipe.fresh().dropped_lines == dropped
    pipe.spool.acknowledge(batch.end)
    assert pipe.spool.dropped_lines == 0
    pipe.spool.open()
    pipe.close()


async def test_a_last_line_is_not_torn_where_a_batch_ends(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, limit=4 * LIMIT)
    lines = [b"%d" % n * 30_000 + b"\n" for n in range(10)] * 4
    await pipe.write(b"".join(lines))
    assert pipe.lines(last=True) == [line[:-1].decode() for line in lines]
    pipe.close()
