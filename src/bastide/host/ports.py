"""What the agent asks of the host, as Protocols: containerd, the image store, links, disks, cgroups.

Every `ensure_*` and `remove_*` is repeatable and takes names derived from ids, so a repeat collides with
itself. Failures are faults of `model.faults`: NotFound, Invalid (will never work), Unavailable (try again).
The contract suites in tests/contract hold the real parts and the fakes of tests/fakes to the same words.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bastide.model.assignment import EfsVolume, Eni
from bastide.model.container.cached_image import CachedImage
from bastide.model.network import Interface, VpcState
from bastide.model.network.flows import CountedFlows
from bastide.model.network.names import VpcNames
from bastide.model.status import Process as Process
from bastide.model.usage import ContainerUsage, DiskUse, Traffic

Progress = Callable[[str, int, int], None]  # what, done, total (bytes)


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a task may take from an image."""

    reference: str  # docker.io/library/x:latest; a pulled one's names its digest
    digest: str  # of the manifest, or of the index it was pulled by
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()  # NAME=value
    working_directory: str = "/"
    user: str = ""
    stop_signal: str = ""
    volumes: tuple[str, ...] = ()
    size_bytes: int = 0
    tag: str = ""  # by which a pulled one was last asked for
    used_at: datetime | None = None  # None: imported, and stays until it is removed


class Credentials(msgspec.Struct, frozen=True):
    """How a registry is to be asked; never shown."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class FsMount(msgspec.Struct, frozen=True, kw_only=True):
    """A mount as containerd and mount(2) take it."""

    type: str
    source: str
    target: str = ""
    options: tuple[str, ...] = ()


class Stdio(msgspec.Struct, frozen=True, kw_only=True):
    """FIFO paths handed to the shim; empty: none."""

    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    terminal: bool = False


class NewContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container to be created, not started."""

    id: str
    labels: Mapping[str, str]
    spec: dict[str, Any]  # the whole OCI runtime spec
    rootfs: Path  # mounted by us already; the shim gets it as a bind
    stdio: Stdio = Stdio()
    runtime_flags: Mapping[str, str] = {}  # [runsc_config]


class ContainerState(msgspec.Struct, frozen=True, kw_only=True):
    """A container as containerd sees it now."""

    id: str
    labels: Mapping[str, str]
    process: Process | None  # None: the container is recorded but has no process any more
    pid: int = 0
    exit_code: int | None = None
    exited_at: datetime | None = None


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a process that was run beside a container's own."""

    exit_code: int | None  # None: it took too long and was killed
    output: bytes  # of both streams, as it came, cut


ShapeProcess = Callable[[dict[str, Any]], dict[str, Any]]  # a container's own process → another in it


class Terminal(Protocol):
    """A program on a terminal of its own; reading, writing and resizing may go on at once."""

    async def read(self, size_max: int) -> bytes:
        """What it wrote; nothing when there will be no more. Not reading holds the program up."""

    async def write(self, data: bytes) -> None:
        """Type it; waits for the program to read what was typed before."""

    async def resize(self, columns: int, rows: int) -> None:
        """The terminal's size from now on; the program is told."""

    async def wait(self) -> int | None:
        """The exit code; None where nobody knows it any more."""


class Runtime(Protocol):
    """containerd's containers and tasks of this instance's namespace."""

    async def ensure_container(self, container: NewContainer) -> None:
        """Create container and process (not started). A sandbox's other containers come after it."""

    async def ensure_started(self, container_id: str) -> None:
        """Start the process; nothing when it runs or has ended. Invalid when it can't be started."""

    async def read_containers(self) -> dict[str, ContainerState]:
        """All of this instance, by id."""

    async def read_container(self, container_id: str) -> ContainerState | None:
        """One of them."""

    async def send_signal(self, container_id: str, signal: int, *, every_process: bool = False) -> None:
        """Signal the first process; nothing when there is none any more."""

    async def remove_container(self, container_id: str) -> None:
        """Kill what runs, delete process and container. Repeatable."""

    async def exec(
        self, container_id: str, exec_id: str, arguments: Sequence[str], *, timeout_s: float, output_max: int
    ) -> ExecResult:
        """Run a program in the container as its own process is run: same user, environment, folder.

        An earlier one of the same id, left behind by an agent that died, is killed first. NotFound or
        Conflict when the container does not run, Invalid when the program can't be started.
        """

    def terminal(
        self, container_id: str, exec_id: str, shape: ShapeProcess
    ) -> AbstractAsyncContextManager[Terminal]:
        """A program on a terminal in the container, ended with the context if it has not ended before.

        NotFound or Conflict when the container does not run, Invalid when the program can't be started.
        """

    async def end_terminals(self) -> None:
        """End every program on a terminal that an earlier process of ours left."""

    async def read_memory_bytes(self, container_id: str) -> int | None:
        """What the container uses now, by the sandbox's own count; None when it does not run."""

    async def read_usage(self, container_id: str) -> ContainerUsage | None:
        """What the container has used and uses, as its runtime counts it; None when it does not run."""

    def watch(self) -> AsyncIterator[str | None]:
        """Ids of containers whose process started or ended; None: events may have been missed, look at all.

        Reconnects by itself for as long as it is iterated.
        """


