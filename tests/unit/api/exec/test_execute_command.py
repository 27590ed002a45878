"""Who may run a command where, and what is answered."""

import re
from typing import Any

import pytest

from bastide.api.failures import row_for
from bastide.model.faults import Fault
from bastide.model.status import ContainerStatus, TaskStatus
from tests.account import container
from tests.unit.api.exec.conftest import World

PARAMETER = "InvalidParameterException"
NOT_CONNECTED = "TargetNotConnectedException"
NOT_READY = "execute command was not enabled when the task was run or the execute command agent isn’t running"
TWO = (container(), container(name="side", essential=False))


async def refused(world: World, arn: str, **params: Any) -> tuple[str, str]:
    """Code and message of the error."""
    with pytest.raises(Fault) as caught:
        await world.execute(arn, **params)
    row = row_for("ecs", caught.value)
    assert row is not None
    return row.code, row.message


async def test_the_answer_says_where_to_connect(world: World) -> None:
    arn = await world.run()
    answer = await world.execute(arn)
    session = answer["session"]
    assert re.fullmatch("ecs-execute-command-[0-9a-f]{17}", session["sessionId"])
    where = f"ws://127.0.0.1:4566/v1/data-channel/{session['sessionId']}?role=publish_subscribe"
    assert session["streamUrl"] == where
    assert 32 <= len(session["tokenValue"]) <= 300
    assert (answer["taskArn"], answer["containerName"], answer["interactive"]) == (arn, "app", True)
    (shown,) = await world.sessions()
    assert (shown["Status"], shown["Owner"]) == ("Connecting", "arn:aws:iam::000000000000:user/admin")
    assert shown["Target"] == f"ecs:default_{arn[-32:]}_{arn[-32:]}-0000000000"


async def test_a_token_is_kept_nowhere(world: World) -> None:
    session = (await world.execute(await world.run()))["session"]
    record = await world.account.record("exec-session", session["sessionId"])
    assert session["tokenValue"] not in repr(record)


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"interactive": False}, PARAMETER, "Interactive is the only mode supported currently."),
        ({"cluster": "none"}, "ClusterNotFoundException", "Cluster not found."),
        ({"task": "0" * 32}, PARAMETER, "The referenced task was not found."),
        ({"container": "other"}, PARAMETER, "other does not exist"),
        ({"command": "a\0b"}, "ClientException", "zero byte"),
    ],
)
async def test_what_cannot_be_asked_for(world: World, params: Any, code: str, message: str) -> None:
    found, said = await refused(world, await world.run(), **params)
    assert found == code
    assert message in said


async def test_one_of_several_containers_has_to_be_named(world: World) -> None:
    arn = await world.run(*TWO)
    assert (await refused(world, arn))[0] == PARAMETER
    assert (await world.execute(arn, container="side"))["containerName"] == "side"


async def test_it_has_to_be_enabled_and_running(world: World) -> None:
    for arn in (await world.run(is_enabled=False), await world.run(is_running=False)):
        code, message = await refused(world, arn)
        assert code == PARAMETER
        assert NOT_READY in message
    arn = await world.run()
    await world.report(arn, TaskStatus.STOPPED, ContainerStatus.STOPPED)
    assert (await refused(world, arn))[0] == PARAMETER


async def test_the_agent_follows_its_container(world: World) -> None:
    arn = await world.run(is_running=False)
    assert await world.agents(arn) == [{"name": "ExecuteCommandAgent", "lastStatus": "PENDING"}]
    await world.report(arn, TaskStatus.RUNNING, ContainerStatus.RUNNING)
    running = {"name": "ExecuteCommandAgent", "lastStatus": "RUNNING", "lastStartedAt": 1.0}
    assert await world.agents(arn) == [running]
    await world.report(arn, TaskStatus.STOPPED, ContainerStatus.STOPPED)
    assert await world.agents(arn) == [{**running, "lastStatus": "STOPPED"}]


async def test_a_read_only_root_has_no_agent(world: World) -> None:
    arn = await world.run(container(readonlyRootFilesystem=True))
    (agent,) = await world.agents(arn)
    assert agent["lastStatus"] == "STOPPED"
    assert "readonlyRootFilesystem" in agent["reason"]
    assert NOT_READY in (await refused(world, arn))[1]


async def test_a_host_that_is_away_is_not_connected(world: World) -> None:
    arn = await world.run()
    await world.set_host("DISCONNECTED")
    said = "The execute command failed due to an internal error. Try again later."
    assert await refused(world, arn) == (NOT_CONNECTED, said)


async def test_of_containers_that_share_processes_one_has_the_agent(world: World) -> None:
    arn = await world.run(*TWO, pidMode="task")
    for _ in range(2):
        await world.execute(arn, container="app")
    assert (await refused(world, arn, container="side"))[0] == NOT_CONNECTED


async def test_a_task_has_so_many_sessions_at_most(world: World) -> None:
    arn = await world.run()
    for _ in range(50):
        await world.execute(arn)
    assert (await refused(world, arn))[0] == "ClientException"
