"""The server's end of the session against a real socket and a real store; the agent is played by the test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bastide.agent.session import Session as AgentSession
from bastide.api.agents.session import Session as ServerSession
from bastide.control.hosts import Hosts
from bastide.model.arn import last_of
from bastide.model.assignment import ContainerReport, Report
from bastide.model.frames import (
    PROTOCOL,
    Assign,
    Downward,
    Heartbeat,
    Pulling,
    Refusal,
    Release,
    Reported,
    Sync,
    Welcome,
    render_frame,
)
from bastide.model.messages.framing import FRAME_MAX_BYTES
from bastide.model.status import ContainerStatus, DesiredStatus, StopCode, TaskStatus
from bastide.store import Store, Txn
from tests.account import container
from tests.session import Server, hello

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def report(arn: str, status: TaskStatus, **members: Any) -> Reported:
    return Reported(Report(task_arn=arn, last_status=status, **members))


def one(status: ContainerStatus, **members: Any) -> tuple[ContainerReport, ...]:
    return (ContainerReport(name="app", last_status=status, **members),)


async def test_a_task_reaches_the_agent_soon_after_run_task(server: Server) -> None:
    await server.account.register()
    async with server.connected() as agent:
        assert await agent.start(hello()) == Sync(())
        network = await server.account.network()
        started = asyncio.get_running_loop().time()
        arn = await server.run_task(networkConfiguration=network)
        assignment = (await agent.read(Assign)).assignment
        took_s = asyncio.get_running_loop().time() - started
        assert assignment.task_arn == arn
        assert assignment.desired_status is DesiredStatus.RUNNING
        assert (assignment.cpu_units, assignment.memory_mib, assignment.storage_gib) == (256, 512, 20)
        assert assignment.eni.vpc_cidr == "172.31.0.0/16"
        assert assignment.eni.public_ip is not None
        assert [c.name for c in assignment.containers] == ["app"]
        assert took_s < 0.5  # 20 ms is the aim; the machine that runs the tests may be busy


async def test_a_task_goes_all_the_way_and_leaves_nothing(server: Server) -> None:
    await server.account.register()
    async with server.connected() as agent:
        await agent.start(hello())
        arn = await server.run_task()
        assignment = (await agent.read(Assign)).assignment
        agent.send(report(arn, TaskStatus.PENDING))
        await server.until_task(arn, lastStatus="PENDING", connectivity="CONNECTED")
        agent.send(report(arn, TaskStatus.RUNNING, started_at=NOW, containers=one(ContainerStatus.RUNNING)))
        running = await server.until_task(arn, lastStatus="RUNNING")
        assert running["startedAt"] == NOW.timestamp()
        assert running["attachments"][0]["status"] == "ATTACHED"
        assert running["containers"][0]["runtimeId"] == assignment.containers[0].runtime_id
        assert await agent.is_silent()
        await server.account.call("StopTask", task=arn, reason="enough")
        stop = (await agent.read(Assign)).assignment
        assert stop.desired_status is DesiredStatus.STOPPED
        assert (stop.stop_code, stop.stopped_reason) == (StopCode.USER_INITIATED, "enough")
        assert stop.version > assignment.version
        agent.send(
            report(
                arn,
                TaskStatus.STOPPED,
                stopped_at=NOW,
                containers=one(ContainerStatus.STOPPED, exit_code=143),
            )
        )
        assert await agent.read(Release) == Release(arn)
        stopped = await server.task(arn)
        assert stopped["stoppedReason"] == "enough"
        assert stopped["containers"][0]["exitCode"] == 143
        assert stopped["attachments"][0]["status"] == "DELETED"
        async with asyncio.timeout(5):
            while await server.store.view(
                lambda txn: (
                    txn.count("network-interface") + txn.count("placement") + txn.count("public-address")
                )
            ):
                await asyncio.sleep(0.005)


async def test_a_task_that_cannot_be_told_keeps_no_other_from_its_host(server: Server) -> None:
    await server.account.register()
    async with server.connected() as agent:
        await agent.start(hello())
        broken, whole = await server.run_task(), await server.run_task()
        for _ in range(2):
            await agent.read(Assign)

    def damage(txn: Txn) -> None:
        record = txn.get("task", broken)
        assert record is not None
        task = {**record.document["task"], "cpu": "many"}
        txn.put(record.changed(document={**record.document, "task": task}))

    await server.store.update(damage)
    async with server.connected() as agent:
        told = await agent.start(hello())
        assert [one.task_arn for one in agent.assigned] == [whole]
        assert set(told.task_ids) == {last_of(broken), last_of(whole)}  # what runs of it is not given up


async def test_reconnecting_gives_the_whole_set_again(server: Server) -> None:
    await server.account.register()
    async with server.connected() as agent:
        await agent.start(hello())
        arns = {await server.run_task(), await server.run_task()}
        assert {(await agent.read(Assign)).assignment.task_arn for _ in arns} == arns
        over = arns.pop()
        agent.send(report(over, TaskStatus.STOPPED))
        await agent.read(Release)
    await server.until_host("DISCONNECTED")
    async with server.connected() as agent:
        sync = await agent.start(hello())
        assert {one.task_arn for one in agent.assigned} == arns
        assert sorted(sync.task_ids) == sorted(one.task_id for one in agent.assigned)
        assert await server.host_status() == "CONNECTED"


async def test_more_tasks_than_a_frame_could_hold_are_told_all_the_same(server: Server) -> None:
    await server.account.register(
        containerDefinitions=[container(environment=[{"name": "A", "value": "x" * 60_000}])]
    )
    count = FRAME_MAX_BYTES // 60_000 + 1
    large = hello(cpu_units=1_000_000, memory_mib=1_000_000)
    async with server.connected() as agent:
        await agent.start(large)
        network = await server.account.network()
        network["awsvpcConfiguration"]["assignPublicIp"] = "DISABLED"  # that pool is smaller
        for _ in range(-(-count // 10)):
            await server.account.run(count=10, networkConfiguration=network)
        for _ in range(count):
            await agent.read(Assign)
    async with server.connected() as agent:
        sync = await agent.start(large)
        assert len(set(sync.task_ids)) == len(agent.assigned) >= count
        assert await agent.is_silent()


async def test_what_changes_while_an_agent_is_away_is_in_its_sync(server: Server) -> None:
    await server.account.register()
    async with server.connected() as agent:
        await agent.start(hello())
        arn = await server.run_task()
        await agent.read(Assign)
    await server.account.call("StopTask", task=arn)
    async with server.connected() as agent:
        await agent.start(hello())
        (assignment,) = agent.assigned
        assert assignment.desired_status is DesiredStatus.STOPPED
        assert await agent.is_silent()


class LateStore:
    """The store, whose views can be held back once they have been read: what is seen may be old by then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gate = asyncio.Event()
        self._gate.set()
        self.held = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def view(self, fn: Callable[[Txn], Any]) -> Any:
        seen = await self._store.view(fn)
        self.held += 1
        await self._gate.wait()
        self.held -= 1
        return seen

    def hold(self) -> None:
        self._gate.clear()

    def let_go(self) -> None:
        self._gate.set()


