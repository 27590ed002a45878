"""What the agent tells the server of a task: its memory, in the words of a report."""

from bastide.model.assignment import Assignment, Container, ContainerReport, Report
from bastide.model.status import ContainerStatus, TaskStatus
from bastide.model.task_state import ContainerMemory, TaskState


def report_task(spec: Assignment, state: TaskState) -> Report:
    """The whole of what is known; an earlier report adds nothing to it."""
    return Report(
        task_arn=spec.task_arn,
        last_status=state.status,
        containers=tuple(_report_container(c, state) for c in spec.containers),
        pull_started_at=state.pull_started_at,
        pull_stopped_at=state.pull_stopped_at,
        started_at=state.started_at,
        stopping_at=state.stopping_at,
        execution_stopped_at=state.execution_stopped_at,
        stopped_at=state.stopped_at,
        stop_code=state.stop.code if state.stop else None,
        stopped_reason=state.stop.reason if state.stop else None,
    )


def _report_container(container: Container, state: TaskState) -> ContainerReport:
    memory = state.container(container.name)
    return ContainerReport(
        name=container.name,
        essential=container.essential,
        last_status=_status(memory, state),
        exit_code=memory.exit_code,
        reason=memory.reason,
        image_digest=memory.image_digest,
        health=memory.health,
        restart_count=memory.restarts if container.restart_policy is not None else None,
    )


def _status(memory: ContainerMemory, state: TaskState) -> ContainerStatus:
    if memory.stopped_at is not None or state.status is TaskStatus.STOPPED:
        return ContainerStatus.STOPPED
    return ContainerStatus.PENDING if memory.started_at is None else ContainerStatus.RUNNING
