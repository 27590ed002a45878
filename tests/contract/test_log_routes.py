"""Output on its way to a log router: real FIFOs, and a real socket that somebody listens on, or does not."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from bastide.agent.output.routes import LINK, Routes
from bastide.host.volumes.sockets import connect_to_task
from bastide.model.assignment import RoutedLog
from bastide.model.faults import Invalid, Unavailable
from bastide.plan.log_router import SOCKET_NAME
from tests.assignments import TASK_ID, assignment, container

TAG = f"app-firelens-{TASK_ID}"


class Router:
    """A listener on the router's socket."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / SOCKET_NAME
        self.records: list[dict[str, Any]] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._take, self.path)

    async def stop(self) -> None:
        """As a program that ends: nobody listens, and what was connected is not any more."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0)

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(10):
            while len(self.records) < count:
                await asyncio.sleep(0.01)
        return [record["log"] for record in self.records]

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        unpacker = msgpack.Unpacker()
        while data := await reader.read(65536):
            unpacker.feed(data)
            self.records += [record for _, _, record, _ in unpacker]


class World:
    """One container's pipes, the routes that read them, and the router's folder."""

    def __init__(self, folder: Path, target: RoutedLog) -> None:
        self.io = folder / "io"
        self.socket_folder = folder / "socket"
        self.socket_folder.mkdir()
        self.io.mkdir()
        (self.io / LINK).symlink_to(self.socket_folder)
        self.router = Router(self.socket_folder)
        self.app = container("app", routed_log=target)
        self.spec = assignment(self.app)
        self.routes = Routes(limit_bytes=1024 * 1024)
        self._running = asyncio.create_task(self.routes.run())
        self.open(target)
        self.writer = os.open(self.io / "app.stdout", os.O_WRONLY | os.O_NONBLOCK)

    def open(self, target: RoutedLog) -> None:
        self.routes.open(self.spec, self.app, target, self.io)

    async def write(self, data: bytes) -> None:
        """Everything, as fast as it is taken."""
        async with asyncio.timeout(10):
            while data:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self.writer, data) :]
                await asyncio.sleep(0)
        await asyncio.sleep(0.02)

    async def restart_agent(self, target: RoutedLog) -> None:
        await self._end()
        self.routes = Routes(limit_bytes=1024 * 1024)
        self._running = asyncio.create_task(self.routes.run())
        self.open(target)

    async def close(self) -> None:
        os.close(self.writer)
        await self._end()

    async def _end(self) -> None:
        self.routes.forget(TASK_ID)
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, RoutedLog(tag=TAG))
    yield made
    await made.close()


async def test_what_was_written_before_the_router_listened_reaches_it(world: World) -> None:
    await world.write(b"one\n\ntwo\n")
    await world.router.start()
    await world.write(b"three\n")
    assert await world.router.until(4) == ["one", "", "two", "three"]
    assert {record["container_name"] for record in world.router.records} == {"app"}
    await world.router.stop()


async def test_a_router_that_was_restarted_gets_the_rest(world: World) -> None:
    await world.router.start()
    await world.write(b"one\n")
    await world.router.until(1)
    await world.router.stop()
    await world.write(b"two\n")
    await world.router.start()
    assert (await world.router.until(2))[-1] == "two"
    assert world.router.connections == 2
    await world.router.stop()


async def test_an_agent_that_was_restarted_sends_what_waited(world: World) -> None:
    await world.write(b"one\nhalf")
    await world.restart_agent(RoutedLog(tag=TAG))
    await world.router.start()
    await world.write(b" a line\n")
    assert await world.router.until(2) == ["one", "half a line"]
    await world.router.stop()


async def test_the_last_lines_are_sent_before_the_router_is_told_to_stop(world: World) -> None:
    await world.router.start()
    os.write(world.writer, b"last\nwithout an end")
    await world.routes.wait_sent(TASK_ID, router="router", timeout_s=10)
    assert await world.router.until(2) == ["last", "without an end"]
    await world.router.stop()


async def test_a_router_that_takes_nothing_does_not_hold_up_the_end(world: World) -> None:
    await world.write(b"one\n")
    await world.routes.wait_sent(TASK_ID, router="router", timeout_s=0.05)
    assert world.router.records == []


async def test_beyond_the_limit_of_lines_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path, RoutedLog(tag=TAG, buffer_lines=100))
    for begin in range(0, 1000, 50):
        await world.write(b"".join(b"%d\n" % number for number in range(begin, begin + 50)))
    await world.router.start()
    await world.router.until(2)
    note, *kept = await world.router.until(100)
    dropped = int(note.removeprefix("[").split()[0])
    assert note.endswith("lines dropped: the buffer was full]")
    assert [int(text) for text in kept] == list(range(dropped, 1000))
    assert 100 <= len(kept) <= 150
    await world.router.stop()
    await world.close()


async def test_a_blocking_stream_waits_for_the_router_and_loses_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, RoutedLog(tag=TAG, buffer_lines=100, blocking=True))
    line = b"x" * 1023 + b"\n"
    written = 0
    with pytest.raises(BlockingIOError):
        while True:
            os.write(world.writer, line)
            written += 1
            await asyncio.sleep(0.001)
    await world.router.start()
    assert len(await world.router.until(written)) == written
    await world.router.stop()
    await world.close()


async def test_a_link_in_the_sockets_place_leads_nowhere(tmp_path: Path) -> None:
    elsewhere = Router(tmp_path)
    await elsewhere.start()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / SOCKET_NAME).symlink_to(elsewhere.path)
    with pytest.raises(Invalid):
        await connect_to_task(inside, SOCKET_NAME)
    (inside / SOCKET_NAME).unlink()
    (inside / SOCKET_NAME).write_text("")
    with pytest.raises(Invalid):
        await connect_to_task(inside, SOCKET_NAME)
    (inside / SOCKET_NAME).unlink()
    with pytest.raises(Unavailable):
        await connect_to_task(inside, SOCKET_NAME)
    assert elsewhere.connections == 0
    await elsewhere.stop()