@pytest.fixture
async def late(server: Server) -> AsyncIterator[LateStore]:
    """The sessions' store, the rest of the server going on as ever."""
    made = LateStore(server.store)
    server.agents._store = made  # type: ignore[assignment]
    yield made
    made.let_go()


async def stop_while_held(server: Server, late: LateStore, arn: str) -> None:
    await server.until(lambda: late.held > 0)
    await server.account.call("StopTask", task=arn)
    await asyncio.sleep(0.05)  # the change has been heard of
    late.let_go()


async def test_a_stop_during_a_sync_is_told_after_it(server: Server, late: LateStore) -> None:
    await server.account.register()
    async with server.connected() as agent:
        await agent.start(hello())
        arn = await server.run_task()
        await agent.read(Assign)
    late.hold()
    async with server.connected() as agent:
        agent.send(hello())
        await agent.read(Welcome)
        await stop_while_held(server, late, arn)
        await agent.read_sync()
        (seen,) = agent.assigned
        assert seen.desired_status is DesiredStatus.RUNNING
        assert (await agent.read(Assign)).assignment.desired_status is DesiredStatus.STOPPED


async def test_a_stop_during_an_assignment_is_told_after_it(server: Server, late: LateStore) -> None:
    await server.account.register()
    await server.account.network()  # the default VPC is made, and is no news later
    async with server.connected() as agent:
        await agent.start(hello())
        late.hold()
        arn = await server.run_task()
        await stop_while_held(server, late, arn)
        assert (await agent.read(Assign)).assignment.desired_status is DesiredStatus.RUNNING
        assert (await agent.read(Assign)).assignment.desired_status is DesiredStatus.STOPPED


