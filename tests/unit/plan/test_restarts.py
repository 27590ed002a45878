"""`restartPolicy`: which ends are the last, and what a new run keeps of the one before."""

import pytest
from msgspec.structs import replace

from bastide.model.assignment import RestartPolicy
from bastide.model.container.health import HealthCheck, HealthStatus
from bastide.model.status import DesiredStatus, ErrorName, Process, StopCode, TaskStatus
from bastide.plan.lifecycle import CreateContainer, Failure, RemoveContainer, StartContainer, fail_task
from bastide.plan.report import report_task
from tests.assignments import assignment, container
from tests.unit.plan.world import World

POLICY = RestartPolicy(ignored_exit_codes=(0, 42), attempt_period_s=60)
SIDE = container("side", essential=False, restart_policy=POLICY)
APP = container("app")


def test_a_container_that_ran_long_enough_is_run_again_in_its_place() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.wait(60)
    world.end("side", 1)
    world.steps.clear()
    world.settle()
    assert world.steps == [RemoveContainer("side"), CreateContainer("side"), StartContainer("side")]
    assert world.state.status is TaskStatus.RUNNING
    assert (world.containers["side"].process, world.containers["side"].run) == (Process.RUNNING, 1)
    report = report_task(world.spec, world.state).containers
    assert (report[1].restart_count, report[1].exit_code) == (1, None)
    assert report[0].restart_count is None


@pytest.mark.parametrize(("ran_s", "code"), [(59, 1), (600, 0), (600, 42)])
def test_it_stays_stopped_when_it_ran_too_short_or_its_code_is_ignored(ran_s: int, code: int) -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.wait(ran_s)
    world.end("side", code)
    world.settle()
    assert world.containers["side"].process is Process.STOPPED
    report = report_task(world.spec, world.state).containers[1]
    assert (report.restart_count, report.exit_code) == (0, code)


def test_the_period_counts_from_the_last_start_and_to_the_end_itself() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.wait(60)
    world.end("side", 1)
    world.settle()
    world.wait(59)
    world.end("side", 1)
    world.wait(100)  # the agent was away meanwhile
    world.settle()
    assert report_task(world.spec, world.state).containers[1].restart_count == 1
    assert world.containers["side"].process is Process.STOPPED


def test_an_essential_container_out_of_restarts_stops_the_task() -> None:
    world = World(assignment(container("app", restart_policy=POLICY)))
    world.settle()
    for _ in range(3):
        world.wait(61)
        world.end("app", 1)
        world.settle()
    assert world.state.status is TaskStatus.RUNNING
    world.wait(5)
    world.end("app", 9)
    world.settle()
    report = report_task(world.spec, world.state)
    assert report.stop_code is StopCode.ESSENTIAL_CONTAINER_EXITED
    assert (report.containers[0].restart_count, report.containers[0].exit_code) == (3, 9)


def test_nothing_is_run_again_in_a_task_that_stops() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.wait(61)
    world.end("side", 1)
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
    world.settle()
    assert world.starts() == ["app", "side"]
    assert report_task(world.spec, world.state).containers[1].exit_code == 1


def test_the_end_of_an_essential_one_comes_before_the_restart_of_another() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.wait(61)
    world.end("side", 1)
    world.end("app", 0)
    world.settle()
    assert world.starts() == ["app", "side"]
    assert report_task(world.spec, world.state).containers[1].exit_code == 1


@pytest.mark.parametrize("crash_after", [0, 1, 2])
def test_a_crash_within_a_restart_makes_no_second_run(crash_after: int) -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.wait(61)
    world.end("side", 1)
    world.look(crash_after=crash_after)
    world.settle()
    assert world.starts() == ["app", "side", "side"]
    assert report_task(world.spec, world.state).containers[1].restart_count == 1


def test_a_new_run_has_to_show_its_health_anew() -> None:
    check = HealthCheck(command=("true",), interval_s=5, retries=1)
    world = World(assignment(APP, replace(SIDE, health_check=check)))
    world.settle()
    for code in (0, 1):
        world.wait(5)
        world.look()
        world.answer("side", code)
        world.look()
    health = world.state.container("side").health
    assert health is not None
    assert health.status is HealthStatus.UNHEALTHY
    world.wait(61)
    world.end("side", 1)
    world.settle()
    health = world.state.container("side").health
    assert health is not None
    assert (health.status, health.failures, len(health.results)) == (HealthStatus.UNKNOWN, 0, 2)


def test_a_restart_that_cannot_be_made_has_not_failed_to_start_the_task() -> None:
    world = World(assignment(container("app", restart_policy=POLICY)))
    world.settle()
    world.wait(61)
    world.end("app", 1)
    world.look(crash_after=2)
    failure = Failure(error=ErrorName.CANNOT_START, why="no such program", container="app")
    world.state = fail_task(world.spec, world.state, failure, world.now)
    world.settle()
    report = report_task(world.spec, world.state)
    assert report.stop_code is StopCode.ESSENTIAL_CONTAINER_EXITED
    assert report.stopped_reason == "CannotStartContainerError: no such program"
