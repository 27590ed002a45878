"""A task's life, played by a small world in which anything may end at any moment."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bastide.model.assignment import Condition, Dependency, RestartPolicy
from bastide.model.status import (
    ESSENTIAL_EXITED,
    HOST_GONE,
    OUT_OF_MEMORY,
    DesiredStatus,
    ErrorName,
    Process,
    StopCode,
    TaskStatus,
)
from bastide.model.task_state import TaskState
from bastide.plan import lifecycle
from bastide.plan.lifecycle import (
    AskToStop,
    Failure,
    Kill,
    LimitCpu,
    Prepare,
    StartSandbox,
    TearDown,
    fail_task,
    plan_blind,
)
from bastide.plan.report import report_task
from tests.assignments import assignment, container
from tests.unit.plan.world import NOW, World

APP, SIDE = container("app"), container("side", essential=False)


def test_a_task_walks_up_to_running() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    assert world.trace == sorted(world.trace)
    assert {TaskStatus.PENDING, TaskStatus.ACTIVATING, TaskStatus.RUNNING} <= set(world.trace)
    assert world.steps[:2] == [Prepare(), StartSandbox()]
    assert world.steps[-1] == LimitCpu()
    assert world.state.started_at is not None


def test_a_dependant_starts_after_what_it_depends_on() -> None:
    late = container("late", depends_on=(Dependency("early", Condition.START),))
    world = World(assignment(late, container("early")))
    world.settle()
    assert world.starts() == ["early", "late"]


def test_the_end_of_an_essential_container_ends_the_task() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.end("app", 3)
    world.settle()
    assert world.status is TaskStatus.STOPPED
    assert world.state.stop is not None
    assert (world.state.stop.code, world.state.stop.reason) == (
        StopCode.ESSENTIAL_CONTAINER_EXITED,
        ESSENTIAL_EXITED,
    )
    assert world.state.container("app").exit_code == 3
    assert world.state.container("side").exit_code == 137  # it ignored SIGTERM here


def test_a_task_goes_on_without_a_container_that_is_not_essential() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.end("side", 1)
    world.settle()
    assert world.status is TaskStatus.RUNNING
    assert world.state.container("side").exit_code == 1


def test_stopping_asks_then_waits_then_kills() -> None:
    world = World(assignment(container("app", stop_timeout_s=7)))
    world.settle()
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED, stopped_reason="enough")
    asked_at = world.now
    world.settle()
    assert world.steps[-3:] == [AskToStop("app"), Kill("app"), TearDown()]
    memory = world.state.container("app")
    assert memory.killed_at is not None
    assert memory.killed_at - asked_at == timedelta(seconds=7)
    assert world.state.stop is not None
    assert (world.state.stop.code, world.state.stop.reason) == (StopCode.USER_INITIATED, "enough")
    statuses = [s for s in world.trace if s > TaskStatus.RUNNING]
    assert statuses[0] is TaskStatus.DEACTIVATING
    assert TaskStatus.STOPPING in statuses
    assert TaskStatus.DEPROVISIONING in statuses


def test_dependants_are_asked_to_stop_first() -> None:
    app = container("app", depends_on=(Dependency("db", Condition.START),))
    world = World(assignment(container("db"), app))
    world.settle()
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
    world.settle()
    asked = [step.name for step in world.steps if isinstance(step, AskToStop)]
    assert asked == ["app", "db"]


def test_a_task_stopped_before_it_ran_is_never_deactivated() -> None:
    world = World(assignment(APP))
    world.look()
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
    world.settle()
    assert TaskStatus.DEACTIVATING not in world.trace
    assert world.status is TaskStatus.STOPPED


def test_out_of_memory_is_said_of_every_container_it_took() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.oom_kills, world.sandbox, world.containers = 1, Process.STOPPED, {}
    world.settle()
    for name in ("app", "side"):
        memory = world.state.container(name)
        assert (memory.exit_code, memory.reason) == (137, OUT_OF_MEMORY)


def test_a_reboot_stops_the_task_with_its_reason() -> None:
    world = World(assignment(APP))
    world.settle()
    world.boot_id, world.sandbox, world.containers = "later", None, {}
    world.settle()
    assert world.state.stop is not None
    assert (world.state.stop.code, world.state.stop.reason) == (StopCode.TERMINATION_NOTICE, HOST_GONE)


def test_a_step_that_can_never_work_stops_the_task_with_its_words() -> None:
    world = World(assignment(APP))
    world.look()
    failure = Failure(error=ErrorName.CANNOT_PULL, why="no such image", container="app")
    world.state = fail_task(world.spec, world.state, failure, world.now)
    world.settle()
    report = report_task(world.spec, world.state)
    assert report.stop_code is StopCode.TASK_FAILED_TO_START
    assert report.stopped_reason == "CannotPullContainerError: no such image"
    assert report.containers[0].reason == report.stopped_reason
    assert report.containers[0].exit_code is None


def test_a_second_failure_does_not_change_the_first_reason() -> None:
    first = Failure(error=ErrorName.CANNOT_PULL, why="first")
    state = fail_task(assignment(APP), TaskState(boot_id="now"), first, NOW)
    again = fail_task(assignment(APP), state, Failure(error=ErrorName.CANNOT_START, why="second"), NOW)
    assert again.stop == state.stop


@pytest.mark.parametrize("status", [TaskStatus.RUNNING, TaskStatus.PENDING])
def test_only_a_starting_task_fails_when_the_host_stays_silent(status: TaskStatus) -> None:
    spec, state = assignment(APP), TaskState(boot_id="now", status=status)
    first = plan_blind(spec, state, NOW, why="silence")
    later = NOW + timedelta(seconds=lifecycle.PATIENCE_S)
    second = plan_blind(spec, first.state, later, why="silence")
    assert first.steps == ()
    if status is TaskStatus.RUNNING:
        assert (second.steps, second.state.stop) == ((), None)
    else:
        assert second.steps == (TearDown(),)
        assert second.state.stop is not None
        assert second.state.stop.reason.startswith("ContainerRuntimeTimeoutError: Could not transition to")


def test_trouble_that_has_passed_does_not_count_later() -> None:
    world = World(assignment(APP))
    world.settle()
    world.state = plan_blind(world.spec, world.state, world.now, why="silence").state
    assert world.state.troubled_since is not None
    world.look()
    assert world.state.troubled_since is None


def test_a_container_that_is_not_essential_fails_alone() -> None:
    world = World(assignment(APP, SIDE))
    world.look()
    failure = Failure(error=ErrorName.CANNOT_START, why="no such program", container="side")
    world.look()
    world.state = fail_task(world.spec, world.state, failure, world.now)
    world.settle()
    assert world.status is TaskStatus.RUNNING
    report = report_task(world.spec, world.state).containers[1]
    assert (report.reason, report.exit_code) == ("CannotStartContainerError: no such program", None)


def test_a_task_of_containers_that_are_not_essential_ends_with_the_last() -> None:
    world = World(assignment(SIDE, container("other", essential=False)))
    world.settle()
    world.end("side", 0)
    world.settle()
    assert world.status is TaskStatus.RUNNING
    world.end("other", 0)
    world.settle()
    assert world.trace[-1] is TaskStatus.STOPPED


def test_a_sandbox_that_is_lost_is_said_of_a_task_that_ran() -> None:
    world = World(assignment(container("app", restart_policy=RestartPolicy(attempt_period_s=0))))
    world.settle()
    world.end("app", 1)
    world.look(crash_after=1)  # between two runs
    world.sandbox, world.containers = Process.STOPPED, {}
    world.settle()
    assert world.state.stop is not None
    assert world.state.stop.code is StopCode.ESSENTIAL_CONTAINER_EXITED
    assert world.state.stop.reason == "ContainerRuntimeError: the task's sandbox ended"


def test_a_task_whose_interface_is_gone_ends_and_says_so() -> None:
    world = World(assignment(container("app")))
    world.settle()
    world.has_network = False
    world.settle()
    assert world.state.stop is not None
    assert world.state.stop.code is StopCode.ESSENTIAL_CONTAINER_EXITED
    assert world.state.stop.reason.startswith(
        "ContainerRuntimeError: the link of the task's network interface"
    )


@pytest.mark.parametrize(("own", "killed_after_s"), [(None, 120), (7, 7)])
def test_an_interrupted_spot_task_has_two_minutes_unless_it_says_less(
    own: int | None, killed_after_s: int
) -> None:
    app = container("app", stop_timeout_s=own, depends_on=(Dependency("db", Condition.START),))
    world = World(assignment(app, container("db", stop_timeout_s=own)))
    world.settle()
    world.spec = replace(
        world.spec, desired_status=DesiredStatus.STOPPED, stop_code=StopCode.SPOT_INTERRUPTION
    )
    asked_at = world.now
    world.settle()
    app_memory, db_memory = (world.state.container(name) for name in ("app", "db"))
    assert app_memory.asked_to_stop_at == asked_at
    assert app_memory.killed_at == asked_at + timedelta(seconds=killed_after_s)
    assert db_memory.killed_at is not None
    assert db_memory.killed_at <= asked_at + timedelta(seconds=120)
    assert world.state.stop is not None
    assert world.state.stop.code is StopCode.SPOT_INTERRUPTION


def test_a_container_beyond_its_memory_is_remembered_then_killed_and_says_why() -> None:
    world = World(assignment(container("app"), container("side", essential=False)))
    world.settle()
    world.excess = frozenset({"side"})
    world.look(crash_after=0)  # the agent dies before the signal is sent
    assert world.state.container("side").over_memory_at is not None
    world.excess = frozenset()
    world.wait(60)
    world.look()
    assert world.steps[-1] == Kill("side")
    world.settle()
    side = world.state.container("side")
    assert (side.exit_code, side.reason) == (137, OUT_OF_MEMORY)
    assert world.status is TaskStatus.RUNNING


def test_what_its_sandbox_took_along_has_a_reason_and_no_exit_code() -> None:
    world = World(assignment(APP))
    world.settle()
    world.end("app", 128)
    world.sandbox = Process.STOPPED
    world.settle()
    app = report_task(world.spec, world.state).containers[0]
    assert (app.exit_code, app.reason) == (None, "ContainerRuntimeError: the task's sandbox ended")


def test_a_process_may_end_with_any_code() -> None:
    world = World(assignment(APP))
    world.settle()
    world.end("app", 128)
    world.settle()
    app = report_task(world.spec, world.state).containers[0]
    assert (app.exit_code, app.reason) == (128, None)
