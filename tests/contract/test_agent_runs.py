"""Restarts, health checks and stops in the middle of things, by the agent's passes on an in-memory host."""

import asyncio
import dataclasses
from pathlib import Path

import pytest
from msgspec.structs import replace

from bastide.host.ports import ImageConfig
from bastide.model.assignment import RestartPolicy
from bastide.model.container.health import HealthCheck, HealthReport, HealthStatus
from bastide.model.container.runs import run_id
from bastide.model.status import DesiredStatus, Process, StopCode, TaskStatus
from tests.assignments import TASK_ID, assignment, container
from tests.contract.agent_rig import APP, Rig, rig
from tests.fakes.images import FakeImages

__all__ = ["rig"]


class SlowImages(FakeImages):
    """An image that takes for ever to unpack."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    async def ensure_lower(self, reference: str, key: str) -> tuple[str, ...]:
        self.began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            self.ended.set()
        raise AssertionError


@pytest.mark.parametrize("how", ["stop", "release"])
async def test_a_stop_does_not_wait_for_an_image(tmp_path: Path, how: str) -> None:
    rig = Rig(tmp_path)
    slow = SlowImages()
    slow.add(ImageConfig(reference="app:1", digest="sha256:" + "0" * 64, command=("run",)))
    rig.host = dataclasses.replace(rig.host, images=slow)
    rig.start()
    rig.tasks.assign(assignment(APP))
    await slow.began.wait()
    if how == "stop":
        rig.tasks.assign(assignment(APP, version=2, desired_status=DesiredStatus.STOPPED))
        stopped = await rig.until(TaskStatus.STOPPED)
        assert stopped.stop_code is StopCode.USER_INITIATED
        assert stopped.containers[0].exit_code is None
        rig.tasks.release(TASK_ID)
    else:
        rig.sync()
    await rig.until_clean()
    assert slow.ended.is_set()
    await rig.kill()


RESTARTS = container("app", command=("sleep", "1000"), restart_policy=RestartPolicy(attempt_period_s=0))


async def test_a_container_is_run_again_and_the_count_reported(rig: Rig) -> None:
    rig.tasks.assign(assignment(RESTARTS))
    await rig.until(TaskStatus.RUNNING)
    for run in range(3):
        rig.runtime.end(run_id(RESTARTS.runtime_id, run), 1)
        async with asyncio.timeout(10):
            while rig.reports[-1].containers[0].restart_count != run + 1:
                await asyncio.sleep(0.01)
    await until_runs(rig, 3)
    assert rig.reports[-1].last_status is TaskStatus.RUNNING


@pytest.mark.parametrize("pause_s", [0, 0.001, 0.003, 0.01])
async def test_an_agent_killed_within_a_restart_is_followed_by_one_that_ends_it(
    rig: Rig, pause_s: float
) -> None:
    rig.tasks.assign(assignment(RESTARTS))
    await rig.until(TaskStatus.RUNNING)
    rig.runtime.end(RESTARTS.runtime_id, 1)
    await asyncio.sleep(pause_s)
    await rig.kill()
    rig.start()
    await until_runs(rig, 1)


async def test_a_restart_by_a_later_agent_leaves_the_task_its_cpu_quota(rig: Rig) -> None:
    rig.tasks.assign(assignment(RESTARTS))
    await rig.until(TaskStatus.RUNNING)
    async with asyncio.timeout(10):
        while TASK_ID not in rig.cgroups.narrow:
            await asyncio.sleep(0.01)
    await rig.kill()
    rig.start()
    rig.runtime.end(RESTARTS.runtime_id, 1)
    await until_runs(rig, 1)
    assert TASK_ID in rig.cgroups.narrow


async def until_runs(rig: Rig, run: int) -> None:
    """Until that run of the container is up, and no other one is there."""
    wanted = {f"{TASK_ID}-0000000000", run_id(RESTARTS.runtime_id, run)}
    async with asyncio.timeout(10):
        while True:
            seen = await rig.runtime.read_containers()
            if set(seen) == wanted and all(c.process is Process.RUNNING for c in seen.values()):
                return
            await asyncio.sleep(0.01)


def last_health(rig: Rig) -> HealthReport:
    health = rig.reports[-1].containers[0].health
    assert health is not None
    return health


CHECK = HealthCheck(command=("sh", "-c", "echo well; exit 0"), interval_s=1, timeout_s=60)


async def test_health_is_asked_for_and_reported_with_its_output(rig: Rig) -> None:
    rig.tasks.assign(assignment(replace(APP, health_check=CHECK)))
    async with asyncio.timeout(10):
        while (
            not rig.reports or (health := rig.reports[-1].containers[0].health) is None or not health.results
        ):
            await asyncio.sleep(0.01)
    assert health.status is HealthStatus.HEALTHY
    assert (health.results[0].exit_code, health.results[0].output) == (0, "well\n")
    assert rig.runtime.execs == [(APP.runtime_id, CHECK.command)]


async def test_a_check_that_hangs_delays_neither_its_task_nor_another_and_is_not_run_twice(rig: Rig) -> None:
    hangs = replace(CHECK, command=("sh", "-c", "sleep 1000"))
    rig.tasks.assign(assignment(replace(APP, health_check=hangs)))
    await rig.until(TaskStatus.RUNNING)
    async with asyncio.timeout(10):
        while not rig.runtime.execs:
            await asyncio.sleep(0.01)
    await asyncio.sleep(1.2)
    rig.tasks.wake_all()
    await asyncio.sleep(0.1)
    assert len(rig.runtime.execs) == 1
    rig.tasks.assign(assignment(APP, version=2, desired_status=DesiredStatus.STOPPED))
    async with asyncio.timeout(5):
        await rig.until(TaskStatus.STOPPED)


async def test_health_goes_on_after_the_agent_and_an_earlier_status_stands(rig: Rig) -> None:
    rig.tasks.assign(assignment(replace(APP, health_check=CHECK)))
    async with asyncio.timeout(10):
        while not rig.runtime.execs:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    await rig.kill()
    rig.reports.clear()
    rig.start()
    rig.sync(assignment(replace(APP, health_check=CHECK), last_status=TaskStatus.RUNNING))
    running = await rig.until(TaskStatus.RUNNING)
    assert running.containers[0].health is not None
    assert running.containers[0].health.status is HealthStatus.HEALTHY
    async with asyncio.timeout(10):
        while len(rig.runtime.execs) < 2:
            await asyncio.sleep(0.01)


async def test_a_containerd_that_is_away_says_nothing_of_health(rig: Rig) -> None:
    rig.tasks.assign(assignment(replace(APP, health_check=replace(CHECK, retries=1))))
    await rig.until(TaskStatus.RUNNING)
    rig.runtime.is_hanging = True
    await asyncio.sleep(2.5)
    rig.runtime.is_hanging = False
    async with asyncio.timeout(10):
        while not rig.runtime.execs:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert [result.exit_code for result in last_health(rig).results] == [0]


async def test_a_restart_in_a_sandbox_that_has_just_died_is_the_sandboxs_end(rig: Rig) -> None:
    rig.tasks.assign(assignment(RESTARTS))
    await rig.until(TaskStatus.RUNNING)
    rig.runtime.end(RESTARTS.runtime_id, 128)
    rig.runtime.end(f"{TASK_ID}-0000000000", 137)
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stop_code is StopCode.ESSENTIAL_CONTAINER_EXITED
