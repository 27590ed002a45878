"""Whether a container that ended is run again (`restartPolicy`), and what is remembered of it then."""

from msgspec.structs import replace

from bastide.model.assignment import Container
from bastide.model.container.health import HealthReport
from bastide.model.status import Process
from bastide.model.task_state import ContainerMemory
from bastide.plan.lifecycle.steps import Seen


def is_over(container: Container, memory: ContainerMemory, seen: Seen) -> bool:
    """The container has stopped and is not to be run again."""
    return memory.stopped_at is not None and not may_restart(container, memory, seen)


def may_restart(container: Container, memory: ContainerMemory, seen: Seen) -> bool:
    """As the ECS agent decides: by its policy, its exit code and for how long it ran.

    What left no exit code, or has lost its sandbox, is not run again.
    """
    policy = container.restart_policy
    if policy is None or memory.stopped_at is None or memory.run_started_at is None:
        return False
    if memory.exit_code is None or memory.exit_code in policy.ignored_exit_codes:
        return False
    ran_s = (memory.stopped_at - memory.run_started_at).total_seconds()
    return ran_s >= policy.attempt_period_s and seen.sandbox is Process.RUNNING


def restarted(memory: ContainerMemory) -> ContainerMemory:
    """Memory of a container whose next run is wanted: it counts as one that goes on."""
    health = memory.health
    if health is not None and memory.stopped_at is not None:
        health = HealthReport(since=memory.stopped_at, results=health.results)
    return replace(
        memory,
        restarts=memory.restarts + 1,
        start_asked_at=None,
        run_started_at=None,
        over_memory_at=None,
        killed_at=None,
        stopped_at=None,
        exit_code=None,
        reason=None,
        health=health,
    )
