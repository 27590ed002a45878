"""What a task and its containers can be, behind which wall they run, and why a task stopped.

Owns the order of statuses and AWS's words for each end of a task (ECS developer guide, "Stopped tasks
error codes"). A status only grows: of two reports about one task, the larger is the newer.
"""

from enum import IntEnum, StrEnum

RUNTIME_ATTRIBUTE = "bastide.runtime"  # of every task, as DescribeTasks shows it


class TaskStatus(IntEnum):
    """Grows only: of two reports about one task, the larger is the newer."""

    PROVISIONING = 10
    PENDING = 20
    ACTIVATING = 30
    RUNNING = 40
    DEACTIVATING = 50
    STOPPING = 60
    DEPROVISIONING = 70
    STOPPED = 80

    def advanced_to(self, reported: "TaskStatus") -> "TaskStatus":
        """The later of the two."""
        return max(self, reported)


class ContainerStatus(IntEnum):
    """What DescribeTasks says of a container; grows only."""

    PENDING = 10
    RUNNING = 20
    STOPPED = 30


class RuntimeClass(StrEnum):
    """`gvisor`: a kernel of the task's own. `runc`: the machine's, shared; only where that is allowed."""

    GVISOR = "gvisor"
    RUNC = "runc"

    @property
    def shares_kernel(self) -> bool:
        """Whether the tasks' system calls meet the machine's own kernel."""
        return self is RuntimeClass.RUNC


class Process(StrEnum):
    """What containerd knows of a container's first process."""

    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"


class DesiredStatus(StrEnum):
    """What the user wants of a task."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class StopCode(StrEnum):
    """`stopCode` of DescribeTasks."""

    TASK_FAILED_TO_START = "TaskFailedToStart"
    ESSENTIAL_CONTAINER_EXITED = "EssentialContainerExited"
    USER_INITIATED = "UserInitiated"
    SERVICE_SCHEDULER_INITIATED = "ServiceSchedulerInitiated"
    SPOT_INTERRUPTION = "SpotInterruption"
    TERMINATION_NOTICE = "TerminationNotice"


class ErrorName(StrEnum):
    """The prefix of a container's or task's reason, as the ECS agent names its errors."""

    CANNOT_PULL = "CannotPullContainerError"
    CANNOT_CREATE = "CannotCreateContainerError"
    CANNOT_START = "CannotStartContainerError"
    RESOURCE_INITIALIZATION = "ResourceInitializationError"
    OUT_OF_MEMORY = "OutOfMemoryError"
    RUNTIME = "ContainerRuntimeError"
    RUNTIME_TIMEOUT = "ContainerRuntimeTimeoutError"


ESSENTIAL_EXITED = "Essential container in task exited"
STOPPED_BY_USER = "Task stopped by user"
SPOT_INTERRUPTED = "Your Spot Task was interrupted."
RETIRED = "ECS is performing maintenance on the underlying infrastructure hosting the task"
OUT_OF_MEMORY = f"{ErrorName.OUT_OF_MEMORY}: Container killed due to memory usage"
HOST_GONE = "Host terminated."  # a reboot: nothing of the task is left to adopt
NO_CAPACITY = (
    "Capacity is unavailable at this time. Please try again later or in a different availability zone"
)
REASON_MAX_CHARS = 1024  # ecs-agent's cap on every reason


def render_reason(error: ErrorName, why: str) -> str:
    """`<ErrorName>: <message>` on one line, cut to the length ECS allows."""
    return f"{error}: {' '.join(why.split())}"[:REASON_MAX_CHARS]
