"""The way down: stop signals in reverse dependency order, SIGKILL for what stays, then nothing is left."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bastide.model.assignment import Assignment, Container
from bastide.model.status import Process, StopCode, TaskStatus
from bastide.model.task_state import ContainerMemory, TaskState
from bastide.plan.lifecycle.dependencies import needed_by
from bastide.plan.lifecycle.steps import AskToStop, Kill, Plan, Seen, Step, TearDown

STOP_TIMEOUT_S = 30  # Fargate's default; ContainerDefinition.stopTimeout in the API reference
SPOT_NOTICE_S = 120  # what an interrupted Spot task has left altogether
KILL_AGAIN_S = 5.0  # a SIGKILL is sent again when the process is still seen after this long


def plan_stop(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> Plan:
    """The next move of a task that has to end. Preconditions: `state.stop` says why."""
    if state.status is TaskStatus.STOPPED:
        return Plan(state=state)
    if state.status is TaskStatus.RUNNING:
        return Plan(state=replace(state, status=TaskStatus.DEACTIVATING), again_s=0.0)
    status = state.status.advanced_to(TaskStatus.STOPPING)
    state = replace(state, status=status, stopping_at=state.stopping_at or now)
    live = [c for c in spec.containers if seen.container(c.name).process is Process.RUNNING]
    if live and seen.sandbox is Process.RUNNING:
        return _plan_signals(spec, live, state, now)
    for container in spec.containers:
        memory = state.container(container.name)
        if memory.stopped_at is None:
            state = state.with_container(container.name, replace(memory, stopped_at=now))
    status = state.status.advanced_to(TaskStatus.DEPROVISIONING)
    state = replace(state, status=status, execution_stopped_at=state.execution_stopped_at or now)
    return Plan(state=state, steps=(TearDown(),))


def _plan_signals(spec: Assignment, live: list[Container], state: TaskState, now: datetime) -> Plan:
    """What something alive depends on stays until that is gone."""
    needed = needed_by(spec, live)
    ends_at = _notice_ends_at(state)
    steps: list[Step] = []
    waits: list[float] = []
    for container in live:
        memory = state.container(container.name)
        has_to_wait = container.name in needed and memory.asked_to_stop_at is None
        if has_to_wait and (ends_at is None or now < ends_at):
            continue
        memory, step, wait_s = _plan_signal(container, memory, state, now)
        state = state.with_container(container.name, memory)
        waits.append(wait_s)
        if step is not None:
            steps.append(step)
    return Plan(state=state, steps=tuple(steps), again_s=min(waits, default=KILL_AGAIN_S))


def _plan_signal(
    container: Container, memory: ContainerMemory, state: TaskState, now: datetime
) -> tuple[ContainerMemory, Step | None, float]:
    timeout_s = float(_timeout_s(container, state))
    if memory.asked_to_stop_at is None:
        return replace(memory, asked_to_stop_at=now), AskToStop(container.name), timeout_s
    kill_at = memory.asked_to_stop_at + timedelta(seconds=timeout_s)
    if (ends_at := _notice_ends_at(state)) is not None:
        kill_at = min(kill_at, ends_at)
    if memory.killed_at is not None:
        kill_at = memory.killed_at + timedelta(seconds=KILL_AGAIN_S)
    if now >= kill_at:
        return replace(memory, killed_at=now), Kill(container.name), KILL_AGAIN_S
    return memory, None, (kill_at - now).total_seconds()


def _timeout_s(container: Container, state: TaskState) -> int:
    """The definition's own, else all that an interrupted Spot task is given, else Fargate's default."""
    if container.stop_timeout_s is not None:
        return container.stop_timeout_s
    return SPOT_NOTICE_S if _is_interrupted(state) else STOP_TIMEOUT_S


def _notice_ends_at(state: TaskState) -> datetime | None:
    """When nothing of an interrupted Spot task may run any more."""
    if not _is_interrupted(state) or state.stopping_at is None:
        return None
    return state.stopping_at + timedelta(seconds=SPOT_NOTICE_S)


def _is_interrupted(state: TaskState) -> bool:
    return state.stop is not None and state.stop.code is StopCode.SPOT_INTERRUPTION
