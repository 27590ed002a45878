"""Why a task ends, and what is remembered of a step that will never work."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from bastide.model.assignment import Assignment
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
from bastide.model.task_state import Stop, TaskState
from bastide.plan.lifecycle.memory import SANDBOX_LOST
from bastide.plan.lifecycle.restarts import is_over
from bastide.plan.lifecycle.steps import Seen

NETWORK_LOST = (
    "the link of the task's network interface was deleted on its host, and a sandbox takes up no other one"
)
SANDBOX_LOST_EARLY = f"{SANDBOX_LOST} before its containers had started"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A step that will never work, and whose fault it is."""

    error: ErrorName
    why: str
    container: str | None = None


def reason_to_stop(spec: Assignment, state: TaskState, seen: Seen) -> Stop | None:
    """Why the task has to end now; None while it may live."""
    if spec.desired_status is DesiredStatus.STOPPED:
        return asked_to_stop(spec)
    if state.boot_id != seen.boot_id:
        return Stop(StopCode.TERMINATION_NOTICE, HOST_GONE)
    over = [c for c in spec.containers if is_over(c, state.container(c.name), seen)]
    if any(c.essential for c in over) or len(over) == len(spec.containers):
        return Stop(StopCode.ESSENTIAL_CONTAINER_EXITED, ESSENTIAL_EXITED)
    if seen.sandbox is Process.STOPPED or (seen.sandbox is None and state.has_sandbox):
        if seen.oom_kills > 0:
            return Stop(StopCode.ESSENTIAL_CONTAINER_EXITED, OUT_OF_MEMORY)
        why = SANDBOX_LOST if state.started_at is not None else SANDBOX_LOST_EARLY
        return _sudden_stop(state, render_reason(ErrorName.RUNTIME, why))
    if not seen.has_network:
        return _sudden_stop(state, render_reason(ErrorName.RUNTIME, NETWORK_LOST))
    return None


def _sudden_stop(state: TaskState, reason: str) -> Stop:
    """A task that ran has not failed to start, whatever it was that could not be started again."""
    has_run = state.started_at is not None
    return Stop(StopCode.ESSENTIAL_CONTAINER_EXITED if has_run else StopCode.TASK_FAILED_TO_START, reason)


def asked_to_stop(spec: Assignment) -> Stop:
    """As the one who asked has it."""
    return Stop(spec.stop_code or StopCode.USER_INITIATED, spec.stopped_reason or STOPPED_BY_USER)


def fail_task(spec: Assignment, state: TaskState, failure: Failure, now: datetime) -> TaskState:
    """Memory of a step that will never work: the task stops, if it was not stopping anyway.

    A container that is not essential fails alone once there is a sandbox: those that wait for it give up.
    """
    reason = render_reason(failure.error, failure.why)
    for container in spec.containers:
        if container.name == failure.container:
            memory = state.container(container.name)
            memory = replace(memory, reason=memory.reason or reason)
            if state.has_sandbox and not container.essential:
                memory = replace(memory, stopped_at=memory.stopped_at or now)
                return state.with_container(container.name, memory)
            state = state.with_container(container.name, memory)
    return replace(state, stop=state.stop or _sudden_stop(state, reason))


def finish_task(state: TaskState, now: datetime) -> TaskState:
    """Memory of a task of which nothing is left on the host."""
    return replace(state, status=TaskStatus.STOPPED, stopped_at=state.stopped_at or now)
