"""What happens next to one task: pure, from (assignment, memory, what is observed, time).

Owns the order of a task's life. Status never goes back; a stop once decided stays; a plan applied to its
own outcome is empty. The agent stores `Plan.state` before it runs `Plan.steps`, so a crash between the two
repeats a step, and every step is repeatable.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from bastide.model.assignment import Assignment, Container
from bastide.model.status import (
    ESSENTIAL_EXITED,
    HOST_GONE,
    OUT_OF_MEMORY,
    STOPPED_BY_USER,
    DesiredStatus,
    ErrorName,
    Process,
    StopCode,
    TaskStatus,
    render_reason,
)
from bastide.model.task_state import ContainerMemory, Stop, TaskState

KILLED = 137  # 128 + SIGKILL, as Docker reports it
SANDBOX_DIED = 128  # what the shim says of a container whose sandbox ended without telling
PATIENCE_S = 60.0  # a host that says "try again" this long has failed the task (ContainerRuntimeTimeoutError)
BLIND_RETRY_S = 1.0
KILL_AGAIN_S = 5.0  # a SIGKILL is sent again when the process is still seen after this long


class SeenContainer(msgspec.Struct, frozen=True):
    """A container's first process as containerd sees it; None: there is none (any more)."""

    process: Process | None = None
    exit_code: int | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The task as the host sees it now."""

    boot_id: str
    sandbox: Process | None = None
    containers: Mapping[str, SeenContainer] = {}
    oom_kills: int = 0
    excess: frozenset[str] = frozenset()  # containers beyond their own limit of memory

    def process(self, name: str) -> Process | None:
        """Of the container called `name`."""
        return self.containers.get(name, SeenContainer()).process


class Prepare(msgspec.Struct, frozen=True):
    """Images, interface, disk and control group."""


class StartSandbox(msgspec.Struct, frozen=True):
    """Create and start the pause container."""


class CreateContainer(msgspec.Struct, frozen=True):
    """Root filesystem, log pipes and process, not started."""

    name: str


class StartContainer(msgspec.Struct, frozen=True):
    """Start a created process."""

    name: str


class LimitCpu(msgspec.Struct, frozen=True):
    """Narrow the CPU to the task's size; wide until now, since a quota throttles the boot."""


class AskToStop(msgspec.Struct, frozen=True):
    """Send the stop signal."""

    name: str


class Kill(msgspec.Struct, frozen=True):
    """Send SIGKILL."""

    name: str


class TearDown(msgspec.Struct, frozen=True):
    """Remove everything the task has on this host."""


Step = Prepare | StartSandbox | CreateContainer | StartContainer | LimitCpu | AskToStop | Kill | TearDown


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to remember, what to do, and when to look again at the latest (None: when woken)."""

    state: TaskState
    steps: tuple[Step, ...] = ()
    again_s: float | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A step that will never work, and whose fault it is."""

    error: ErrorName
    why: str
    container: str | None = None


