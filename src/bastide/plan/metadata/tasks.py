"""A task as the metadata endpoint shows it to its own containers. Pure."""

from collections.abc import Mapping

import msgspec

from bastide.model.assignment import Assignment
from bastide.model.status import DesiredStatus, TaskStatus
from bastide.model.task_state import TaskState
from bastide.model.usage import Clock
from bastide.plan.metadata.containers import (
    CREATED,
    NONE,
    PULLED,
    RUNNING,
    STOPPED,
    Document,
    known_status,
    present,
    render_container,
    render_time,
)

CPU_UNITS = 1024  # of a processor
RESERVED_MORE_MIB = 16  # what Fargate shows beyond the size of the task's storage
_ORDER = (NONE, PULLED, CREATED, RUNNING)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the host says at the moment of asking; what it cannot say is left out."""

    clock: Clock | None = None
    storage_used_mib: int | None = None


def render_task(spec: Assignment, state: TaskState, measured: Measured, *, version: int) -> Document:
    """Version 4, or the fewer members of version 3."""
    identity = spec.identity
    is_over = state.stop is not None or spec.desired_status is DesiredStatus.STOPPED
    shown: Document = {
        "Cluster": identity.cluster_arn,
        "TaskARN": spec.task_arn,
        "Family": identity.family,
        "Revision": str(identity.revision),
        "DesiredStatus": STOPPED if is_over else RUNNING,
        "KnownStatus": _known_status(spec, state),
        "Limits": {"CPU": spec.cpu_units / CPU_UNITS, "Memory": spec.memory_mib},
        "PullStartedAt": render_time(state.pull_started_at),
        "PullStoppedAt": render_time(state.pull_stopped_at),
        "ExecutionStoppedAt": render_time(state.execution_stopped_at),
        "AvailabilityZone": identity.zone or None,
        "Containers": [render_container(spec, state, each, version=version) for each in spec.containers],
    }
    if version >= 4:
        shown |= {
            "ServiceName": identity.service,
            "LaunchType": "FARGATE",
            "ClockDrift": _clock(measured.clock),
            "EphemeralStorageMetrics": _storage(spec, measured.storage_used_mib),
            "FaultInjectionEnabled": False,
        }
    return present(shown)


def with_tags(task: Document, tags: Mapping[str, str], errors: list[Document]) -> Document:
    """The task with its tags, or with why they are not known."""
    found: Document = {"TaskTags": dict(tags)} if tags else {}
    return {**task, **found, **({"Errors": errors} if errors else {})}


def _known_status(spec: Assignment, state: TaskState) -> str:
    if state.status >= TaskStatus.DEPROVISIONING:
        return STOPPED
    if state.status >= TaskStatus.RUNNING:
        return RUNNING
    return min(
        (_reached(known_status(state.container(each.name))) for each in spec.containers), key=_ORDER.index
    )


def _reached(status: str) -> str:
    """A container that has done its work does not hold its task back."""
    return RUNNING if status == STOPPED else status


def _clock(clock: Clock | None) -> Document | None:
    if clock is None:
        return None
    return {
        "ClockErrorBound": clock.error_bound_ms,
        "ReferenceTimestamp": render_time(clock.at),
        "ClockSynchronizationStatus": "SYNCHRONIZED" if clock.is_synchronized else "NOT_SYNCHRONIZED",
    }


def _storage(spec: Assignment, used_mib: int | None) -> Document | None:
    if used_mib is None:
        return None
    return {"Utilized": used_mib, "Reserved": spec.storage_gib * 1024 + RESERVED_MORE_MIB}
