"""The agent's end of the session, against a server on a real unix socket that can be made to misbehave."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.agent.session import Session
from bastide.model.frames import (
    PROTOCOL,
    Downward,
    FrameReader,
    Heartbeat,
    Hello,
    Message,
    Refusal,
    Release,
    Sync,
    Welcome,
    render_frame,
)

HELLO = Hello(
    protocol=PROTOCOL, host_id="host-1", agent_version="0", cpu_units=2048, memory_mib=1024, disk_mib=1
)
WELCOME = Welcome(protocol=PROTOCOL, server_version="0", heartbeat_s=0.05)


class Server:
    """Greets every agent with `greeting`, then echoes heartbeats unless it `is_silent`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.greeting: list[Message] = [WELCOME, Sync(())]
        self.is_silent = False
        self.heard: list[Message] = []
        self.sessions = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        self.writers.append(writer)
        frames = FrameReader()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                for message in frames.feed(data):
                    self.heard.append(message)
                    if isinstance(message, Hello):
                        writer.writelines(render_frame(answer) for answer in self.greeting)
                    elif isinstance(message, Heartbeat) and not self.is_silent:
                        writer.write(render_frame(message))
        writer.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path / "session.sock")
    listener = await asyncio.start_unix_server(made.take, made.path)
    yield made
    listener.close()
    for writer in made.writers:
        writer.close()


class Agent:
    """A session that runs, and what it was told."""

    def __init__(self, path: Path, *, uids: frozenset[int] = frozenset({os.getuid()})) -> None:
        self.told: list[Downward] = []
        self.welcomes = 0
        self.session = Session(
            path, HELLO, server_uids=uids, on_welcome=self.welcome, on_message=self.told.append
        )
        self.running = asyncio.create_task(self.session.run())

    def welcome(self, welcome: Welcome) -> None:
        self.welcomes += 1

    async def close(self) -> None:
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running


async def until(condition: object, *, timeout_s: float = 5.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_full_set_follows_the_welcome(server: Server) -> None:
    agent = Agent(server.path)
    await until(lambda: agent.told)
    assert agent.told == [Sync(())]
    assert server.heard[0] == HELLO
    assert agent.session.is_connected
    await agent.close()


async def test_nothing_can_be_sent_before_the_welcome(server: Server) -> None:
    server.greeting = []
    agent = Agent(server.path)
    await until(lambda: server.heard)
    assert not agent.session.send(Heartbeat(1))
    await agent.close()


async def test_a_lost_line_is_opened_again(server: Server) -> None:
    agent = Agent(server.path)
    await until(lambda: agent.welcomes == 1)
    server.writers[0].close()
    await until(lambda: agent.welcomes == 2)
    server.writers[1].write(render_frame(Release("arn")))
    await until(lambda: Release("arn") in agent.told)
    await agent.close()


async def test_a_server_that_falls_silent_is_left(server: Server) -> None:
    server.is_silent = True
    agent = Agent(server.path)
    await until(lambda: server.sessions >= 2)
    await agent.close()


async def test_a_server_that_lives_is_kept(server: Server) -> None:
    agent = Agent(server.path)
    await until(lambda: len([m for m in server.heard if isinstance(m, Heartbeat)]) >= 8)
    assert server.sessions == 1
    await agent.close()


@pytest.mark.parametrize(
    "greeting",
    [
        [Refusal("too old")],
        [Welcome(protocol=PROTOCOL + 1, server_version="9", heartbeat_s=1)],
        [Sync(())],
    ],
)
async def test_no_session_without_a_welcome_of_this_protocol(server: Server, greeting: list[Message]) -> None:
    server.greeting = greeting
    agent = Agent(server.path)
    await until(lambda: server.sessions >= 2)
    assert (agent.welcomes, agent.told) == (0, [])
    await agent.close()


async def test_a_socket_held_by_another_user_is_refused(server: Server) -> None:
    agent = Agent(server.path, uids=frozenset({os.getuid() + 1}))
    await until(lambda: server.sessions >= 2)
    assert server.heard == []
    await agent.close()


async def test_bytes_that_are_no_frame_end_the_session(server: Server) -> None:
    agent = Agent(server.path)
    await until(lambda: agent.welcomes == 1)
    server.writers[0].write(b"\xff\xff\xff\xff garbage")
    await until(lambda: agent.welcomes == 2)
    await agent.close()


async def test_after_a_good_session_the_next_one_is_not_waited_for(server: Server) -> None:
    """The wait between attempts grows while they fail, and starts anew after a welcome."""
    agent = Agent(server.path)
    for count in range(1, 9):
        await until(lambda count=count: agent.welcomes == count, timeout_s=1.0)
        server.writers[-1].close()
    await agent.close()
