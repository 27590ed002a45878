"""The way up, and the upkeep of what runs: sandbox, containers in order, restarts, health checks."""

from datetime import datetime

from msgspec.structs import replace

from bastide.model.assignment import Assignment, Container
from bastide.model.status import Process, TaskStatus
from bastide.model.task_state import TaskState
from bastide.plan.lifecycle.dependencies import Outlook, outlook, start_deadline
from bastide.plan.lifecycle.health import next_probe_at
from bastide.plan.lifecycle.restarts import may_restart, restarted
from bastide.plan.lifecycle.steps import (
    CreateContainer,
    LimitCpu,
    Plan,
    Prepare,
    Probe,
    RemoveContainer,
    Seen,
    StartContainer,
    StartSandbox,
    Step,
)


def plan_start(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> Plan:
    """The next move of a task that may live."""
    if seen.sandbox is not Process.RUNNING:
        status = state.status.advanced_to(TaskStatus.PENDING)
        state = replace(state, status=status, pull_started_at=state.pull_started_at or now)
        return Plan(state=state, steps=(Prepare(), StartSandbox()))
    state = replace(state, status=state.status.advanced_to(TaskStatus.ACTIVATING))
    state = _restart_ended(spec, state, seen)
    state, steps = _start_ready(spec, state, seen, now)
    needed = [c for c in spec.containers if c.essential] or list(spec.containers)
    if not steps and all(state.container(c.name).started_at is not None for c in needed):
        status = state.status.advanced_to(TaskStatus.RUNNING)
        state = replace(state, status=status, started_at=state.started_at or now)
        if not state.has_cpu_quota:
            steps = (LimitCpu(),)
    due_at = {c.name: at for c in spec.containers if (at := _probe_at(c, state, seen)) is not None}
    steps += tuple(Probe(name) for name, at in due_at.items() if at <= now)
    waits = [at for at in (*due_at.values(), *_deadlines(spec, state)) if at > now]
    again_s = min(((at - now).total_seconds() for at in waits), default=None)
    return Plan(state=state, steps=steps, again_s=again_s)


def _restart_ended(spec: Assignment, state: TaskState, seen: Seen) -> TaskState:
    for container in spec.containers:
        memory = state.container(container.name)
        if may_restart(container, memory, seen):
            state = state.with_container(container.name, restarted(memory))
    return state


def _start_ready(
    spec: Assignment, state: TaskState, seen: Seen, now: datetime
) -> tuple[TaskState, tuple[Step, ...]]:
    """Every container that is not up and waits for nothing. A restart waits for nothing any more."""
    steps: list[Step] = []
    for container in spec.containers:
        memory = state.container(container.name)
        if memory.run_started_at is not None or memory.stopped_at is not None:
            continue
        found = (outlook(spec, state, seen, dependency, now) for dependency in container.depends_on)
        if memory.restarts == 0 and any(each is not Outlook.MET for each in found):
            continue
        sight = seen.container(container.name)
        if sight.run < memory.restarts or sight.process is None:
            if memory.restarts > 0:
                steps.append(RemoveContainer(container.name))
            steps.append(CreateContainer(container.name))
        steps.append(StartContainer(container.name))
        state = state.with_container(container.name, replace(memory, start_asked_at=now))
    return state, tuple(steps)


def _probe_at(container: Container, state: TaskState, seen: Seen) -> datetime | None:
    return next_probe_at(container, state.container(container.name), seen.probe(container.name))


def _deadlines(spec: Assignment, state: TaskState) -> list[datetime]:
    """When those give up that wait for something with a `startTimeout`."""
    waiting = [c for c in spec.containers if state.container(c.name).started_at is None]
    names = {dependency.container for container in waiting for dependency in container.depends_on}
    found = (start_deadline(c, state.container(c.name)) for c in spec.containers if c.name in names)
    return [at for at in found if at is not None]
