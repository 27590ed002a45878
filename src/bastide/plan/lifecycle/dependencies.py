"""`dependsOn`: whether a container may start, may never start, or waits, and in which order all stop."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum

from msgspec.structs import replace

from bastide.model.assignment import Assignment, Condition, Container, Dependency
from bastide.model.container.health import HealthStatus
from bastide.model.status import ErrorName, render_reason
from bastide.model.task_state import ContainerMemory, TaskState
from bastide.plan.lifecycle.restarts import is_over
from bastide.plan.lifecycle.steps import Seen

NEVER_STARTED = 143  # what ECS shows of a container whose dependency failed: it counts as told to stop


class Outlook(Enum):
    """What can be said of a dependency."""

    MET = "met"
    OPEN = "open"
    TOO_LATE = "has timed out"
    NOT_STARTED = "did not start"
    NOT_ENDED_WELL = "did not exit successfully"
    NOT_HEALTHY = "ended before it was healthy"


def outlook(spec: Assignment, state: TaskState, seen: Seen, dependency: Dependency, now: datetime) -> Outlook:
    """Of one dependency. A timeout counts from the start of what is waited for, as in the ECS agent."""
    container = _named(spec, dependency.container)
    memory = state.container(container.name)
    found = _judge(dependency.condition, memory, has_ended=is_over(container, memory, seen))
    if found is Outlook.OPEN and dependency.condition is not Condition.START:
        deadline = start_deadline(container, memory)
        return Outlook.TOO_LATE if deadline is not None and now >= deadline else Outlook.OPEN
    return found


def start_deadline(container: Container, memory: ContainerMemory) -> datetime | None:
    """Until when it has to reach what its dependants wait for; None: it has all the time there is."""
    if memory.started_at is None or container.start_timeout_s is None:
        return None
    return memory.started_at + timedelta(seconds=container.start_timeout_s)


def give_up(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> TaskState:
    """Mark every container that can never start as stopped, and those that wait for these."""
    has_changed = True
    while has_changed:
        has_changed = False
        for container in spec.containers:
            memory = state.container(container.name)
            if memory.started_at is not None or memory.stopped_at is not None:
                continue
            reason = _reason_to_give_up(spec, state, seen, container, now)
            if reason is not None:
                memory = replace(memory, stopped_at=now, exit_code=NEVER_STARTED, reason=reason)
                state = state.with_container(container.name, memory)
                has_changed = True
    return state


def needed_by(spec: Assignment, live: Iterable[Container]) -> set[str]:
    """Names of all that something alive depends on, directly or through others."""
    found: set[str] = set()
    left = [dependency.container for container in live for dependency in container.depends_on]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [dependency.container for dependency in _named(spec, name).depends_on]
    return found


def _judge(condition: Condition, memory: ContainerMemory, *, has_ended: bool) -> Outlook:
    has_started = memory.started_at is not None
    if condition is Condition.HEALTHY:
        if memory.health is not None and memory.health.status is HealthStatus.HEALTHY and not has_ended:
            return Outlook.MET
        return Outlook.NOT_HEALTHY if has_ended else Outlook.OPEN
    if has_ended and not has_started:
        return Outlook.NOT_STARTED
    if condition is Condition.START:
        return Outlook.MET if has_started else Outlook.OPEN
    if condition is Condition.SUCCESS and has_ended and memory.exit_code != 0:
        return Outlook.NOT_ENDED_WELL
    return Outlook.MET if has_ended else Outlook.OPEN


def _reason_to_give_up(
    spec: Assignment, state: TaskState, seen: Seen, container: Container, now: datetime
) -> str | None:
    for dependency in container.depends_on:
        found = outlook(spec, state, seen, dependency, now)
        pair = f"container ordering dependency [{dependency.container}] for target [{container.name}]"
        if found is Outlook.TOO_LATE:
            return render_reason(ErrorName.CANNOT_START, f"dependency graph: {pair} {found.value}.")
        if found not in (Outlook.MET, Outlook.OPEN):
            why = f"dependency graph: failed to resolve {pair} as dependency {found.value}."
            return render_reason(ErrorName.CANNOT_START, why)
    return None


def _named(spec: Assignment, name: str) -> Container:
    return next(container for container in spec.containers if container.name == name)
