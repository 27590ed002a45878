"""The words of a plan: what the agent sees of a task, and what it can do to it."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from bastide.model.container.health import HealthResult
from bastide.model.status import Process
from bastide.model.task_state import TaskState


class SeenContainer(msgspec.Struct, frozen=True):
    """The first process of a container's present run, by containerd; None: there is none (any more)."""

    process: Process | None = None
    exit_code: int | None = None
    run: int = 0  # which run of the container this is: the number of restarts before it
    exited_at: datetime | None = None


class SeenProbe(msgspec.Struct, frozen=True):
    """What the agent has under way or has just found out about a container's health."""

    run: int = 0  # of the container, when the check began
    is_running: bool = False
    result: HealthResult | None = None  # of the last one that has ended


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The task as the host sees it now."""

    boot_id: str
    sandbox: Process | None = None
    containers: Mapping[str, SeenContainer] = {}
    probes: Mapping[str, SeenProbe] = {}
    has_network: bool = True  # False: the interface its sandbox took over is gone
    oom_kills: int = 0
    excess: frozenset[str] = frozenset()  # containers beyond their memory, or hit by the kernel for it

    def container(self, name: str) -> SeenContainer:
        """The one called `name`; without a process when nothing is seen of it."""
        return self.containers.get(name, SeenContainer())

    def probe(self, name: str) -> SeenProbe:
        """Of the container called `name`."""
        return self.probes.get(name, SeenProbe())


class Prepare(msgspec.Struct, frozen=True):
    """Images, interface, disk and control group."""


class StartSandbox(msgspec.Struct, frozen=True):
    """Create and start the pause container."""


class RemoveContainer(msgspec.Struct, frozen=True):
    """Clear away the run before the one that is wanted; the root filesystem and the log pipes stay."""

    name: str


class CreateContainer(msgspec.Struct, frozen=True):
    """Root filesystem, log pipes and process, not started."""

    name: str


class StartContainer(msgspec.Struct, frozen=True):
    """Start a created process."""

    name: str


class Probe(msgspec.Struct, frozen=True):
    """Begin a health check; what it says is seen later."""

    name: str


class LimitCpu(msgspec.Struct, frozen=True):
    """Narrow the CPU to the task's size; wide until now, since a quota throttles the boot."""


class AskToStop(msgspec.Struct, frozen=True):
    """Send the stop signal."""

    name: str


class Kill(msgspec.Struct, frozen=True):
    """Send SIGKILL."""

    name: str


class TearDown(msgspec.Struct, frozen=True):
    """Remove everything the task has on this host."""


Step = (
    Prepare
    | StartSandbox
    | RemoveContainer
    | CreateContainer
    | StartContainer
    | Probe
    | LimitCpu
    | AskToStop
    | Kill
    | TearDown
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to remember, what to do, and when to look again at the latest (None: when woken)."""

    state: TaskState
    steps: tuple[Step, ...] = ()
    again_s: float | None = None
