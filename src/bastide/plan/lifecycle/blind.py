"""The next move while the host cannot say what a task does, or do what it should."""

from datetime import datetime

from msgspec.structs import replace

from bastide.model.assignment import Assignment
from bastide.model.status import DesiredStatus, ErrorName, TaskStatus
from bastide.model.task_state import TaskState
from bastide.plan.lifecycle.ends import Failure, asked_to_stop, fail_task
from bastide.plan.lifecycle.steps import Plan, TearDown

PATIENCE_S = 60.0  # a host that says "try again" this long has failed the task (ContainerRuntimeTimeoutError)
BLIND_RETRY_S = 1.0


def plan_blind(spec: Assignment, state: TaskState, now: datetime, *, why: str) -> Plan:
    """Patience, and what comes after it.

    A task that runs goes on: containerd may be away for as long as it likes. One that is starting fails when
    patience ends, and one that is stopping is then torn down without containerd's help.
    """
    since = state.troubled_since or now
    state = replace(state, troubled_since=since)
    waited_s = (now - since).total_seconds()
    if waited_s < PATIENCE_S:
        return Plan(state=state, again_s=BLIND_RETRY_S)
    if spec.desired_status is DesiredStatus.STOPPED and state.stop is None:
        state = replace(state, stop=asked_to_stop(spec))
    if state.stop is None and state.status < TaskStatus.RUNNING:
        text = f"Could not transition to running; timed out after waiting {waited_s:.0f}s: {why}"
        state = fail_task(spec, state, Failure(error=ErrorName.RUNTIME_TIMEOUT, why=text), now)
    if state.stop is None:
        return Plan(state=state, again_s=BLIND_RETRY_S)
    status = state.status.advanced_to(TaskStatus.DEPROVISIONING)
    state = replace(state, status=status, stopping_at=state.stopping_at or now)
    return Plan(state=state, steps=(TearDown(),), again_s=0.0)
