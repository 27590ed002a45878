"""The agent and a task's secrets: asked of the server, kept in memory, handed to the containers alone."""

import asyncio
import json

import pytest

from bastide.agent.asking.calls import Calls
from bastide.agent.asking.secrets import Secrets
from bastide.host.ports import Answered, Asked
from bastide.model.assignment import Identity, SecretReference
from bastide.model.faults import Unavailable
from bastide.model.status import StopCode, TaskStatus
from tests.assignments import ENI, assignment, container
from tests.contract.agent_rig import Rig, rig

__all__ = ["rig"]

SECRETIVE = container("app", secrets=(SecretReference("PASSWORD", "/password"),), environment={"A": "1"})


async def test_secrets_reach_the_container_and_no_file_of_the_agent(rig: Rig) -> None:
    rig.environments = {"app": {"A": "1", "PASSWORD": "hunter2"}}
    rig.tasks.assign(assignment(SECRETIVE))
    report = await rig.until(TaskStatus.RUNNING)
    assert "PASSWORD=hunter2" in rig.specs[SECRETIVE.runtime_id]["process"]["env"]
    assert "hunter2" not in repr(report)
    held = [path for path in rig.settings.data_root.rglob("*") if path.is_file()]
    assert any(path.name == "spec.json" for path in held)
    assert [path for path in held if b"hunter2" in path.read_bytes()] == []


async def test_a_task_whose_secret_cannot_be_had_stops_with_the_servers_reason(rig: Rig) -> None:
    rig.refusal = "unable to pull secrets or registry auth: it is gone"
    rig.tasks.assign(assignment(SECRETIVE))
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stop_code is StopCode.TASK_FAILED_TO_START
    assert stopped.stopped_reason == (
        "ResourceInitializationError: unable to pull secrets or registry auth: it is gone"
    )


async def test_secrets_are_asked_for_again_until_the_server_is_there(rig: Rig) -> None:
    rig.environments = {"app": {"PASSWORD": "hunter2"}}
    rig.is_away = True
    rig.tasks.assign(assignment(SECRETIVE))
    await asyncio.sleep(0.2)
    assert rig.reports[-1].last_status is TaskStatus.PENDING
    rig.is_away = False
    await rig.until(TaskStatus.RUNNING)


@pytest.mark.parametrize("pause_s", [0, 0.003, 0.01])
async def test_an_agent_killed_before_the_containers_are_made_asks_again(rig: Rig, pause_s: float) -> None:
    rig.environments = {"app": {"PASSWORD": "hunter2"}}
    rig.tasks.assign(assignment(SECRETIVE))
    await asyncio.sleep(pause_s)
    await rig.kill()
    rig.start()
    await rig.until(TaskStatus.RUNNING)
    assert "PASSWORD=hunter2" in rig.specs[SECRETIVE.runtime_id]["process"]["env"]


def told_where(rig: Rig) -> str:
    """Where the container is told to ask for its credentials."""
    name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="
    environment = rig.specs[SECRETIVE.runtime_id]["process"]["env"]
    return next((each.removeprefix(name) for each in environment if each.startswith(name)), "")


async def ask(rig: Rig, target: str) -> Answered:
    asked = Asked(address=ENI.private_ip, method="GET", target=target)
    return await rig.steps.endpoint.answer(ENI.vpc_id, asked)


async def test_a_roles_credentials_are_at_a_path_of_the_tasks_and_in_no_file(rig: Rig) -> None:
    rig.tasks.assign(assignment(SECRETIVE, identity=Identity(role_arn="arn:aws:iam::000000000000:role/a")))
    await rig.until(TaskStatus.RUNNING)
    path = told_where(rig)
    assert json.loads((await ask(rig, path)).body)["Token"] == "hush"
    held = [each.read_bytes() for each in rig.settings.data_root.rglob("*") if each.is_file()]
    assert not any(b"hush" in content for content in held)
    await rig.kill()
    rig.start()
    rig.is_away = True
    assert (await ask(rig, path)).status == 503
    rig.is_away = False
    assert (await ask(rig, path)).status == 200


async def test_without_a_role_there_is_no_path(rig: Rig) -> None:
    rig.tasks.assign(assignment(SECRETIVE))
    await rig.until(TaskStatus.RUNNING)
    assert told_where(rig) == ""


async def test_a_role_that_cannot_be_had_stops_the_task(rig: Rig) -> None:
    rig.refusal = "ECS was unable to assume the role"
    spec = assignment(container("app"), identity=Identity(role_arn="arn:aws:iam::000000000000:role/a"))
    rig.tasks.assign(spec)
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stop_code is StopCode.TASK_FAILED_TO_START
    assert "ECS was unable to assume the role" in (stopped.stopped_reason or "")


async def test_a_new_session_lets_go_of_what_the_last_one_was_asked(rig: Rig) -> None:
    calls = Calls(lambda request: True)
    secrets = Secrets(calls)
    waiting = asyncio.create_task(secrets.fetch(assignment(SECRETIVE)))
    await asyncio.sleep(0)
    calls.reconnect()
    with pytest.raises(Unavailable, match="session with the server was lost"):
        await waiting