async def test_a_second_session_of_a_host_ends_the_first(server: Server) -> None:
    async with server.connected() as first, server.connected() as second:
        await first.start(hello())
        await second.start(hello())
        with pytest.raises((EOFError, ConnectionError)):
            await first.read(Heartbeat)
        assert await second.is_silent()
        assert await server.host_status() == "CONNECTED"
        assert server.agents.connected == 1


async def test_two_hosts_get_their_own_tasks_only(server: Server) -> None:
    await server.account.register()
    async with server.connected() as small, server.connected() as large:
        await small.start(hello("small", memory_mib=600))
        await large.start(hello("large", memory_mib=1200))
        arns = [await server.run_task() for _ in range(3)]
        placed = [(await large.read(Assign)).assignment.task_arn for _ in range(2)]
        placed.append((await small.read(Assign)).assignment.task_arn)
        assert sorted(placed) == sorted(arns)
        assert await small.is_silent()
        assert await large.is_silent()


async def test_an_unknown_task_is_released(server: Server) -> None:
    async with server.connected() as agent:
        await agent.start(hello())
        unknown = "arn:aws:ecs:us-east-1:000000000000:task/default/" + "0" * 32
        agent.send(report(unknown, TaskStatus.RUNNING))
        assert await agent.read(Release) == Release(unknown)


async def test_how_far_a_pull_is_is_kept_beside_the_task(server: Server) -> None:
    await server.account.register()
    async with server.connected() as owner, server.connected() as other:
        await owner.start(hello())
        arn = await server.run_task()
        await owner.read(Assign)
        await other.start(hello("host-2"))
        version = (await server.task(arn))["version"]
        for agent, done in ((owner, 10), (other, 99)):
            agent.send(
                Pulling(task_arn=arn, container="app", what="download", done_bytes=done, total_bytes=100)
            )
        told = {"app": {"what": "download", "doneBytes": 10, "totalBytes": 100}}
        async with asyncio.timeout(5):
            while (await server.document(arn)).get("pulls") != told:
                await asyncio.sleep(0.01)
        assert (await server.task(arn))["version"] == version


async def test_a_report_of_another_hosts_task_changes_nothing(server: Server) -> None:
    await server.account.register()
    async with server.connected() as owner, server.connected() as other:
        await owner.start(hello())
        arn = await server.run_task()
        await owner.read(Assign)
        await other.start(hello("host-2"))
        other.send(report(arn, TaskStatus.STOPPED))
        assert await other.read(Release) == Release(arn)
        assert (await server.task(arn))["lastStatus"] == "PROVISIONING"


async def test_a_foreign_user_is_refused(tmp_path: Path, store: Store) -> None:
    server = Server(tmp_path, store, agent_uids=frozenset({os.getuid() + 1}))
    await server.start()
    try:
        async with server.connected() as agent:
            agent.send(hello())
            assert "may not act as an agent" in (await agent.read(Refusal)).why
            with pytest.raises((EOFError, ConnectionError)):
                await agent.read(Welcome)
    finally:
        await server.stop()


async def test_another_protocol_is_refused(server: Server) -> None:
    async with server.connected() as agent:
        agent.send(hello(protocol=PROTOCOL + 1))
        assert str(PROTOCOL) in (await agent.read(Refusal)).why


