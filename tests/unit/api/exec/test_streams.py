"""Streams of sessions: a client that does what the plugin does, and an agent played by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bastide.api.audit import Trail
from bastide.api.exec import ExecStreams
from bastide.api.exec.live import PATIENCE, Patience
from bastide.config import Settings
from bastide.model.messages.exec import (
    WINDOW_BYTES,
    ExecBytes,
    ExecDownward,
    ExecEnded,
    ExecResize,
    ExecStart,
    ExecStop,
    ExecTaken,
)
from bastide.store.audit.reading import Found, Selection, read_back
from bastide.wire.datachannel.messages import PayloadType
from tests.account import VAULT
from tests.unit.api.exec.conftest import HOST, World
from tests.unit.wire.datachannel.plugin import Plugin

QUICK = Patience(idle_s=0.3, grace_s=0.2, handshake_s=0.2, drain_s=0.2, size_s=0.1)
CLOSED = 1008


class Client:
    """A plugin at the end of a WebSocket; `cut` loses the socket as a network does."""

    def __init__(
        self, streams: ExecStreams, session: Mapping[str, str], plugin: Plugin | None = None
    ) -> None:
        self.plugin = plugin or Plugin()
        self.close_code: int | None = None
        self.is_silent = False  # acknowledges nothing
        self.sizes: list[int] = []  # of what is shown, message by message
        self._up: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._up.put_nowait({"type": "websocket.connect"})
        opening = {"TokenValue": session["token"], "ClientVersion": "1.2.0"}
        self._up.put_nowait({"type": "websocket.receive", "text": json.dumps(opening)})
        for frame in self.plugin.again():
            self._send(frame)
        path = f"/v1/data-channel/{session['id']}"
        self.serving = asyncio.create_task(streams({}, self._up.get, self._take, path=path))

    def type(self, data: bytes, kind: PayloadType = PayloadType.OUTPUT) -> None:
        self._send(self.plugin.type(data, kind))

    async def sees(self, text: bytes) -> None:
        async with asyncio.timeout(5):
            while text not in self.plugin.shown:
                self._changed.clear()
                await self._changed.wait()

    async def ends(self) -> str:
        """What the client prints at the end."""
        async with asyncio.timeout(5):
            await self.serving
        assert self.plugin.closed is not None
        return str(msgspec.json.decode(self.plugin.closed)["Output"])

    async def cut(self) -> None:
        self._up.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await self.serving

    def _send(self, frame: bytes) -> None:
        self._up.put_nowait({"type": "websocket.receive", "bytes": frame})

    async def _take(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.close_code = message["code"]
        if message["type"] == "websocket.send":
            shown = len(self.plugin.shown)
            for frame in self.plugin.receive(message["bytes"]):
                if not self.is_silent:
                    self._send(frame)
            self.sizes += [len(self.plugin.shown) - shown] if len(self.plugin.shown) > shown else []
        self._changed.set()


class Desk:
    """Streams over a store, and the words an agent would hear."""

    def __init__(self, world: World, patience: Patience, settings: Settings) -> None:
        self.world = world
        self.said: asyncio.Queue[ExecDownward] = asyncio.Queue()
        self.streams = ExecStreams(
            world.store, settings, VAULT, tell=self._tell, patience=patience, now=self._now
        )

    def _now(self) -> float:
        return self.world.account.now.timestamp()

    def _tell(self, host_id: str, message: ExecDownward) -> bool:
        assert host_id == HOST
        self.said.put_nowait(message)
        return True

    async def session(self, **params: Any) -> dict[str, str]:
        answer = (await self.world.execute(await self.world.run(), **params))["session"]
        return {"id": answer["sessionId"], "token": answer["tokenValue"]}

    async def hears(self, kind: type[Any]) -> Any:
        """The next word of this kind that an agent is told."""
        async with asyncio.timeout(5):
            while not isinstance(message := await self.said.get(), kind):
                pass
        return message

    async def open(self, **params: Any) -> tuple[Client, ExecStart]:
        session = await self.session(**params)
        client = Client(self.streams, session)
        start: ExecStart = await self.hears(ExecStart)
        return client, start

    async def resume(self, client: Client, session_id: str) -> Client:
        answer = await self.world.call("ResumeSession", service="ssm", SessionId=session_id)
        return Client(self.streams, {"id": session_id, "token": answer["TokenValue"]}, client.plugin)


@asynccontextmanager
async def desk_of(world: World, tmp_path: Any, patience: Patience = PATIENCE) -> AsyncIterator[Desk]:
    settings = Settings(data_root=tmp_path)
    settings.server_folder.mkdir(parents=True)
    desk = Desk(world, patience, settings)
    running = asyncio.create_task(desk.streams.run())
    await asyncio.sleep(0)
    yield desk
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def desk(world: World, tmp_path: Any) -> AsyncIterator[Desk]:
    async with desk_of(world, tmp_path) as made:
        yield made


@pytest.fixture
async def quick(world: World, tmp_path: Any) -> AsyncIterator[Desk]:
    async with desk_of(world, tmp_path, QUICK) as made:
        yield made


async def test_a_program_runs_is_typed_at_and_ends(desk: Desk) -> None:
    client, start = await desk.open(command="sh -l")
    assert (start.container, start.command, start.columns, start.rows) == ("app", "sh -l", 80, 24)
    client.type(b"hello")
    assert (await desk.hears(ExecBytes)).data == b"hello"
    client.type(b'{"cols":100,"rows":40}', PayloadType.SIZE)
    resized = await desk.hears(ExecResize)
    assert (resized.columns, resized.rows) == (100, 40)
    desk.streams.hear(HOST, ExecBytes(start.session_id, b"world"))
    await client.sees(b"world")
    assert (await desk.world.sessions())[0]["Status"] == "Connected"
    desk.streams.hear(HOST, ExecBytes(start.session_id, b"the last words"))
    desk.streams.hear(HOST, ExecEnded(session_id=start.session_id, exit_code=3))
    assert await client.ends() == ""
    assert client.plugin.shown.endswith(b"the last words")
    async with asyncio.timeout(5):
        while await desk.world.sessions():
            await asyncio.sleep(0.01)
    assert (await desk.world.sessions("History"))[0]["Status"] == "Terminated"


async def test_who_got_in_and_who_did_not_is_told(desk: Desk, trail: Trail, tmp_path: Path) -> None:
    desk.streams.trail = trail
    session = await desk.session(command="sh")
    refused = Client(desk.streams, {**session, "token": "wrong"})
    await refused.serving
    client = Client(desk.streams, session)
    await desk.hears(ExecStart)
    desk.streams.hear(HOST, ExecEnded(session_id=session["id"], exit_code=0))
    await client.ends()
    found: list[Found] = []
    async with asyncio.timeout(5):
        while len(found) < 3:
            await asyncio.sleep(0.01)
            await trail.flush()
            found, _ = read_back(Settings(data_root=tmp_path).audit_folder, Selection(), limit=9)
    ended, opened, denied = [one.record for one in found]
    assert (denied.name, denied.error_code) == ("OpenDataChannel", "AccessDeniedException")
    assert (opened.name, opened.source) == ("OpenDataChannel", "ssmmessages.amazonaws.com")
    assert (
        opened.identity["arn"]
        == ended.identity["arn"]
        == ((await desk.world.sessions("History"))[0]["Owner"])
    )
    assert (opened.parameters["sessionId"], opened.parameters["command"]) == (session["id"], "sh")
    assert ended.name == "SessionEnded"
    assert session["token"] not in str([one.line for one in found])


async def test_why_it_cannot_run_is_shown(desk: Desk) -> None:
    client, start = await desk.open()
    desk.streams.hear(HOST, ExecEnded(session_id=start.session_id, error="Unable to start command"))
    assert await client.ends() == "Unable to start command"


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_nobody_gets_in_without_the_token(desk: Desk, token: str) -> None:
    session = await desk.session()
    client = Client(desk.streams, {**session, "token": token})
    await client.serving
    assert client.close_code == CLOSED


async def test_a_token_is_good_once(desk: Desk) -> None:
    session = await desk.session()
    Client(desk.streams, session)
    await desk.hears(ExecStart)
    second = Client(desk.streams, session)
    await second.serving
    assert second.close_code == CLOSED


async def test_a_client_that_comes_back_has_missed_nothing(desk: Desk) -> None:
    client, start = await desk.open()
    desk.streams.hear(HOST, ExecBytes(start.session_id, b"before,"))
    await client.sees(b"before,")
    await client.cut()
    desk.streams.hear(HOST, ExecBytes(start.session_id, b"meanwhile,"))
    client = await desk.resume(client, start.session_id)
    await client.sees(b"before,meanwhile,")
    client.type(b"typed")
    assert (await desk.hears(ExecBytes)).data == b"typed"


async def test_an_agent_is_held_up_by_a_client_that_takes_nothing(desk: Desk) -> None:
    client, start = await desk.open()
    await client.cut()
    while not desk.said.empty():
        desk.said.get_nowait()
    desk.streams.hear(HOST, ExecBytes(start.session_id, b"x" * WINDOW_BYTES))
    await asyncio.sleep(0.05)
    assert desk.said.empty()
    await desk.resume(client, start.session_id)
    count = 0
    while count < WINDOW_BYTES:
        count += (await desk.hears(ExecTaken)).count
    assert client.plugin.shown.count(b"x") == WINDOW_BYTES


async def test_what_a_program_writes_in_small_pieces_is_sent_in_larger_ones(desk: Desk) -> None:
    client, start = await desk.open()
    client.is_silent = True
    written = b""
    for number in range(200):
        piece = b"%03d\n" % number
        written += piece
        desk.streams.hear(HOST, ExecBytes(start.session_id, piece))
        for _ in range(10):
            await asyncio.sleep(0)
    await client.sees(b"199\n")
    assert client.plugin.shown == written
    assert client.sizes[0] == 4
    assert len(client.sizes) < 100


async def test_the_agent_hears_of_a_quarter_of_its_window_at_once(desk: Desk) -> None:
    _, start = await desk.open()
    quarter = WINDOW_BYTES // 4
    for _ in range(2):
        desk.streams.hear(HOST, ExecBytes(start.session_id, b"x" * (quarter // 2)))
        await asyncio.sleep(0.02)
    assert (await desk.hears(ExecTaken)).count == quarter


async def test_typing_is_held_up_by_a_program_that_reads_nothing(desk: Desk) -> None:
    client, start = await desk.open()
    half = b"x" * (WINDOW_BYTES // 2)
    for _ in range(2):
        client.type(half)
    passed = 0
    while passed < WINDOW_BYTES:
        passed += len((await desk.hears(ExecBytes)).data)
    client.type(b"more")
    await asyncio.sleep(0.05)
    assert desk.said.empty()
    desk.streams.hear(HOST, ExecTaken(start.session_id, WINDOW_BYTES))
    client._send(client.plugin.again()[0])
    assert (await desk.hears(ExecBytes)).data == b"more"


async def test_a_session_that_is_terminated_takes_its_process_along(desk: Desk) -> None:
    client, start = await desk.open()
    await desk.world.call("TerminateSession", service="ssm", SessionId=start.session_id)
    assert (await desk.hears(ExecStop)).session_id == start.session_id
    assert "terminated" in await client.ends()


async def test_a_lost_host_ends_its_sessions(desk: Desk) -> None:
    client, _ = await desk.open()
    desk.streams.lose_host("another host")
    desk.streams.lose_host(HOST)
    assert "host was lost" in await client.ends()


async def test_a_host_speaks_for_its_own_sessions_alone(desk: Desk) -> None:
    client, start = await desk.open()
    desk.streams.hear("another host", ExecBytes(start.session_id, b"forged"))
    desk.streams.hear(HOST, ExecBytes(start.session_id, b"true"))
    await client.sees(b"true")
    assert b"forged" not in client.plugin.shown


async def test_a_session_without_a_word_ends(quick: Desk) -> None:
    client, _ = await quick.open()
    assert "20 minutes" in await client.ends()
    await quick.hears(ExecStop)


async def test_a_client_that_does_not_come_back_takes_its_process_along(quick: Desk) -> None:
    client, start = await quick.open()
    await client.cut()
    assert (await quick.hears(ExecStop)).session_id == start.session_id


async def test_a_client_that_breaks_the_protocol_loses_its_socket(desk: Desk) -> None:
    client, start = await desk.open()
    client._send(b"\0" * 200)
    await client.serving
    client = await desk.resume(client, start.session_id)
    desk.streams.hear(HOST, ExecBytes(start.session_id, b"still there"))
    await client.sees(b"still there")


async def test_sessions_of_an_earlier_server_are_over(world: World, tmp_path: Any) -> None:
    async with desk_of(world, tmp_path) as desk:
        await desk.open()
        await desk.session()
    (tmp_path / "again").mkdir()
    async with desk_of(world, tmp_path / "again"):
        async with asyncio.timeout(5):
            while any(each["Status"] == "Connected" for each in await world.sessions()):
                await asyncio.sleep(0.01)
        assert [each["Status"] for each in await world.sessions()] == ["Connecting"]


async def test_the_last_lines_wait_for_a_slow_client(quick: Desk) -> None:
    client, start = await quick.open()
    await client.cut()
    quick.streams.hear(HOST, ExecBytes(start.session_id, b"x" * WINDOW_BYTES))
    quick.streams.hear(HOST, ExecEnded(session_id=start.session_id, exit_code=0))
    client = await quick.resume(client, start.session_id)
    assert await client.ends() == ""
    assert client.plugin.shown.count(b"x") == WINDOW_BYTES
