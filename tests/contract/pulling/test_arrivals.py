"""Layers on their way in: files that grow, are shared, taken up again, and gone when nobody wants them."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bastide.host.image_archive.archive import Blob
from bastide.host.layers.arrivals import FORGOTTEN_S, Arrivals, Stream
from bastide.host.layers.feeding import feed, pipe_at
from bastide.model.faults import Invalid
from tests.contract.images import archives

DATA = os.urandom(3_000_000)
BLOB = Blob(media_type="", digest=archives.digest(DATA), size=len(DATA))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "layers"


@pytest.fixture
def arrivals(folder: Path) -> Arrivals:
    return Arrivals(folder, at_once=2)


class Source:
    """A registry that sends `data`, and nothing beyond `upto` before it may."""

    def __init__(self, data: bytes = DATA, *, upto: int | None = None) -> None:
        self.asked: list[int] = []
        self.may_go_on = asyncio.Event()
        self._data = data
        self._upto = len(data) if upto is None else upto

    async def stream(self, done: int) -> AsyncGenerator[bytes, None]:
        self.asked.append(done)
        for at in range(done, len(self._data), 100_000):
            if at >= self._upto:
                await self.may_go_on.wait()
            yield self._data[at : at + 100_000]


async def whole(arrivals: Arrivals, stream: Stream) -> bytes:
    """The layer, from its file."""
    async with arrivals.expect(BLOB, stream) as arrival:
        await arrival.wait_whole()
        return os.pread(arrival.file, BLOB.size, 0)


async def broken_off(arrivals: Arrivals, source: Source, beyond: int) -> None:
    """Give it up when that much is there."""
    with contextlib.suppress(asyncio.CancelledError):
        async with arrivals.expect(BLOB, source.stream) as arrival:
            await arrival.wait_beyond(beyond)
            raise asyncio.CancelledError


async def test_a_layer_comes_in_and_goes_with_who_wants_it(arrivals: Arrivals, folder: Path) -> None:
    assert await whole(arrivals, Source().stream) == DATA
    assert list(folder.iterdir()) == []


async def test_several_share_one_download_and_some_may_leave(arrivals: Arrivals, folder: Path) -> None:
    source = Source(upto=1_000_000)
    others = [asyncio.create_task(whole(arrivals, source.stream)) for _ in range(3)]
    await broken_off(arrivals, source, 500_000)
    source.may_go_on.set()
    assert await asyncio.gather(*others) == [DATA] * 3
    assert source.asked == [0]
    assert list(folder.iterdir()) == []


async def test_what_an_earlier_process_left_is_taken_up(arrivals: Arrivals, folder: Path) -> None:
    arrivals.suspend()
    await broken_off(arrivals, Source(upto=1_000_000), 900_000)
    assert len(list(folder.iterdir())) == 1
    source = Source()
    assert await whole(Arrivals(folder, at_once=1), source.stream) == DATA
    assert source.asked == [1_000_000]
    assert list(folder.iterdir()) == []


async def test_what_is_of_another_boot_or_very_old_is_not(arrivals: Arrivals, folder: Path) -> None:
    arrivals.suspend()
    await broken_off(arrivals, Source(upto=1_000_000), 900_000)
    (left,) = folder.iterdir()
    left.with_suffix(".an-earlier-boot").write_bytes(b"wrong")
    long_ago = time.time() - FORGOTTEN_S - 1
    os.utime(left, (long_ago, long_ago))
    source = Source()
    assert await whole(Arrivals(folder, at_once=1), source.stream) == DATA
    assert source.asked == [0]
    assert list(folder.iterdir()) == []


async def test_two_processes_do_not_write_into_one_file(arrivals: Arrivals, folder: Path) -> None:
    source = Source(upto=1_000_000)
    async with arrivals.expect(BLOB, source.stream) as arrival:
        await arrival.wait_beyond(900_000)
        assert await whole(Arrivals(folder, at_once=1), Source().stream) == DATA
        source.may_go_on.set()
        await arrival.wait_whole()
    assert list(folder.iterdir()) == []


async def test_other_bytes_than_the_digests_are_told_in_containerds_words(
    arrivals: Arrivals, folder: Path
) -> None:
    other = DATA[:-1] + bytes([DATA[-1] ^ 1])
    with pytest.raises(
        Invalid, match=f"unexpected commit digest {archives.digest(other)}, expected {BLOB.digest}"
    ):
        await whole(arrivals, Source(other).stream)
    assert list(folder.iterdir()) == []
    assert await whole(arrivals, Source().stream) == DATA, "the next one begins anew"


async def test_who_waits_is_told_what_broke_it(arrivals: Arrivals) -> None:
    async def broken(done: int) -> AsyncGenerator[bytes, None]:
        yield DATA[:10]
        raise Invalid("image", why="the line is cut")

    with pytest.raises(Invalid, match="the line is cut"):
        await whole(arrivals, broken)
    assert await whole(arrivals, Source().stream) == DATA


async def test_a_layer_is_read_from_the_pipe_while_it_comes(arrivals: Arrivals, tmp_path: Path) -> None:
    source, path = Source(upto=1_500_000), tmp_path / "pipe"

    def read(count: int) -> bytes:
        with path.open("rb", buffering=0) as pipe:
            got = b""
            while len(got) < count:
                got += pipe.read(count - len(got))
            return got

    async with arrivals.expect(BLOB, source.stream) as arrival:
        with pipe_at(path) as pipe:
            feeding = asyncio.create_task(feed(arrival, pipe))
            assert await asyncio.to_thread(read, 1_500_000) == DATA[:1_500_000]
            source.may_go_on.set()
            assert await asyncio.to_thread(read, 1_500_000) == DATA[1_500_000:]
            await feeding
    assert not path.exists()