class Images(Protocol):
    """The image store."""

    async def ensure_image(
        self, reference: str, *, credentials: Credentials | None, progress: Progress
    ) -> ImageConfig:
        """What the name means now, pulled if it is not here; Invalid says why it cannot be.

        What was imported under the name, or is pinned by digest and here, is taken without asking anybody.
        """

    def suspend(self) -> None:
        """This process ends: pulls broken off from now on leave what they have for the next one."""

    async def read_image(self, reference: str) -> ImageConfig:
        """By any spelling Docker takes; NotFound when it is not here, Invalid when it is corrupt."""

    async def read_images(self) -> list[ImageConfig]:
        """All of this instance."""

    async def read_cache(self) -> list[CachedImage]:
        """The pulled images, as what they cost."""

    async def import_archive(self, path: Path, *, progress: Progress, name: str | None = None) -> list[str]:
        """Take in a docker-archive or OCI archive; the references it named, or `name`. Invalid if corrupt."""

    async def remove_image(self, reference: str) -> None:
        """NotFound when it is not here. Layers still used by a task stay until that is gone."""

    async def ensure_lower(self, reference: str, key: str) -> tuple[str, ...]:
        """Unpack if needed, pin a view named `key`: the lower directories, uppermost first."""

    async def remove_lower(self, key: str) -> None:
        """Let the view go. Repeatable."""

    async def read_lower_keys(self) -> set[str]:
        """Keys of all views."""


class Network(Protocol):
    """Namespaces per VPC and per task, links, addresses, packet rules."""

    def know(self, states: Mapping[str, VpcState]) -> None:
        """From now on these are the VPCs, by id; nothing is done about it yet."""

    async def ensure_vpc(self, vpc_id: str) -> bool:
        """The VPC's packets meet what its parts say, and nothing of it is damaged; False: not used here."""

    async def ensure_eni(self, eni: Eni, *, task_id: str) -> str:
        """The task's namespace with its addressed interface, joined to its VPC; the namespace's path.

        Unavailable until the interface is known as a part of its VPC.
        """

    async def remove_eni(self, task_id: str) -> None:
        """Namespace, link and rules of the task; the VPC namespace after its last one. Repeatable."""

    async def remove_unused(self) -> None:
        """What no interface needs of any VPC; after the last one, what the host has of them. Repeatable."""

    async def is_taken_over(self, task_id: str) -> bool:
        """Whether a sandbox has taken the interface's address over: nobody has that of a link that is new."""

    def take_renewed(self) -> set[str]:
        """Tasks whose link was lost and made again since this was asked last."""

    async def read_flows(self, vpc_id: str) -> CountedFlows:
        """What the VPC's router has counted; nothing where the VPC is not here or nobody counts."""

    async def read_traffic(self, vpc_id: str, task_id: str) -> Traffic | None:
        """What the task's interface has carried; None when it is not here."""

    async def read_enis(self) -> set[str]:
        """Task ids that have anything on this host's network."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a task's, by HTTP."""

    address: str  # it came from
    method: str
    target: str  # path and query
    body: bytes = b""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the task is told."""

    status: int
    body: bytes
    content_type: str = "application/json"

    def __repr__(self) -> str:
        return f"Answered({self.status})"  # the body may hold credentials


class Endpoints(Protocol):
    """Where tasks ask about themselves: 169.254.170.2 inside each VPC."""

    async def ensure_endpoint(self, vpc_id: str, answer: Callable[[Asked], Awaitable[Answered]]) -> None:
        """Tasks of the VPC are answered; NotFound when the VPC has no namespace here."""

    async def remove_endpoint(self, vpc_id: str) -> None:
        """Nobody answers in the VPC any more. Repeatable."""


class Resolvers(Protocol):
    """Whoever resolves names for the tasks of a VPC: one a VPC, inside its namespace."""

    async def ensure_resolver(self, names: VpcNames) -> None:
        """It runs and knows these names; NotFound when the VPC has no namespace here."""

    async def remove_resolver(self, vpc_id: str) -> None:
        """Repeatable."""

    async def read_resolvers(self) -> set[str]:
        """VPCs that have anything of a resolver on this host."""


class ApiProxies(Protocol):
    """Whoever passes connections of a VPC's tasks on to the API: at one address of each, at VPC endpoints."""

    async def ensure_api_proxy(self, vpc_id: str) -> None:
        """It listens; NotFound when the VPC has no namespace here."""

    async def remove_api_proxy(self, vpc_id: str) -> None:
        """Repeatable."""

    async def read_api_proxies(self) -> set[str]:
        """VPCs that have anything of it at that address on this host."""

    async def ensure_endpoint(self, interface: Interface) -> None:
        """It listens at this interface of a VPC endpoint; Unavailable until that is known as its VPC's."""

    async def remove_endpoint(self, vpc_id: str, eni_id: str) -> None:
        """Repeatable."""

    async def read_endpoints(self) -> dict[str, str]:
        """Interfaces of VPC endpoints that have anything on this host, and their VPCs; empty: not known."""


