"""Generated lives: crashes, ends, answers, stops and reboots in any order, of a task that has everything."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bastide.model.assignment import Condition, Dependency, RestartPolicy
from bastide.model.container.health import HealthCheck
from bastide.model.status import DesiredStatus, TaskStatus
from bastide.plan.lifecycle import plan_task
from bastide.plan.report import report_task
from tests.assignments import assignment, container
from tests.unit.plan.world import World

CHECK = HealthCheck(command=("true",), interval_s=5, retries=2, start_period_s=10)
POLICY = RestartPolicy(ignored_exit_codes=(0,), attempt_period_s=60)
SPEC = assignment(
    container("a", essential=False, restart_policy=POLICY),
    container("b", health_check=CHECK, depends_on=(Dependency("a", Condition.START),)),
    container("c", essential=False, start_timeout_s=50, depends_on=(Dependency("b", Condition.HEALTHY),)),
    container("d", depends_on=(Dependency("c", Condition.SUCCESS),), restart_policy=POLICY),
    container("e", essential=False, depends_on=(Dependency("c", Condition.COMPLETE),)),
)
NAMES = [each.name for each in SPEC.containers]
EVENTS = st.one_of(
    st.tuples(st.just("look")),
    st.tuples(st.just("crash"), st.integers(0, 4)),
    st.tuples(st.just("end"), st.sampled_from(NAMES), st.sampled_from([0, 1, 137])),
    st.tuples(st.just("answer"), st.just("b"), st.sampled_from([0, 0, 1, None])),
    st.tuples(st.just("wait"), st.integers(1, 90)),
)
ENDS = st.one_of(
    st.just(()),
    st.tuples(st.just("stop")),
    st.tuples(st.just("lose-sandbox"), st.booleans()),
    st.tuples(st.just("reboot")),
)


def play(world: World, event: tuple[Any, ...]) -> None:
    match event:
        case ("look",):
            world.look()
        case ("crash", int(after)):
            world.look(crash_after=after)
        case ("end", str(name), int(code)):
            world.end(name, code)
        case ("answer", str(name), code):
            world.answer(name, code)
        case ("wait", int(seconds)):
            world.wait(seconds)
        case ("stop",):
            world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
        case ("lose-sandbox", bool(oom)) if world.sandbox is not None:
            world.sandbox, world.containers, world.oom_kills = None, {}, int(oom)
        case ("reboot",):
            world.boot_id, world.sandbox, world.containers = "later", None, {}


def outcome(world: World) -> list[Any]:
    """What a user is shown in the end, the times aside."""
    report = report_task(world.spec, world.state)
    containers = [(c.name, c.last_status, c.exit_code, c.reason, c.restart_count) for c in report.containers]
    return [report.last_status, report.stop_code, report.stopped_reason, *containers]


def stopped(world: World) -> World:
    """The task asked to stop, and looked at until it has."""
    play(world, ("stop",))
    world.settle()
    return world


@settings(max_examples=400, deadline=None)
@given(events=st.lists(EVENTS, max_size=40), end=ENDS)
def test_any_order_of_crashes_and_ends_comes_to_one_end(
    events: list[tuple[Any, ...]], end: tuple[Any, ...]
) -> None:
    """Status grows, nothing runs twice at once (the world sees to that), and the end is whole."""
    world = World(SPEC)
    for event in (*events, end):
        play(world, event)
    stopped(world)
    assert world.trace == sorted(world.trace)
    assert world.state.status is TaskStatus.STOPPED
    assert (world.sandbox, world.containers) == (None, {})
    assert all(world.state.container(name).stopped_at is not None for name in NAMES)
    settled = plan_task(world.spec, world.state, world.seen(), world.now)
    assert (settled.state, settled.steps, settled.again_s) == (world.state, (), None)


@settings(max_examples=400, deadline=None)
@given(events=st.lists(EVENTS, max_size=30), crashes=st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_a_crash_at_any_step_from_any_point_changes_nothing_of_the_end(
    events: list[tuple[Any, ...]], crashes: list[int]
) -> None:
    world = World(SPEC)
    for event in events:
        play(world, event)
    world.look()  # what a check has answered is known: an answer that a crash takes along is asked for again
    other = copy.deepcopy(world)
    for after in crashes:
        other.look(crash_after=after)
    for each in (world, other):
        for _ in range(10):
            each.look()
    assert outcome(other) == outcome(world)
    assert outcome(stopped(other)) == outcome(stopped(world))


@settings(max_examples=400, deadline=None)
@given(events=st.lists(EVENTS, max_size=30))
def test_a_plan_applied_to_its_own_outcome_is_empty(events: list[tuple[Any, ...]]) -> None:
    world = World(SPEC)
    for event in events:
        play(world, event)
    for _ in range(20):
        plan = plan_task(world.spec, world.state, world.seen(), world.now)
        world.state = plan.state
        for step in plan.steps:
            world.do(step)
        if not plan.steps and plan.again_s != 0.0:
            break
    again = plan_task(world.spec, world.state, world.seen(), world.now)
    assert (again.steps, again.state) == ((), world.state)
