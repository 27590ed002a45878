"""What the agent remembers of a task: that which cannot be observed later.

Kept as `state.json` in the task's folder, replaced by rename. Times are aware UTC datetimes. Nothing here
is ever taken back: statuses grow, a stop once decided stays decided, a container that has stopped for good
keeps its exit code. A container that is run again has not stopped.
"""

from datetime import datetime

import msgspec

from bastide.model.container.health import HealthReport
from bastide.model.status import StopCode, TaskStatus


class Stop(msgspec.Struct, frozen=True):
    """Why the task ends."""

    code: StopCode
    reason: str


class ContainerMemory(msgspec.Struct, frozen=True, kw_only=True):
    """One container's past."""

    image_digest: str | None = None
    stop_signal: int = 15  # SIGTERM, unless the image says otherwise
    restarts: int = 0  # the number of the run that is wanted, or was the last
    start_asked_at: datetime | None = None  # of this run
    run_started_at: datetime | None = None  # of this run; None: it was not seen to start
    started_at: datetime | None = None  # of the first run
    asked_to_stop_at: datetime | None = None
    killed_at: datetime | None = None
    over_memory_at: datetime | None = None  # it was beyond its hard limit, and is killed for it
    stopped_at: datetime | None = None
    exit_code: int | None = None
    reason: str | None = None
    health: HealthReport | None = None


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """One task's past on this host."""

    boot_id: str  # of the boot in which the task was made; another one means nothing is left of it
    status: TaskStatus = TaskStatus.PROVISIONING
    containers: dict[str, ContainerMemory] = {}
    stop: Stop | None = None
    has_sandbox: bool = False  # it was seen running once, so its absence is a death
    has_cpu_quota: bool = False
    credentials_id: str = ""  # by which its containers ask for their role's credentials; none without a role
    troubled_since: datetime | None = None  # the first of the "try again" answers in a row
    pull_started_at: datetime | None = None
    pull_stopped_at: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    execution_stopped_at: datetime | None = None
    stopped_at: datetime | None = None

    def container(self, name: str) -> ContainerMemory:
        """The container's past; empty for one that has none yet."""
        return self.containers.get(name, ContainerMemory())

    def with_container(self, name: str, memory: ContainerMemory) -> "TaskState":
        """The same past with one container's replaced."""
        return msgspec.structs.replace(self, containers={**self.containers, name: memory})