@pytest.mark.parametrize(
    "said", [b"\xff\xff\xff\xff", b"\0\0\0\2{}", b"\0\0\0\3abc", render_frame(Heartbeat(1))]
)
async def test_what_is_no_hello_ends_the_session(server: Server, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(server.settings.session_socket))
    writer.write(said)
    async with asyncio.timeout(5):
        with suppress(ConnectionError):  # cut off with bytes unread
            assert await reader.read() == b""
    writer.close()
    async with server.connected() as agent:
        await agent.start(hello())


async def test_a_silent_agent_is_given_up(tmp_path: Path, store: Store) -> None:
    server = Server(tmp_path, store, heartbeat_s=0.1)
    await server.start()
    try:
        async with server.connected() as agent:
            await agent.start(hello())
            await server.until_host("DISCONNECTED")
            assert server.agents.connected == 0
    finally:
        await server.stop()


async def test_an_agent_that_takes_nothing_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bastide.api.agents.session.SEND_TIMEOUT_S", 0.2)
    await server.account.register(
        containerDefinitions=[container(environment=[{"name": "A", "value": "x" * 60_000}])]
    )
    async with server.connected() as agent:
        await agent.start(hello(memory_mib=100_000))
        network = await server.account.network()
        for _ in range(12):
            await server.account.run(count=10, networkConfiguration=network)

        async def beat() -> None:
            while True:
                agent.send(Heartbeat(1))
                await asyncio.sleep(0.1)

        beating = asyncio.create_task(beat())
        await server.until_host("DISCONNECTED")
        beating.cancel()
    async with server.connected() as agent:
        told = len((await agent.start(hello(memory_mib=100_000))).task_ids)
        for _ in range(120 - told):  # those that waited for a host
            await agent.read(Assign)
        assert await agent.is_silent()


async def test_tasks_say_when_nobody_speaks_for_their_host(server: Server) -> None:
    await server.account.register()
    watching = asyncio.create_task(Hosts(server.store, patience_s=0.2).run())
    async with server.connected() as agent:
        await agent.start(hello())
        arn = await server.run_task()
        await agent.read(Assign)
        agent.send(report(arn, TaskStatus.RUNNING))
        first = await server.until_task(arn, connectivity="CONNECTED")
    gone = await server.until_task(arn, connectivity="DISCONNECTED")
    assert gone["connectivityAt"] == first["connectivityAt"]
    async with server.connected() as agent:
        await agent.start(hello())
        back = await server.until_task(arn, connectivity="CONNECTED", lastStatus="RUNNING")
        assert back["connectivityAt"] > gone["connectivityAt"]
        assert await agent.is_silent()
    watching.cancel()


async def test_hosts_of_an_earlier_server_are_disconnected_at_start(server: Server) -> None:
    async with server.connected() as agent:
        await agent.start(hello())
        await server.stop()
    host = await server.account.record("host", "host-1")
    await server.store.update(lambda txn: txn.put(host.changed(status="CONNECTED")))  # as after a kill -9
    await server.start()
    assert await server.host_status() == "DISCONNECTED"


async def test_the_agents_own_end_speaks_to_it(server: Server) -> None:
    await server.account.register()
    heard: list[Downward] = []
    session = AgentSession(
        server.settings.session_socket,
        hello(),
        server_uids=frozenset({os.getuid()}),
        on_welcome=lambda welcome: None,
        on_message=heard.append,
    )
    running = asyncio.create_task(session.run())
    try:
        await server.until(lambda: session.is_connected and bool(heard))
        arn = await server.run_task()
        await server.until(lambda: any(isinstance(message, Assign) for message in heard))
        assert session.send(report(arn, TaskStatus.STOPPED))
        await server.until(lambda: Release(arn) in heard)
    finally:
        running.cancel()


def test_a_session_holds_no_queue() -> None:
    """What is to be said is remembered by task, so a slow agent costs no memory by the number of changes."""
    session = ServerSession("h", None, None, resolver=None, heartbeat_s=1, now=lambda: NOW)  # type: ignore[arg-type]
    for _ in range(1000):
        session.mark("task")
    assert len(session._dirty) == 1
