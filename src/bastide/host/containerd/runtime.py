"""Containers and their processes: the Runtime of host/ports.py, by containerd and a shim.

Owns containerd's container records and tasks of one namespace. The caller mounted the root filesystem and
wrote the OCI spec. Every call is repeatable; calls about different containers may run at once, calls about
one container are the caller's to put in order.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp

from bastide.host.containerd.channel import Channel
from bastide.host.containerd.events import watch_tasks
from bastide.host.containerd.execs.checks import Checks
from bastide.host.containerd.execs.terminals import Terminals
from bastide.host.containerd.shims import Shim
from bastide.host.containerd_api.services import containers_pb2 as containers
from bastide.host.containerd_api.services import tasks_pb2 as tasks
from bastide.host.containerd_api.services.containers_pb2_grpc import ContainersStub
from bastide.host.containerd_api.services.tasks_pb2_grpc import TasksStub
from bastide.host.containerd_api.types import cgroups_v1_pb2 as metrics_v1
from bastide.host.containerd_api.types import cgroups_v2_pb2 as metrics_v2
from bastide.host.containerd_api.types import process_pb2
from bastide.host.containerd_api.types.common_pb2 import Mount
from bastide.host.ports import ContainerState, ExecResult, NewContainer, Process, ShapeProcess, Terminal
from bastide.model.faults import AlreadyExists, Conflict, Fault, Invalid, NotFound, Unavailable
from bastide.model.usage import ContainerUsage

if TYPE_CHECKING:  # the stubs' asynchronous faces exist for the type checker alone
    from bastide.host.containerd_api.services.containers_pb2_grpc import ContainersAsyncStub
    from bastide.host.containerd_api.services.tasks_pb2_grpc import TasksAsyncStub

SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
BOOT_TIMEOUT_S = 60.0  # a sandbox boots in 0.2 s; twenty at once on two loaded cores need many seconds
KILL_TIMEOUT_S = 20.0
REAP_TIMEOUT_S = 2.0  # between "stopped" and the shim knowing the exit code
SHIM_SOCKETS = Path("/run/containerd/s")
SIGKILL = 9
NS_PER_US = 1000
# How the shims refuse to start what runs or has ended; asking gVisor's first would cost a process of runsc's.
STARTED_BEFORE = tuple(
    f"cannot start a {state} {what}" for state in ("running", "stopped") for what in ("container", "process")
)
# An unmended shim answers a shutdown it does not take, as others still live in it, with a nil message.
STILL_SHARED = "marshal called with nil"

_STATES = {
    process_pb2.CREATED: Process.CREATED,
    process_pb2.RUNNING: Process.RUNNING,
    process_pb2.PAUSED: Process.RUNNING,
    process_pb2.PAUSING: Process.RUNNING,
    process_pb2.STOPPED: Process.STOPPED,
}


class ContainerdRuntime:
    """The Runtime Protocol over one containerd."""

    def __init__(self, channel: Channel, shim: Shim) -> None:
        self._channel = channel
        self._shim = shim
        self._checks = Checks(channel, folder=shim.run_folder / "execs")
        self._terminals = Terminals(channel, folder=shim.run_folder / "terminals")
        self._containers: ContainersAsyncStub = ContainersStub(channel.grpc)
        self._tasks: TasksAsyncStub = TasksStub(channel.grpc)

    async def ensure_container(self, container: NewContainer) -> None:
        """Create container and process (not started). A sandbox's other containers come after it."""
        about = ("container", container.id)
        with suppress(AlreadyExists):
            record = containers.CreateContainerRequest(container=self._record(container))
            await self._channel.call(self._containers.Create, record, about=about)
        stdio = container.stdio
        readonly = bool(container.spec.get("root", {}).get("readonly"))
        request = tasks.CreateTaskRequest(
            container_id=container.id,
            rootfs=[
                Mount(
                    type="bind", source=str(container.rootfs), options=["rbind", "ro" if readonly else "rw"]
                )
            ],
            stdin=stdio.stdin,
            stdout=stdio.stdout,
            stderr=stdio.stderr,
            terminal=stdio.terminal,
        )
        with suppress(AlreadyExists):
            await self._channel.call(self._tasks.Create, request, about=about, timeout_s=BOOT_TIMEOUT_S)

    async def ensure_started(self, container_id: str) -> None:
        """Start the process; nothing when it runs or has ended. Invalid when it can't be started."""
        request = tasks.StartRequest(container_id=container_id)
        about = ("container", container_id)
        try:
            await self._channel.call(self._tasks.Start, request, about=about, timeout_s=BOOT_TIMEOUT_S)
        except Invalid as fault:
            if not any(words in fault.why for words in STARTED_BEFORE):
                raise

    async def read_containers(self) -> dict[str, ContainerState]:
        """All of this instance, by id. The shim asks runsc about each that runs: not for a tight loop."""
        about = ("container", "")
        listed, running = await asyncio.gather(
            self._channel.call(self._containers.List, containers.ListContainersRequest(), about=about),
            self._channel.call(
                self._tasks.List, tasks.ListTasksRequest(), about=about, timeout_s=BOOT_TIMEOUT_S
            ),
        )
        processes = {process.id: process for process in running.tasks}
        states = [self._state(record, processes.get(record.id)) for record in listed.containers]
        return {state.id: state for state in await asyncio.gather(*states)}

    async def read_container(self, container_id: str) -> ContainerState | None:
        """One of them."""
        about = ("container", container_id)
        try:
            found = await self._channel.call(
                self._containers.Get, containers.GetContainerRequest(id=container_id), about=about
            )
        except NotFound:
            return None
        try:
            task = await self._channel.call(
                self._tasks.Get, tasks.GetRequest(container_id=container_id), about=about
            )
        except NotFound:
            return await self._state(found.container, None)
        return await self._state(found.container, task.process)

    async def send_signal(self, container_id: str, signal: int, *, every_process: bool = False) -> None:
        """Signal the first process; nothing when there is none any more."""
        request = tasks.KillRequest(container_id=container_id, signal=signal, all=every_process)
        about = ("container", container_id)
        with suppress(NotFound, Conflict):
            await self._channel.call(self._tasks.Kill, request, about=about, timeout_s=KILL_TIMEOUT_S)

    async def remove_container(self, container_id: str) -> None:
        """Kill what runs, delete process and container. Repeatable."""
        about = ("container", container_id)
        state = await self.read_container(container_id)
        if state is None:
            return
        if state.process is Process.RUNNING:
            await self.send_signal(container_id, SIGKILL, every_process=True)
            await self._wait_ended(container_id, timeout_s=KILL_TIMEOUT_S)
        elif state.process is Process.CREATED:
            await self._end_created(container_id)
        request = tasks.DeleteTaskRequest(container_id=container_id)
        try:
            await self._channel.call(self._tasks.Delete, request, about=about, timeout_s=KILL_TIMEOUT_S)
        except NotFound:
            pass
        except Fault as fault:
            if STILL_SHARED not in fault.why:
                raise
        with suppress(NotFound):
            record = containers.DeleteContainerRequest(id=container_id)
            await self._channel.call(self._containers.Delete, record, about=about)
        self._checks.forget(container_id)
        self._shim_socket(container_id).unlink(missing_ok=True)  # a shim that was killed leaves it

    def _shim_socket(self, sandbox_id: str) -> Path:
        """Where containerd's shim library listens for a sandbox, whatever containerd's own folders are."""
        name = f"{self._channel.socket}/{self._channel.namespace}/{sandbox_id}"
        return SHIM_SOCKETS / hashlib.sha256(name.encode()).hexdigest()

    async def exec(
        self, container_id: str, exec_id: str, arguments: Sequence[str], *, timeout_s: float, output_max: int
    ) -> ExecResult:
        """Run a program in the container as its own process is run; see the port."""
        return await self._checks.run(
            container_id, exec_id, arguments, timeout_s=timeout_s, output_max=output_max
        )

    def terminal(
        self, container_id: str, exec_id: str, shape: ShapeProcess
    ) -> AbstractAsyncContextManager[Terminal]:
        """A program on a terminal in the container; see the port."""
        return self._terminals.open(container_id, exec_id, shape)

    async def end_terminals(self) -> None:
        """End what an earlier agent left."""
        await self._terminals.end_all()

    async def read_memory_bytes(self, container_id: str) -> int | None:
        """What the container uses now, by the sandbox's own count; None when it does not run."""
        used = await self._shim.read_memory_bytes(container_id, namespace=self._channel.namespace)
        if used is not None:
            return used
        usage = await self.read_usage(container_id)
        return None if usage is None else usage.memory_bytes

    async def read_usage(self, container_id: str) -> ContainerUsage | None:
        """What the container has used and uses, as its runtime counts it; None when it does not run."""
        request = tasks.MetricsRequest(filters=[f"id=={container_id}"])
        answer = await self._channel.call(self._tasks.Metrics, request, about=("container", container_id))
        for metric in answer.metrics:
            if metric.id == container_id:
                return _usage(metric.data)
        return None

    def watch(self) -> AsyncIterator[str | None]:
        """Ids of containers whose process started or ended; None: look at all of them."""
        return watch_tasks(self._channel)

    async def _end_created(self, container_id: str) -> None:
        """Bring a container that was never started to where the shim can delete it."""
        if await self._shim.unhinge(container_id, namespace=self._channel.namespace):
            request = tasks.StartRequest(container_id=container_id)
            with suppress(Invalid, NotFound):
                about = ("container", container_id)
                await self._channel.call(self._tasks.Start, request, about=about, timeout_s=KILL_TIMEOUT_S)

    def _record(self, container: NewContainer) -> containers.Container:
        return containers.Container(
            id=container.id,
            labels=dict(container.labels),
            runtime=containers.Container.Runtime(
                name=self._shim.runtime_name, options=self._shim.make_options(container.runtime_flags)
            ),
            spec=AnyMessage(type_url=SPEC_TYPE, value=json.dumps(container.spec).encode()),
        )

    async def _state(
        self, record: containers.Container, process: process_pb2.Process | None
    ) -> ContainerState:
        known = None if process is None else _STATES.get(process.status)
        labels = dict(record.labels)
        if process is None or known is None:
            return ContainerState(id=record.id, labels=labels, process=None)
        if known is not Process.STOPPED:
            return ContainerState(id=record.id, labels=labels, process=known, pid=process.pid)
        exit_code: int | None = process.exit_status
        exited_at = _moment(process.exited_at)
        if exited_at is None:
            # runsc calls it stopped a moment before the shim has reaped it and knows the exit code.
            exit_code, exited_at = await self._wait_ended(record.id, timeout_s=REAP_TIMEOUT_S)
        return ContainerState(
            id=record.id,
            labels=labels,
            process=known,
            pid=process.pid,
            exit_code=exit_code,
            exited_at=exited_at,
        )

    async def _wait_ended(self, container_id: str, *, timeout_s: float) -> tuple[int | None, datetime | None]:
        request = tasks.WaitRequest(container_id=container_id)
        about = ("container", container_id)
        try:
            answer = await self._channel.call(self._tasks.Wait, request, about=about, timeout_s=timeout_s)
        except (NotFound, Unavailable):
            return None, None
        return answer.exit_status, _moment(answer.exited_at)


def _moment(stamp: Timestamp) -> datetime | None:
    """An aware time, or None for Go's zero time, which means "not yet"."""
    return datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, UTC) if stamp.seconds > 0 else None


def _usage(data: AnyMessage) -> ContainerUsage:
    kind = data.type_url.rsplit("/", 1)[-1]
    if kind == metrics_v1.Metrics.DESCRIPTOR.full_name:
        v1 = metrics_v1.Metrics.FromString(data.value)
        return ContainerUsage(
            cpu_ns=v1.cpu.usage.total, memory_bytes=v1.memory.usage.usage, processes=v1.pids.current
        )
    if kind == metrics_v2.Metrics.DESCRIPTOR.full_name:
        v2 = metrics_v2.Metrics.FromString(data.value)
        return ContainerUsage(
            cpu_ns=v2.cpu.usage_usec * NS_PER_US, memory_bytes=v2.memory.usage, processes=v2.pids.current
        )
    raise Invalid("metric", kind, why=f"containerd answered with a metric of the unknown type {kind!r}")
