"""The agent and a task's secrets: asked of the server, kept in memory, handed to the containers alone."""

import asyncio

import pytest

from bastide.agent.secrets import Secrets
from bastide.model.assignment import SecretReference
from bastide.model.faults import Unavailable
from bastide.model.status import StopCode, TaskStatus
from tests.assignments import assignment, container
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


async def test_a_new_session_lets_go_of_what_the_last_one_was_asked(rig: Rig) -> None:
    secrets = Secrets(lambda request: True)
    waiting = asyncio.create_task(secrets.fetch(assignment(SECRETIVE)))
    await asyncio.sleep(0)
    secrets.reconnect()
    with pytest.raises(Unavailable, match="session with the server was lost"):
        await waiting
