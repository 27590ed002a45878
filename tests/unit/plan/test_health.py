"""Health checks: when the next begins, and what answers make of a container's and a task's status."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bastide.model.container.health import RESULTS_KEPT, HealthCheck, HealthStatus, health_of_task
from bastide.model.status import DesiredStatus, TaskStatus
from bastide.plan.lifecycle import Probe, plan_task
from tests.assignments import assignment, container
from tests.unit.plan.world import World

CHECK = HealthCheck(command=("true",), interval_s=10, retries=3)
HEALTHY, UNHEALTHY, UNKNOWN = HealthStatus.HEALTHY, HealthStatus.UNHEALTHY, HealthStatus.UNKNOWN


def checked(**fields: int) -> World:
    """A task that runs, of one container with a check."""
    world = World(assignment(container("app", health_check=replace(CHECK, **fields))))
    world.settle()
    return world


def after(world: World, *codes: int | None, every_s: float = 10) -> HealthStatus:
    """The status once so many checks have answered."""
    for code in codes:
        world.wait(every_s)
        world.look()
        world.answer("app", code)
        world.look()
    health = world.state.container("app").health
    return UNKNOWN if health is None else health.status


def test_the_first_check_comes_an_interval_after_the_start_and_the_next_after_its_end() -> None:
    world = checked()
    plan = plan_task(world.spec, world.state, world.seen(), world.now)
    assert (plan.steps, plan.again_s) == ((), 10)
    world.wait(10)
    world.look()
    assert world.steps[-1] == Probe("app")
    world.wait(4)
    world.answer("app", 0)
    plan = plan_task(world.spec, world.state, world.seen(), world.now)
    assert (plan.steps, plan.again_s) == ((), 10)


def test_no_second_check_begins_beside_one_under_way() -> None:
    world = checked()
    world.wait(10)
    world.look()
    world.wait(1000)
    assert plan_task(world.spec, world.state, world.seen(), world.now).steps == ()


def test_one_success_is_enough_and_failures_count_in_a_row() -> None:
    world = checked()
    assert after(world, 0) is HEALTHY
    assert after(world, 1, None) is HEALTHY
    assert after(world, 0, 1, 1) is HEALTHY
    assert after(world, 1) is UNHEALTHY
    assert after(world, 0) is HEALTHY


def test_the_start_period_forgives_failures_until_the_first_success() -> None:
    assert after(checked(start_period_s=35), 1, 1, 1) is UNKNOWN
    assert after(checked(start_period_s=35), 1, 1, 1, 1, 1, 1) is UNHEALTHY
    assert after(checked(start_period_s=300), 0, 1, 1, 1) is UNHEALTHY


def test_the_last_results_are_kept() -> None:
    world = checked()
    after(world, *range(1, 9))
    health = world.state.container("app").health
    assert health is not None
    assert [result.exit_code for result in health.results] == [4, 5, 6, 7, 8]
    assert len(health.results) == RESULTS_KEPT
    assert health.since == health.results[0].ended_at - timedelta(seconds=10)


def test_a_result_counts_once() -> None:
    world = checked(retries=2)
    after(world, 1)
    for _ in range(5):
        world.look()
    health = world.state.container("app").health
    assert health is not None
    assert (health.status, health.failures) == (UNKNOWN, 1)


def test_an_unhealthy_task_goes_on() -> None:
    world = checked(retries=1)
    assert after(world, 1) is UNHEALTHY
    assert world.state.status is TaskStatus.RUNNING


def test_nothing_is_asked_of_a_task_that_stops() -> None:
    world = checked()
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
    world.wait(100)
    world.settle()
    assert Probe("app") not in world.steps


@pytest.mark.parametrize(
    ("essential", "task"),
    [
        ([HEALTHY, HEALTHY], HEALTHY),
        ([HEALTHY, UNKNOWN], UNKNOWN),
        ([HEALTHY, UNKNOWN, UNHEALTHY], UNHEALTHY),
        ([], UNKNOWN),
    ],
)
def test_a_task_is_as_well_as_the_worst_of_its_essential_containers(
    essential: list[HealthStatus], task: HealthStatus
) -> None:
    assert health_of_task(essential) is task
