"""`dependsOn`: what starts after what, what never starts, and the order in which all stop."""

import pytest
from msgspec.structs import replace

from bastide.model.assignment import Condition, Container, Dependency
from bastide.model.container.health import HealthCheck
from bastide.model.status import ESSENTIAL_EXITED, DesiredStatus, StopCode, TaskStatus
from bastide.plan.lifecycle import AskToStop
from bastide.plan.report import report_task
from tests.assignments import assignment, container
from tests.unit.plan.world import World

CHECK = HealthCheck(command=("true",), interval_s=5, retries=2)


def job(name: str, **fields: object) -> Container:
    return container(name, essential=False, **fields)


def app(*conditions: tuple[str, Condition], **fields: object) -> Container:
    return container("app", depends_on=tuple(Dependency(*each) for each in conditions), **fields)


def settled_without(world: World) -> None:
    """Look until only what the world does next can change anything."""
    while world.look():
        pass


@pytest.mark.parametrize("condition", [Condition.COMPLETE, Condition.SUCCESS])
def test_a_job_that_ends_well_lets_the_app_start_and_the_task_run(condition: Condition) -> None:
    world = World(assignment(app(("migrate", condition)), job("migrate")))
    settled_without(world)
    assert world.starts() == ["migrate"]
    assert world.status is TaskStatus.ACTIVATING
    world.end("migrate", 0)
    world.settle()
    assert world.starts() == ["migrate", "app"]
    assert world.trace[-1] is TaskStatus.RUNNING


def test_complete_takes_any_exit_code() -> None:
    world = World(assignment(app(("migrate", Condition.COMPLETE)), job("migrate")))
    settled_without(world)
    world.end("migrate", 7)
    world.settle()
    assert world.status is TaskStatus.RUNNING


def test_a_job_that_fails_stops_the_task_and_says_why() -> None:
    world = World(assignment(app(("migrate", Condition.SUCCESS)), job("migrate")))
    settled_without(world)
    world.end("migrate", 7)
    world.settle()
    report = report_task(world.spec, world.state)
    assert world.starts() == ["migrate"]
    assert (report.stop_code, report.stopped_reason) == (
        StopCode.ESSENTIAL_CONTAINER_EXITED,
        ESSENTIAL_EXITED,
    )
    assert report.containers[0].exit_code == 143
    assert report.containers[0].reason == (
        "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency "
        "[migrate] for target [app] as dependency did not exit successfully."
    )
    assert report.containers[1].exit_code == 7


def test_what_waits_for_a_container_that_never_starts_gives_up_too() -> None:
    second = container("second", essential=False, depends_on=(Dependency("migrate", Condition.SUCCESS),))
    world = World(assignment(app(("second", Condition.START)), second, job("migrate")))
    settled_without(world)
    world.end("migrate", 1)
    world.settle()
    assert world.status is TaskStatus.STOPPED
    reason = report_task(world.spec, world.state).containers[0].reason
    assert reason is not None
    assert reason.endswith("[second] for target [app] as dependency did not start.")


def test_a_dependant_that_is_not_essential_gives_up_alone() -> None:
    late = container("late", essential=False, depends_on=(Dependency("migrate", Condition.SUCCESS),))
    world = World(assignment(container("app"), late, job("migrate")))
    world.settle()
    world.end("migrate", 1)
    world.settle()
    assert world.status is TaskStatus.RUNNING
    assert report_task(world.spec, world.state).containers[1].exit_code == 143


def test_the_app_starts_when_its_sidecar_is_healthy() -> None:
    world = World(assignment(app(("side", Condition.HEALTHY)), job("side", health_check=CHECK)))
    settled_without(world)
    world.answer("side", 1)
    settled_without(world)
    assert world.starts() == ["side"]
    world.settle()
    assert world.starts() == ["side", "app"]


def test_a_sidecar_that_ends_before_it_is_healthy_stops_the_task() -> None:
    world = World(assignment(app(("side", Condition.HEALTHY)), job("side", health_check=CHECK)))
    settled_without(world)
    world.end("side", 0)
    world.settle()
    reason = report_task(world.spec, world.state).containers[0].reason
    assert reason is not None
    assert reason.endswith("as dependency ended before it was healthy.")


@pytest.mark.parametrize("condition", [Condition.COMPLETE, Condition.SUCCESS, Condition.HEALTHY])
def test_what_takes_longer_than_its_start_timeout_stops_the_task(condition: Condition) -> None:
    slow = job("slow", start_timeout_s=30, health_check=CHECK)
    world = World(assignment(app(("slow", condition)), slow))
    world.health["slow"] = 1
    began_at = world.now
    world.settle()
    assert world.status is TaskStatus.STOPPED
    assert world.starts() == ["slow"]
    reason = report_task(world.spec, world.state).containers[0].reason
    assert reason == (
        "CannotStartContainerError: dependency graph: container ordering dependency [slow] for target [app] "
        "has timed out."
    )
    stopped_at = world.state.container("app").stopped_at
    assert stopped_at is not None
    assert 30 <= (stopped_at - began_at).total_seconds() < 36


def test_a_start_timeout_means_nothing_once_the_app_runs() -> None:
    world = World(
        assignment(app(("side", Condition.HEALTHY)), job("side", start_timeout_s=30, health_check=CHECK))
    )
    world.settle()
    world.wait(100)
    world.settle()
    assert world.status is TaskStatus.RUNNING


def test_a_task_runs_while_what_is_not_essential_still_waits() -> None:
    late = container("late", essential=False, depends_on=(Dependency("slow", Condition.COMPLETE),))
    world = World(assignment(container("app"), late, job("slow")))
    world.settle()
    assert world.status is TaskStatus.RUNNING
    assert "late" not in world.starts()


def test_all_conditions_count_for_the_order_of_stopping_also_through_what_has_ended() -> None:
    migrate = job("migrate", depends_on=(Dependency("db", Condition.HEALTHY),))
    world = World(
        assignment(
            container("db", health_check=CHECK),
            migrate,
            app(("migrate", Condition.SUCCESS)),
        )
    )
    settled_without(world)
    world.wait(5)
    settled_without(world)
    world.answer("db", 0)
    settled_without(world)
    world.end("migrate", 0)
    world.settle()
    assert world.status is TaskStatus.RUNNING
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
    world.settle()
    assert [step.name for step in world.steps if isinstance(step, AskToStop)] == ["app", "db"]


def test_ten_containers_start_in_order_and_stop_in_the_reverse() -> None:
    names = [f"c{number}" for number in range(10)]
    chain = [
        container(name, depends_on=tuple(Dependency(other, Condition.START) for other in names[:number][-1:]))
        for number, name in enumerate(names)
    ]
    world = World(assignment(*reversed(chain)))
    world.settle()
    assert world.starts() == names
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
    world.settle()
    asked = [step.name for step in world.steps if isinstance(step, AskToStop)]
    assert asked == list(reversed(names))
