"""The agent's passes over one task, on the in-memory host that the contract suites hold to the real one."""

import asyncio
import itertools

import pytest
from msgspec.structs import replace

from bastide.agent.folders import TaskFolders
from bastide.host.ports import TaskCpu
from bastide.model.assignment import Condition, Dependency
from bastide.model.faults import Invalid, Unavailable
from bastide.model.status import ContainerStatus, DesiredStatus, Process, TaskStatus
from bastide.plan.lifecycle import blind
from tests.assignments import TASK_ID, assignment, container
from tests.contract.agent_rig import APP, Rig, rig
from tests.fakes.runtime import Behaviour

__all__ = ["rig"]


async def test_an_assignment_becomes_a_running_task_and_a_stop_ends_it(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    running = await rig.until(TaskStatus.RUNNING)
    assert running.containers[0].image_digest == "sha256:" + "0" * 64
    rig.tasks.assign(assignment(APP, version=2, desired_status=DesiredStatus.STOPPED))
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.containers[0].exit_code == 143
    statuses = [report.last_status for report in rig.reports]
    assert statuses == sorted(statuses)
    rig.tasks.release(TASK_ID)
    await rig.until_clean()


async def test_an_older_assignment_changes_nothing(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP, version=5))
    await rig.until(TaskStatus.RUNNING)
    rig.tasks.assign(assignment(APP, version=4, desired_status=DesiredStatus.STOPPED))
    await asyncio.sleep(0.1)
    assert rig.reports[-1].last_status is TaskStatus.RUNNING


