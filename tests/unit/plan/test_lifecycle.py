"""A task's life, played by a small world in which anything may end at any moment."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bastide.model.assignment import Assignment
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
    CreateContainer,
    Failure,
    Kill,
    LimitCpu,
    Prepare,
    Seen,
    SeenContainer,
    StartContainer,
    StartSandbox,
    Step,
    TearDown,
    fail_task,
    finish_task,
    plan_blind,
    plan_task,
)
from bastide.plan.report import report_task
from tests.assignments import assignment, container

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A host that does what steps say, and on which things end by themselves."""

    def __init__(self, spec: Assignment) -> None:
        self.spec = spec
        self.state = TaskState(boot_id="now")
        self.now = NOW
        self.boot_id = "now"
        self.sandbox: Process | None = None
        self.containers: dict[str, SeenContainer] = {}
        self.oom_kills = 0
        self.excess: frozenset[str] = frozenset()
        self.trace: list[TaskStatus] = []
        self.steps: list[Step] = []

    def seen(self) -> Seen:
        return Seen(
            boot_id=self.boot_id,
            sandbox=self.sandbox,
            containers=dict(self.containers),
            oom_kills=self.oom_kills,
            excess=self.excess,
        )

    def look(self, *, crash_after: int | None = None) -> bool:
        """One pass, cut short after `crash_after` steps; whether anything was done or remembered."""
        before = self.state
        plan = plan_task(self.spec, self.state, self.seen(), self.now)
        self.state = plan.state
        self.trace.append(self.state.status)
        for number, step in enumerate(plan.steps):
            if crash_after is not None and number >= crash_after:
                break
            self.do(step)
        if not plan.steps and plan.again_s:
            self.now += timedelta(seconds=plan.again_s)
        return bool(plan.steps) or self.state != before

    def do(self, step: Step) -> None:
        self.steps.append(step)
        match step:
            case StartSandbox():
                self.sandbox = Process.RUNNING
            case CreateContainer(name):
                self.containers[name] = SeenContainer(Process.CREATED)
            case StartContainer(name) if self.containers[name].process is Process.CREATED:
                self.containers[name] = SeenContainer(Process.RUNNING)
            case LimitCpu():
                self.state = replace(self.state, has_cpu_quota=True)
            case Kill(name):
                self.end(name, 137)
            case TearDown():
                self.sandbox, self.containers = None, {}
                self.state = finish_task(self.state, self.now)

    def end(self, name: str, code: int) -> None:
        if self.containers.get(name, SeenContainer()).process is Process.RUNNING:
            self.containers[name] = SeenContainer(Process.STOPPED, code)

    def settle(self) -> None:
        for _ in range(200):
            if not self.look() and self.state.status in (TaskStatus.RUNNING, TaskStatus.STOPPED):
                return
        raise AssertionError(f"never settles: {self.state}")


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
    world = World(assignment(container("late", start_after=("early",)), container("early")))
    world.settle()
    starts = [step.name for step in world.steps if isinstance(step, StartContainer)]
    assert starts == ["early", "late"]


def test_the_end_of_an_essential_container_ends_the_task() -> None:
    world = World(assignment(APP, SIDE))
    world.settle()
    world.end("app", 3)
    world.settle()
    assert world.state.status is TaskStatus.STOPPED
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
    assert world.state.status is TaskStatus.RUNNING
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
    world = World(assignment(container("db"), container("app", start_after=("db",))))
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
    assert world.state.status is TaskStatus.STOPPED


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
    world.state = fail_task(world.state, failure)
    world.settle()
    report = report_task(world.spec, world.state)
    assert report.stop_code is StopCode.TASK_FAILED_TO_START
    assert report.stopped_reason == "CannotPullContainerError: no such image"
    assert report.containers[0].reason == report.stopped_reason
    assert report.containers[0].exit_code is None


def test_a_second_failure_does_not_change_the_first_reason() -> None:
    state = fail_task(TaskState(boot_id="now"), Failure(error=ErrorName.CANNOT_PULL, why="first"))
    again = fail_task(state, Failure(error=ErrorName.CANNOT_START, why="second"))
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


EVENTS = st.one_of(
    st.tuples(st.just("look"), st.integers(0, 4)),
    st.tuples(st.just("end"), st.sampled_from(["a", "b", "c"]), st.integers(0, 255)),
    st.tuples(st.just("wait"), st.integers(1, 200)),
    st.tuples(st.just("stop")),
    st.tuples(st.just("lose-sandbox"), st.booleans()),
    st.tuples(st.just("reboot")),
)


@settings(max_examples=400, deadline=None)
@given(events=st.lists(EVENTS, max_size=30))
def test_any_order_of_crashes_and_ends_comes_to_one_end(events: list[tuple[object, ...]]) -> None:
    """Crash points (a look cut short), exits, stops and reboots: status grows, and the end is whole."""
    world = World(
        assignment(container("a"), container("b", start_after=("a",), essential=False), container("c"))
    )
    for event in events:
        match event:
            case ("look", int(after)):
                world.look(crash_after=after)
            case ("end", str(name), int(code)):
                world.end(name, code)
            case ("wait", int(seconds)):
                world.now += timedelta(seconds=seconds)
            case ("stop",):
                world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
            case ("lose-sandbox", bool(oom)) if world.sandbox is not None:
                world.sandbox, world.containers, world.oom_kills = None, {}, int(oom)
            case ("reboot",):
                world.boot_id, world.sandbox, world.containers = "later", None, {}
    world.settle()
    assert world.trace == sorted(world.trace)
    world.spec = replace(world.spec, desired_status=DesiredStatus.STOPPED)
    world.settle()
    assert world.state.status is TaskStatus.STOPPED
    assert (world.sandbox, world.containers) == (None, {})
    assert all(world.state.container(c.name).stopped_at is not None for c in world.spec.containers)
    settled = plan_task(world.spec, world.state, world.seen(), world.now)
    assert (settled.state, settled.steps, settled.again_s) == (world.state, (), None)


def test_a_container_beyond_its_memory_is_remembered_then_killed_and_says_why() -> None:
    world = World(assignment(container("app"), container("side", essential=False)))
    world.settle()
    world.excess = frozenset({"side"})
    world.look(crash_after=0)  # the agent dies before the signal is sent
    assert world.state.container("side").over_memory_at is not None
    world.excess = frozenset()
    world.now += timedelta(seconds=60)
    world.look()
    assert world.steps[-1] == Kill("side")
    world.settle()
    side = world.state.container("side")
    assert (side.exit_code, side.reason) == (137, OUT_OF_MEMORY)
    assert world.state.status is TaskStatus.RUNNING
