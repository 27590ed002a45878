"""Exec sessions on a host, by a shell in memory: the server is played by the test."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bastide.agent.exec import Execs
from bastide.host.ports import NewContainer, Process
from bastide.model.messages.exec import (
    WINDOW_BYTES,
    ExecBytes,
    ExecEnded,
    ExecResize,
    ExecStart,
    ExecStop,
    ExecTaken,
    ExecUpward,
)
from tests.fakes.runtime import FakeRuntime, FakeTerminal

CONTAINER = "0" * 32 + "-0000000001"
PROCESS = {"args": ["sleep", "1000"], "env": ["PATH=/bin"], "capabilities": {"bounding": ["CAP_KILL"]}}


class Desk:
    """An agent's sessions and the server's ears."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime = runtime
        self.is_connected = True
        self._heard: asyncio.Queue[ExecUpward] = asyncio.Queue()
        self.execs = Execs(runtime, self._hear, find_container=self._find)

    def _hear(self, message: ExecUpward) -> bool:
        if self.is_connected:
            self._heard.put_nowait(message)
        return self.is_connected

    def _find(self, task_id: str, container: str) -> str | None:
        return CONTAINER if container == "app" else None

    def start(self, session_id: str = "s", **members: Any) -> None:
        asked = {"container": "app", "command": "sh", "columns": 80, "rows": 24, **members}
        self.execs.take(ExecStart(session_id=session_id, task_id="0" * 32, **asked))

    async def hears(self, kind: type[Any]) -> Any:
        async with asyncio.timeout(5):
            while not isinstance(message := await self._heard.get(), kind):
                pass
        return message

    async def reads(self, text: bytes) -> None:
        """Everything shown, acknowledged, until the text has come."""
        seen = b""
        while text not in seen:
            message = await self.hears(ExecBytes)
            seen += message.data
            self.execs.take(ExecTaken(message.session_id, len(message.data)))

    async def terminal(self, session_id: str = "s") -> FakeTerminal:
        async with asyncio.timeout(5):
            while session_id not in self.runtime.terminals:
                await asyncio.sleep(0)
        return self.runtime.terminals[session_id]

    async def is_gone(self) -> bool:
        async with asyncio.timeout(5):
            while self.runtime.terminals:
                await asyncio.sleep(0)
        return True


@pytest.fixture
async def desk(tmp_path: Any) -> AsyncIterator[Desk]:
    runtime = FakeRuntime()
    spec = {"process": PROCESS}
    await runtime.ensure_container(NewContainer(id=CONTAINER, labels={}, spec=spec, rootfs=tmp_path))
    await runtime.ensure_started(CONTAINER)
    state = await runtime.read_container(CONTAINER)
    assert state is not None
    assert state.process is Process.RUNNING
    made = Desk(runtime)
    running = asyncio.create_task(made.execs.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not runtime.terminals


async def test_a_shell_is_typed_at_resized_and_left(desk: Desk) -> None:
    desk.start()
    desk.execs.take(ExecBytes("s", b"hello\n"))
    assert (await desk.hears(ExecTaken)).count == 6
    await desk.reads(b"hello\n")
    desk.execs.take(ExecResize(session_id="s", columns=132, rows=50))
    await asyncio.sleep(0.01)
    desk.execs.take(ExecBytes("s", b"size\n"))
    await desk.reads(b"132 50\n")
    desk.execs.take(ExecBytes("s", b"exit 3\n"))
    assert await desk.hears(ExecEnded) == ExecEnded(session_id="s", exit_code=3)
    assert await desk.is_gone()


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"container": "other"}, "not running"),
        ({"command": "/nonexistent"}, "Unable to start command: Failed to start pty: .*no such file"),
        ({"command": "sh -c 'open"}, "No closing quotation"),
    ],
)
async def test_what_cannot_be_run_is_told(desk: Desk, members: dict[str, str], why: str) -> None:
    desk.start(**members)
    ended = await desk.hears(ExecEnded)
    assert ended.exit_code is None
    assert re.search(why, ended.error)


async def test_a_program_waits_for_room_and_sends_no_more(desk: Desk) -> None:
    desk.start()
    (await desk.terminal()).show(b"x" * (2 * WINDOW_BYTES))
    count = 0
    while count < WINDOW_BYTES:
        count += len((await desk.hears(ExecBytes)).data)
    await asyncio.sleep(0.02)
    assert count == WINDOW_BYTES
    assert desk._heard.empty()
    desk.execs.take(ExecTaken("s", 100))
    assert len((await desk.hears(ExecBytes)).data) == 100


async def test_a_program_goes_with_its_session(desk: Desk) -> None:
    desk.start()
    await desk.terminal()
    desk.execs.take(ExecStop("s"))
    assert await desk.is_gone()


async def test_every_program_goes_with_the_line_to_the_server(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.start(name)
        await desk.terminal(name)
    desk.execs.end_all()
    assert await desk.is_gone()


async def test_one_that_finds_the_line_lost_ends(desk: Desk) -> None:
    desk.start()
    terminal = await desk.terminal()
    desk.is_connected = False
    terminal.show(b"nobody hears this")
    assert await desk.is_gone()


async def test_a_deaf_program_does_not_keep_the_others_waiting(desk: Desk) -> None:
    desk.start("deaf")
    (await desk.terminal("deaf")).is_deaf = True
    desk.execs.take(ExecBytes("deaf", b"hello\n"))
    desk.start("well")
    desk.execs.take(ExecBytes("well", b"well\n"))
    await desk.reads(b"well\n")
