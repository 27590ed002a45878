"""What is seen for the first time, taken down: starts, ends, exit codes, answers of health checks."""

from datetime import datetime

from msgspec.structs import replace

from bastide.model.assignment import Assignment, Container
from bastide.model.status import OUT_OF_MEMORY, ErrorName, Process, render_reason
from bastide.model.task_state import ContainerMemory, TaskState
from bastide.plan.lifecycle.health import remember_health
from bastide.plan.lifecycle.steps import Seen, SeenContainer

KILLED = 137  # 128 + SIGKILL, as Docker reports it
SANDBOX_LOST = "the task's sandbox ended"
SANDBOX_DIED = 128  # what the shim says of a container whose sandbox ended without telling


def remember(spec: Assignment, state: TaskState, seen: Seen, now: datetime) -> TaskState:
    """The memory with what is seen now; the very same when nothing is new."""
    if seen.sandbox is Process.RUNNING and not state.has_sandbox:
        state = replace(state, has_sandbox=True)
    for container in spec.containers:
        before = state.container(container.name)
        after = _remember_container(container, before, seen, now)
        if after != before:
            state = state.with_container(container.name, after)
    return state


def _remember_container(
    container: Container, memory: ContainerMemory, seen: Seen, now: datetime
) -> ContainerMemory:
    if memory.stopped_at is not None:
        return memory
    sight = seen.container(container.name)
    if sight.run < memory.restarts:
        sight = SeenContainer(run=memory.restarts)  # of an earlier run: nothing of this one yet
    if sight.process is Process.STOPPED and memory.run_started_at is None and memory.reason is not None:
        return replace(memory, stopped_at=now)  # it could not be started: what was never run has no exit code
    if sight.process in (Process.RUNNING, Process.STOPPED) and memory.run_started_at is None:
        began_at = memory.start_asked_at or now
        memory = replace(memory, run_started_at=began_at, started_at=memory.started_at or began_at)
    is_there = sight.process in (Process.RUNNING, Process.STOPPED)
    if is_there and container.name in seen.excess and memory.over_memory_at is None:
        memory = replace(memory, over_memory_at=now)
    memory = remember_health(container, memory, seen.probe(container.name))
    if memory.run_started_at is None:
        return memory
    return _remember_end(memory, memory.run_started_at, sight, seen, now)


def _remember_end(
    memory: ContainerMemory, started_at: datetime, sight: SeenContainer, seen: Seen, now: datetime
) -> ContainerMemory:
    if sight.process is Process.STOPPED:
        by_kernel = seen.oom_kills > 0 and sight.exit_code in (None, KILLED, SANDBOX_DIED)
        out_of_memory = by_kernel or (memory.over_memory_at is not None and sight.exit_code in (None, KILLED))
        ended_at = max(started_at, min(sight.exited_at or now, now))
        if out_of_memory:
            return replace(memory, stopped_at=ended_at, exit_code=KILLED, reason=OUT_OF_MEMORY)
        if sight.exit_code == SANDBOX_DIED and seen.sandbox is not Process.RUNNING:
            reason = render_reason(ErrorName.RUNTIME, SANDBOX_LOST)
            return replace(memory, stopped_at=ended_at, reason=memory.reason or reason)
        return replace(memory, stopped_at=ended_at, exit_code=sight.exit_code)
    if sight.process is None or seen.sandbox is not Process.RUNNING:
        if seen.oom_kills > 0:
            return replace(memory, stopped_at=now, exit_code=KILLED, reason=OUT_OF_MEMORY)
        lost = render_reason(ErrorName.RUNTIME, "the container's process is gone and left no exit code")
        return replace(memory, stopped_at=now, reason=memory.reason or lost)
    return memory