def plan_task(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> Plan:
    """The next move of a task's life."""
    state = _remember(spec, state, seen, now)
    stop = state.stop or _reason_to_stop(spec, state, seen)
    if stop is None:
        plan = _plan_kills(_plan_start(spec, state, seen, now), spec, seen, now)
    else:
        plan = _plan_stop(spec, replace(state, stop=stop), seen, now)
    if plan.steps or plan.state.troubled_since is None:
        return plan
    return replace(plan, state=replace(plan.state, troubled_since=None))  # seen, and nothing is owed


def plan_blind(spec: Assignment, state: TaskState, now: datetime, *, why: str) -> Plan:
    """The next move while the host cannot say what the task does, or do what it should.

    A task that runs goes on: containerd may be away for as long as it likes. One that is starting fails when
    patience ends, and one that is stopping is then torn down without containerd's help.
    """
    since = state.troubled_since or now
    state = replace(state, troubled_since=since)
    waited_s = (now - since).total_seconds()
    if waited_s < PATIENCE_S:
        return Plan(state=state, again_s=BLIND_RETRY_S)
    if spec.desired_status is DesiredStatus.STOPPED and state.stop is None:
        state = replace(state, stop=_asked_to_stop(spec))
    if state.stop is None and state.status < TaskStatus.RUNNING:
        text = f"Could not transition to running; timed out after waiting {waited_s:.0f}s: {why}"
        state = fail_task(state, Failure(error=ErrorName.RUNTIME_TIMEOUT, why=text))
    if state.stop is None:
        return Plan(state=state, again_s=BLIND_RETRY_S)
    status = state.status.advanced_to(TaskStatus.DEPROVISIONING)
    state = replace(state, status=status, stopping_at=state.stopping_at or now)
    return Plan(state=state, steps=(TearDown(),), again_s=0.0)


def fail_task(state: TaskState, failure: Failure) -> TaskState:
    """Memory of a step that will never work: the task stops, if it was not stopping anyway."""
    reason = render_reason(failure.error, failure.why)
    if failure.container is not None:
        memory = state.container(failure.container)
        state = state.with_container(failure.container, replace(memory, reason=memory.reason or reason))
    return replace(state, stop=state.stop or Stop(StopCode.TASK_FAILED_TO_START, reason))


def finish_task(state: TaskState, now: datetime) -> TaskState:
    """Memory of a task of which nothing is left on the host."""
    return replace(state, status=TaskStatus.STOPPED, stopped_at=state.stopped_at or now)


def _remember(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> TaskState:
    """Take down what is seen for the first time: starts, ends, exit codes."""
    if seen.sandbox is Process.RUNNING and not state.has_sandbox:
        state = replace(state, has_sandbox=True)
    for container in spec.containers:
        before = state.container(container.name)
        after = _remember_container(before, container.name, seen, now)
        if after != before:
            state = state.with_container(container.name, after)
    return state


def _remember_container(memory: ContainerMemory, name: str, seen: Seen, now: datetime) -> ContainerMemory:
    if memory.stopped_at is not None:
        return memory
    sight = seen.containers.get(name, SeenContainer())
    if sight.process is Process.STOPPED and memory.started_at is None and memory.reason is not None:
        return replace(memory, stopped_at=now)  # it could not be started: what was never run has no exit code
    if sight.process in (Process.RUNNING, Process.STOPPED) and memory.started_at is None:
        memory = replace(memory, started_at=now)
    if sight.process is Process.RUNNING and name in seen.excess and memory.over_memory_at is None:
        memory = replace(memory, over_memory_at=now)
    if sight.process is Process.STOPPED:
        by_kernel = seen.oom_kills > 0 and sight.exit_code in (None, KILLED, SANDBOX_DIED)
        out_of_memory = by_kernel or (memory.over_memory_at is not None and sight.exit_code in (None, KILLED))
        code = KILLED if out_of_memory else sight.exit_code
        reason = OUT_OF_MEMORY if out_of_memory else memory.reason
        return replace(memory, stopped_at=now, exit_code=code, reason=reason)
    if memory.started_at is not None and (sight.process is None or seen.sandbox is not Process.RUNNING):
        if seen.oom_kills > 0:
            return replace(memory, stopped_at=now, exit_code=KILLED, reason=OUT_OF_MEMORY)
        lost = render_reason(ErrorName.RUNTIME, "the container's process is gone and left no exit code")
        return replace(memory, stopped_at=now, reason=memory.reason or lost)
    return memory


def _reason_to_stop(spec: Assignment, state: TaskState, seen: Seen) -> Stop | None:
    if spec.desired_status is DesiredStatus.STOPPED:
        return _asked_to_stop(spec)
    if state.boot_id != seen.boot_id:
        return Stop(StopCode.TERMINATION_NOTICE, HOST_GONE)
    ended = [c for c in spec.containers if state.container(c.name).stopped_at is not None]
    if any(c.essential for c in ended) or len(ended) == len(spec.containers):
        return Stop(StopCode.ESSENTIAL_CONTAINER_EXITED, ESSENTIAL_EXITED)
    if seen.sandbox is Process.STOPPED or (seen.sandbox is None and state.has_sandbox):
        if seen.oom_kills > 0:
            return Stop(StopCode.ESSENTIAL_CONTAINER_EXITED, OUT_OF_MEMORY)
        why = "the task's sandbox ended before its containers had started"
        return Stop(StopCode.TASK_FAILED_TO_START, render_reason(ErrorName.RUNTIME, why))
    return None


def _asked_to_stop(spec: Assignment) -> Stop:
    return Stop(spec.stop_code or StopCode.USER_INITIATED, spec.stopped_reason or STOPPED_BY_USER)


def _plan_start(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> Plan:
    if seen.sandbox is not Process.RUNNING:
        status = state.status.advanced_to(TaskStatus.PENDING)
        state = replace(state, status=status, pull_started_at=state.pull_started_at or now)
        return Plan(state=state, steps=(Prepare(), StartSandbox()))
    state = replace(state, status=state.status.advanced_to(TaskStatus.ACTIVATING))
    steps: list[Step] = []
    for container in spec.containers:
        process = seen.process(container.name)
        if state.container(container.name).started_at is not None:
            continue
        if process is None:
            steps.append(CreateContainer(container.name))
        if all(state.container(name).started_at is not None for name in container.start_after):
            steps.append(StartContainer(container.name))
    if steps:
        return Plan(state=state, steps=tuple(steps))
    status = state.status.advanced_to(TaskStatus.RUNNING)
    limit: tuple[Step, ...] = () if state.has_cpu_quota else (LimitCpu(),)
    return Plan(state=replace(state, status=status, started_at=state.started_at or now), steps=limit)


def _plan_kills(plan: Plan, spec: Assignment, seen: Seen, now: datetime) -> Plan:
    """With a SIGKILL for each container that is beyond its memory, sent again while it is seen to run."""
    state, steps, again_s = plan.state, list(plan.steps), plan.again_s
    for container in spec.containers:
        memory = state.container(container.name)
        if memory.over_memory_at is None or seen.process(container.name) is not Process.RUNNING:
            continue
        if memory.killed_at is None or now >= memory.killed_at + timedelta(seconds=KILL_AGAIN_S):
            state = state.with_container(container.name, replace(memory, killed_at=now))
            steps.append(Kill(container.name))
        again_s = min(KILL_AGAIN_S, again_s or KILL_AGAIN_S)
    return replace(plan, state=state, steps=tuple(steps), again_s=again_s)


def _plan_stop(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> Plan:
    if state.status is TaskStatus.STOPPED:
        return Plan(state=state)
    if state.status is TaskStatus.RUNNING:
        return Plan(state=replace(state, status=TaskStatus.DEACTIVATING), again_s=0.0)
    status = state.status.advanced_to(TaskStatus.STOPPING)
    state = replace(state, status=status, stopping_at=state.stopping_at or now)
    live = [c for c in spec.containers if seen.process(c.name) is Process.RUNNING]
    if live and seen.sandbox is Process.RUNNING:
        return _plan_signals(live, state, now)
    for container in spec.containers:
        memory = state.container(container.name)
        if memory.stopped_at is None:
            state = state.with_container(container.name, replace(memory, stopped_at=now))
    status = state.status.advanced_to(TaskStatus.DEPROVISIONING)
    state = replace(state, status=status, execution_stopped_at=state.execution_stopped_at or now)
    return Plan(state=state, steps=(TearDown(),))


def _plan_signals(live: list[Container], state: TaskState, now: datetime) -> Plan:
    """Stop in reverse dependency order: what something alive was started after stays until that is gone."""
    needed = {name for container in live for name in container.start_after}
    steps: list[Step] = []
    waits: list[float] = []
    for container in live:
        memory = state.container(container.name)
        if container.name in needed and memory.asked_to_stop_at is None:
            continue
        memory, step, wait_s = _plan_signal(container, memory, now)
        state = state.with_container(container.name, memory)
        waits.append(wait_s)
        if step is not None:
            steps.append(step)
    return Plan(state=state, steps=tuple(steps), again_s=min(waits, default=KILL_AGAIN_S))


def _plan_signal(
    container: Container, memory: ContainerMemory, now: datetime
) -> tuple[ContainerMemory, Step | None, float]:
    timeout_s = float(container.stop_timeout_s)
    if memory.asked_to_stop_at is None:
        return replace(memory, asked_to_stop_at=now), AskToStop(container.name), timeout_s
    kill_at = memory.asked_to_stop_at + timedelta(seconds=timeout_s)
    if memory.killed_at is not None:
        kill_at = memory.killed_at + timedelta(seconds=KILL_AGAIN_S)
    if now >= kill_at:
        return replace(memory, killed_at=now), Kill(container.name), KILL_AGAIN_S
    return memory, None, (kill_at - now).total_seconds()