async def test_the_end_of_a_container_is_seen_and_told(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    rig.runtime.end(APP.runtime_id, 7)
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.containers[0].exit_code == 7


async def test_a_later_agent_takes_up_a_running_task(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    before = await rig.until(TaskStatus.RUNNING)
    await rig.kill()
    rig.reports.clear()
    rig.start()
    rig.sync(assignment(APP, last_status=TaskStatus.RUNNING))
    assert await rig.until(TaskStatus.RUNNING) == before


@pytest.mark.parametrize("pause_s", [0, 0.001, 0.003, 0.01, 0.03])
async def test_an_agent_killed_while_it_starts_a_task_is_followed_by_one_that_does(
    rig: Rig, pause_s: float
) -> None:
    rig.tasks.assign(
        assignment(APP, container("side", essential=False, depends_on=(Dependency("app", Condition.START),)))
    )
    await asyncio.sleep(pause_s)
    await rig.kill()
    rig.start()
    await rig.until(TaskStatus.RUNNING)
    rig.sync()
    await rig.until_clean()


async def test_what_the_full_set_does_not_name_is_removed(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    rig.sync()
    await rig.until_clean()


async def test_a_leftover_without_a_folder_is_removed_at_start(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    await rig.kill()
    TaskFolders(rig.settings.agent_folder / "tasks").remove(TASK_ID)
    rig.start()
    await rig.until_clean()


async def test_a_leftover_that_is_assigned_meanwhile_is_made_anew(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    await rig.kill()
    TaskFolders(rig.settings.agent_folder / "tasks").remove(TASK_ID)
    rig.reports.clear()
    rig.start()
    rig.tasks.assign(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    state = await rig.runtime.read_container(APP.runtime_id)
    assert state is not None
    assert state.process is Process.RUNNING


async def test_a_task_of_another_boot_is_stopped_and_its_rest_removed(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    await rig.kill()
    rig.boot_id = "the next boot"
    rig.start()
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stopped_reason == "Host terminated."


async def test_a_task_this_host_had_and_lost_is_stopped(rig: Rig) -> None:
    """The folder is gone, but the server has seen the task here."""
    rig.sync(assignment(APP, last_status=TaskStatus.RUNNING))
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stopped_reason == "Host terminated."


async def test_an_unreadable_memory_counts_as_lost(rig: Rig) -> None:
    rig.tasks.assign(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    await rig.kill()
    (rig.settings.agent_folder / "tasks" / TASK_ID / "state.json").write_bytes(b'{"boot_id"')
    rig.start()
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stopped_reason == "Host terminated."
    assert (await rig.runtime.read_containers()) == {}


async def test_a_missing_image_stops_the_task_with_ecs_words(rig: Rig) -> None:
    rig.tasks.assign(assignment(replace(APP, image="nowhere:1")))
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stopped_reason is not None
    assert stopped.stopped_reason.startswith("CannotPullContainerError: pull image manifest has been retried")
    assert stopped.containers[0].exit_code is None


async def test_a_program_that_cannot_start_has_no_exit_code(rig: Rig) -> None:
    rig.behave = Behaviour(start_error="no such file")
    rig.tasks.assign(assignment(APP))
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stopped_reason == "CannotStartContainerError: no such file"
    assert stopped.containers[0].exit_code is None


async def test_a_silent_containerd_delays_a_task_and_then_it_goes_on(rig: Rig) -> None:
    await asyncio.sleep(0.1)
    rig.runtime.is_hanging = True
    rig.tasks.assign(assignment(APP))
    await asyncio.sleep(0.3)
    with pytest.raises(Unavailable):
        await rig.runtime.read_containers()
    rig.runtime.is_hanging = False
    await rig.until(TaskStatus.RUNNING)


async def test_a_step_that_fails_in_an_unforeseen_way_does_not_leave_a_task_waiting_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind, "PATIENCE_S", 0.2)
    monkeypatch.setattr(blind, "BLIND_RETRY_S", 0.05)
    rig.tasks.assign(assignment(replace(APP, working_directory="/a\0b")))
    stopped = await rig.until(TaskStatus.STOPPED)
    assert stopped.stopped_reason is not None
    assert stopped.stopped_reason.startswith("ContainerRuntimeTimeoutError: Could not transition to running")
    assert "CreateContainer failed by ValueError" in stopped.stopped_reason


async def test_a_container_that_cannot_be_removed_does_not_keep_its_task_from_ending(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(container_id: str) -> None:
        raise Invalid("container", container_id, why="the sandbox panicked")

    spec = assignment(APP)
    rig.tasks.assign(spec)
    await rig.until(TaskStatus.RUNNING)
    monkeypatch.setattr(blind, "PATIENCE_S", 0.2)
    monkeypatch.setattr(rig.runtime, "remove_container", refuse)
    rig.tasks.assign(replace(spec, version=spec.version + 1, desired_status=DesiredStatus.STOPPED))
    await rig.until(TaskStatus.STOPPED)
    monkeypatch.undo()
    rig.sync()
    await rig.until_clean()


async def test_one_task_in_trouble_does_not_hold_up_another(rig: Rig) -> None:
    other = "f" * 32
    bad = assignment(replace(APP, image="nowhere:1"))
    good = replace(
        assignment(replace(APP, runtime_id=f"{other}-0000000001")), task_id=other, task_arn=f"arn/{other}"
    )
    rig.sync(bad, good)
    async with asyncio.timeout(10):
        while {r.task_arn: r.last_status for r in rig.reports} != {
            bad.task_arn: TaskStatus.STOPPED,
            good.task_arn: TaskStatus.RUNNING,
        }:
            await asyncio.sleep(0.01)


async def test_a_container_beyond_its_memory_is_killed_alone(rig: Rig) -> None:
    hungry = container("hungry", essential=False, memory_mib=100)
    rig.tasks.assign(assignment(APP, hungry))
    await rig.until(TaskStatus.RUNNING)
    rig.cgroups.held_bytes[TASK_ID] = 300 << 20  # most of it the page cache, or another container's
    rig.runtime.memory_bytes[hungry.runtime_id] = 99 << 20
    await asyncio.sleep(0.3)
    assert [each.last_status for each in rig.reports[-1].containers] == [ContainerStatus.RUNNING] * 2
    rig.runtime.memory_bytes[hungry.runtime_id] = 101 << 20
    async with asyncio.timeout(5):
        while rig.reports[-1].containers[1].last_status is not ContainerStatus.STOPPED:
            await asyncio.sleep(0.01)
    app, killed = rig.reports[-1].containers
    assert (killed.exit_code, killed.reason) == (
        137,
        "OutOfMemoryError: Container killed due to memory usage",
    )
    assert (app.last_status, rig.reports[-1].last_status) == (ContainerStatus.RUNNING, TaskStatus.RUNNING)


async def test_containers_of_a_task_that_is_held_back_are_capped_to_their_parts(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bastide.agent.limits.cpu.LOOK_S", 0.01)
    app, side = container("app", cpu_units=192), container("side", cpu_units=64, essential=False)
    rig.tasks.assign(assignment(app, side))
    await rig.until(TaskStatus.RUNNING)
    async with asyncio.timeout(10):
        for periods in itertools.count(1):  # each takes half of the quota of a quarter, always
            used = {"app": periods * 12_500, "side": periods * 12_500}
            rig.cgroups.cpu[TASK_ID] = TaskCpu(
                periods=periods, held_back=periods, used_us=periods * 25_000, containers=used
            )
            await asyncio.sleep(0.03)
            if TASK_ID in rig.cgroups.caps:
                break
    assert rig.cgroups.sorted[TASK_ID] == {"app", "side"}
    # `side` has what `app` leaves of its part, a tenth more than that used.
    assert rig.cgroups.caps[TASK_ID] == {"app": 18_750, "side": 11_000}