class Publications(Protocol):
    """Ports of this host that stand for a task's."""

    async def ensure_publications(self) -> None:
        """They are what was written down for this host; Invalid when that cannot be read."""

    async def remove_publications(self) -> None:
        """None of them any more. Repeatable."""


class Disks(Protocol):
    """One filesystem a task, and what is mounted from it."""

    async def ensure_disk(self, task_id: str, *, size_gib: int) -> Path:
        """A sparse filesystem of exactly that size, mounted; its path."""

    async def ensure_rootfs(self, task_id: str, container: str, lower: Sequence[str]) -> Path:
        """An overlay over `lower` with upper and work on the task's disk, mounted; its path."""

    async def ensure_efs(self, task_id: str, volume: str, efs: EfsVolume) -> Path:
        """What stands for the file system on this host, mounted; its path. Invalid, in AWS's words."""

    def rootfs_path(self, task_id: str, container: str) -> Path:
        """Where `ensure_rootfs` mounts it, whether or not it is there."""

    async def read_use(self, task_id: str) -> DiskUse | None:
        """What the task's disk holds and has done; None when it is not here."""

    async def remove_disk(self, task_id: str) -> None:
        """Unmount and delete all of it. Repeatable."""

    async def read_disks(self) -> set[str]:
        """Task ids that have anything of a disk on this host."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The size of a task."""

    cpu_units: int
    memory_mib: int
    pids: int = 32768


class TaskCpu(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time counted since the task's group was made."""

    periods: int  # of the quota, in which anything ran
    held_back: int  # of these, ended early because the quota was used up
    used_us: int
    containers: Mapping[str, int] = {}  # microseconds by name, of those whose processes were sorted
    caps: Mapping[str, int] = {}  # microseconds of a period by name, of those that are capped


class Cgroups(Protocol):
    """One control group a task."""

    async def ensure_cgroup(self, task_id: str, limits: Limits) -> str:
        """Memory and pids limited, CPU still wide (a quota throttles the boot); the path for the OCI spec."""

    async def ensure_cpu_quota(self, task_id: str, limits: Limits) -> None:
        """Narrow the CPU to the task's size, once its containers have started."""

    async def remove_cgroup(self, task_id: str) -> None:
        """Repeatable; whatever still runs in it is killed first."""

    async def read_cgroups(self) -> set[str]:
        """Task ids that have a cgroup on this host."""

    async def read_cpu(self, task_id: str) -> TaskCpu | None:
        """What the task and its containers have used; None when it has no group."""

    async def sort_processes(self, task_id: str, roots: Mapping[str, tuple[Path, int]]) -> None:
        """Let what each container runs be weighed and counted by itself; root and CPU units by its name."""

    async def cap_containers(self, task_id: str, caps: Mapping[str, int | None]) -> None:
        """Let each use so many microseconds of a period of the quota; None: as many as the task.

        Preconditions: their processes were sorted.
        """

    async def read_held_bytes(self, floors: Mapping[str, int]) -> dict[str, int]:
        """By task: what it holds at most; the page cache is left out where that is above its floor.

        Cheap, for many at once and often. A task that has no group is left out.
        """

    async def read_oom_kills(self, task_id: str) -> int:
        """How often the kernel killed something in it for memory, containers' own groups left out."""

    async def read_oom_victims(self, task_id: str) -> frozenset[str]:
        """Ids of containers that have a group each in which the kernel killed something for memory."""
