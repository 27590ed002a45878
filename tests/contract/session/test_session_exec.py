"""What is said of exec sessions over a real line: in order, as it is, and to its own host."""

import asyncio

from bastide.model.frames import Heartbeat
from bastide.model.messages.exec import ExecBytes, ExecEnded, ExecStart, ExecTaken, ExecUpward
from tests.session import Server, hello

EVERY_BYTE = bytes(range(256))
START = ExecStart(session_id="s", task_id="t", container="app", command="sh", columns=80, rows=24)


async def test_words_pass_both_ways_in_order_whatever_bytes_they_hold(server: Server) -> None:
    heard: list[tuple[str, ExecUpward]] = []
    server.agents.on_exec = lambda host_id, message: heard.append((host_id, message))
    async with server.connected() as agent:
        await agent.start(hello())
        for message in (START, ExecBytes("s", EVERY_BYTE)):
            assert server.agents.tell("host-1", message)
        assert await agent.read(ExecStart) == START
        assert (await agent.read(ExecBytes)).data == EVERY_BYTE
        words = [ExecBytes("s", bytes([n])) for n in range(100)]
        agent.send(*words, ExecTaken("s", 256), ExecEnded(session_id="s", exit_code=3), Heartbeat(1))
        await agent.read(Heartbeat)
        said: list[ExecUpward] = [*words, ExecTaken("s", 256), ExecEnded(session_id="s", exit_code=3)]
        assert heard == [("host-1", message) for message in said]


async def test_a_host_that_is_away_is_told_nothing_and_its_loss_is_heard(server: Server) -> None:
    lost: list[str] = []
    server.agents.on_lost = lost.append
    assert not server.agents.tell("host-1", START)
    async with server.connected() as agent:
        await agent.start(hello())
    async with asyncio.timeout(5):
        while not lost:
            await asyncio.sleep(0.005)
    assert lost == ["host-1"]
    assert not server.agents.tell("host-1", START)
