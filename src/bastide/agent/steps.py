"""Carries out the steps of a task's plan through the host's ports.

Every step is repeatable. What a step found out is kept for the next one (`Ready`) and found out again by
an agent that was restarted between the two. A fault that will never mend becomes `StepFailed` with ECS's
name for it; Unavailable passes through and means that the step is tried again.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bastide.agent import removal
from bastide.agent.asking.calls import Calls
from bastide.agent.asking.secrets import with_secrets
from bastide.agent.folders import TaskFolders
from bastide.agent.health import Probes
from bastide.agent.output.logs import Logs
from bastide.agent.output.router import SOCKET_FLAGS, own_socket_folder
from bastide.agent.preparation import Host, Preparation, Ready, blame
from bastide.agent.stdin import opened_stdin, stdin_of, wants_stdin
from bastide.config import Settings
from bastide.host.pause import PAUSE_PATH, ensure_pause_root
from bastide.host.ports import ContainerState, NewContainer, Stdio
from bastide.host.rootfs import ensure_file_in_root, ensure_folder_in_root, read_in_root
from bastide.model.assignment import Assignment, Container
from bastide.model.container.runs import run_id
from bastide.model.faults import Fault
from bastide.model.status import ErrorName
from bastide.model.task_state import TaskState
from bastide.plan.command import parse_signal
from bastide.plan.lifecycle import (
    AskToStop,
    CreateContainer,
    Kill,
    LimitCpu,
    Prepare,
    Probe,
    RemoveContainer,
    StartContainer,
    StartSandbox,
    Step,
    TearDown,
)
from bastide.plan.oci.prepared import Root
from bastide.plan.oci.spec import render_container_spec, render_pause_spec, sandbox_id

log = logging.getLogger(__name__)

LAST_LINES_TIMEOUT_S = 2.0  # how long the end of a task waits for its last lines to be stored
SANDBOX_END_S = 0.1  # between a container's end and that of the sandbox that took it along
LABEL = "bastide/"
KERNEL_MOUNTS = ("/proc", "/dev", "/sys")  # what is mounted below them finds its place there


class Steps:
    """The hands of `agent/tasks`; steps of different tasks may run at once, those of one task never."""

    def __init__(
        self, host: Host, folders: TaskFolders, logs: Logs, calls: Calls, settings: Settings
    ) -> None:
        self._host = host
        self._folders = folders
        self._logs = logs
        self._preparation = Preparation(host, folders, logs, calls, settings)
        self.images = self._preparation.images
        self.services = self._preparation.services
        self.endpoint = self._preparation.endpoint
        self.trust = self._preparation.trust
        self._pause_root = ensure_pause_root(settings.agent_folder / "pause")
        self._ready: dict[str, Ready] = {}
        self._shares_kernel = settings.runtime.shares_kernel
        self.probes = Probes(host.runtime)
        self.on_leave: Callable[[str], Awaitable[None]] | None = None  # before a task's interface goes

    async def run(self, step: Step, spec: Assignment, state: TaskState) -> TaskState:
        """Do it; the memory with what came of it. Raises StepFailed or Unavailable."""
        match step:
            case Prepare():
                return await self._prepare(spec, state)
            case StartSandbox():
                with blame(ErrorName.CANNOT_CREATE):
                    await self._start_sandbox(spec, state)
            case RemoveContainer(name):
                with blame(ErrorName.CANNOT_CREATE, name):
                    await self._host.runtime.remove_container(_id(spec, state, name, runs_ago=1))
                self._logs.end_line(spec.task_id, name)
            case CreateContainer(name):
                with blame(ErrorName.CANNOT_CREATE, name):
                    await self._create_container(spec, _named(spec, name), state)
            case StartContainer(name):
                with blame(ErrorName.CANNOT_START, name):
                    await self._host.runtime.ensure_started(_id(spec, state, name))
            case Probe(name):
                self.probes.begin(spec, _named(spec, name), state.container(name).restarts)
            case LimitCpu():
                with blame(ErrorName.RESOURCE_INITIALIZATION):
                    limits = self._preparation.limits_of(spec)
                    await self._host.cgroups.ensure_cpu_quota(spec.task_id, limits)
                return replace(state, has_cpu_quota=True)
            case AskToStop(name):
                if _named(spec, name).router is not None:
                    timeout_s = LAST_LINES_TIMEOUT_S
                    await self._logs.routes.wait_sent(spec.task_id, router=name, timeout_s=timeout_s)
                number = state.container(name).stop_signal
                await self._host.runtime.send_signal(_id(spec, state, name), number)
            case Kill(name):
                await self._host.runtime.send_signal(_id(spec, state, name), signal.SIGKILL)
            case TearDown():
                await self.tear_down(spec.task_id)
        return state

    async def read_containers(self, spec: Assignment, state: TaskState) -> Sequence[ContainerState | None]:
        """The sandbox, then the last wanted run of each container in the assignment's order."""
        ids = [sandbox_id(spec.task_id), *(_id(spec, state, c.name) for c in spec.containers)]
        return await asyncio.gather(*(self._host.runtime.read_container(i) for i in ids))

    async def read_sandbox(self, spec: Assignment) -> ContainerState | None:
        """The task's sandbox; one that is just ending is given the moment it takes to be seen so."""
        await asyncio.sleep(SANDBOX_END_S)
        return await self._host.runtime.read_container(sandbox_id(spec.task_id))

    async def has_network(self, spec: Assignment) -> bool:
        """Whether the task's sandbox still has the interface it took over; a shared kernel takes up any."""
        return self._shares_kernel or await self._host.network.is_taken_over(spec.task_id)

    async def read_oom_kills(self, spec: Assignment) -> int:
        """How often the kernel killed something of the task for memory."""
        return await self._host.cgroups.read_oom_kills(spec.task_id)

    async def read_oom_victims(self, spec: Assignment, state: TaskState) -> frozenset[str]:
        """Names of containers that the kernel killed something of for memory, where it knows them apart."""
        victims = await self._host.cgroups.read_oom_victims(spec.task_id)
        return frozenset(each.name for each in spec.containers if _id(spec, state, each.name) in victims)

    async def read_task_ids(self) -> set[str]:
        """Every task that has anything on this host."""
        return await removal.read_task_ids(self._host)

    async def remove_unused(self) -> None:
        """What this host holds for no task at all."""
        await self._host.network.remove_unused()

    def interrupt(self, task_id: str) -> None:
        """The task is to stop: what would keep it waiting for long is broken off."""
        self._preparation.interrupt(task_id)

    def adopt_output(self, spec: Assignment, state: TaskState) -> None:
        """Take up the pipes of containers that an earlier agent created."""
        folder = self._io_folder(spec)
        for container in spec.containers:
            if folder.exists():
                self._logs.open(spec, container, folder)

    async def tear_down(self, task_id: str, *, is_forced: bool = False) -> None:
        """Remove everything the task has on this host, by its names alone. Repeatable.

        Raises a fault when a part of the host does not do it; forced, containerd is done without: the control
        group takes the processes, and what containerd remembers goes with the next sweep.
        """
        host = self._host
        self.probes.cancel(task_id)
        try:
            await removal.remove_containers(host, task_id)
        except Fault as fault:
            if not is_forced:
                raise
            log.warning("torn down without containerd", extra={"task": task_id, "why": str(fault)})
        self._logs.finish(task_id)
        sending = asyncio.create_task(self._logs.wait_sent(task_id, timeout_s=LAST_LINES_TIMEOUT_S))
        if self.on_leave is not None:
            with contextlib.suppress(Fault):
                await self.on_leave(task_id)
        await self.services.leave(task_id)
        await removal.remove_surroundings(host, task_id)
        with contextlib.suppress(*((Fault,) if is_forced else ())):
            await removal.remove_views(host, task_id)
        await sending
        self._ready.pop(task_id, None)
        self.endpoint.forget(task_id)
        self._preparation.forget(task_id)

    async def _prepare(self, spec: Assignment, state: TaskState) -> TaskState:
        images = await self._preparation.ensure_images(spec, state)
        state = replace(state, pull_stopped_at=state.pull_stopped_at or datetime.now(UTC))
        for container in spec.containers:
            image = images[container.name]
            with blame(ErrorName.CANNOT_CREATE, container.name):
                number = parse_signal(image.stop_signal) if image.stop_signal else int(signal.SIGTERM)
            memory = replace(state.container(container.name), image_digest=image.digest, stop_signal=number)
            state = state.with_container(container.name, memory)
        self._ready[spec.task_id] = await self._preparation.make_ready(spec, images)
        with blame(ErrorName.RESOURCE_INITIALIZATION):
            await self.endpoint.credentials.prepare(spec)
        return state

    async def _start_sandbox(self, spec: Assignment, state: TaskState) -> None:
        ready = await self._get_ready(spec, state)
        identity = sandbox_id(spec.task_id)
        stdin = stdin_of(spec, self._io_folder(spec))
        pause = NewContainer(
            id=identity,
            labels=_labels(spec, "pause"),
            spec=render_pause_spec(spec, ready.prepared, program=PAUSE_PATH),
            rootfs=self._pause_root,
            stdio=Stdio(stdout=str(stdin or ""), stderr=str(stdin or "")),  # the shim takes both or neither
        )
        with opened_stdin(stdin):
            await self._host.runtime.ensure_container(pause)
        await self._host.runtime.ensure_started(identity)

    async def _create_container(self, spec: Assignment, container: Container, state: TaskState) -> None:
        ready = await self._get_ready(spec, state)
        container = with_secrets(container, ready.environments)
        rootfs = ready.roots[container.name]
        root = Root(
            passwd=read_in_root(rootfs, "/etc/passwd"),
            group=read_in_root(rootfs, "/etc/group"),
            api=ready.api_files.get(container.name),
            tmp=_ensure_tmp(ready.disk, rootfs, container.name),
            image_volumes=ready.image_volumes[container.name],
        )
        sandbox = await self._host.runtime.read_container(sandbox_id(spec.task_id))
        # Asked each time and never kept: after a crash of everything it may be another one.
        pid = sandbox.pid if sandbox else 0
        prepared = replace(ready.prepared, sandbox_pid=pid, credentials_id=state.credentials_id)
        run = replace(container, runtime_id=_id(spec, state, container.name))
        oci_spec = render_container_spec(spec, run, ready.images[container.name], root, prepared)
        _ensure_mount_points(rootfs, oci_spec)
        if container.router is not None:
            own_socket_folder(Path(prepared.router_socket), oci_spec["process"]["user"])
        stdio = self._logs.open(spec, container, self._io_folder(spec))
        stdin = stdin_of(spec, self._io_folder(spec)) if wants_stdin(container) else None
        new = NewContainer(
            id=run.runtime_id,
            labels=_labels(spec, container.name),
            spec=oci_spec,
            rootfs=rootfs,
            stdio=replace(stdio, stdin=str(stdin or "")),
            runtime_flags={} if container.router is None else SOCKET_FLAGS,
        )
        with opened_stdin(stdin):
            await self._host.runtime.ensure_container(new)

    def _io_folder(self, spec: Assignment) -> Path:
        """The pipes of the task's containers and what waits of their output."""
        return self._folders.path(spec.task_id) / "io"

    async def _get_ready(self, spec: Assignment, state: TaskState) -> Ready:
        if spec.task_id not in self._ready:
            self._ready[spec.task_id] = await self._preparation.make_ready(
                spec, await self._preparation.ensure_images(spec, state)
            )
            if state.has_cpu_quota:  # an agent that came back: preparing leaves the CPU wide
                limits = self._preparation.limits_of(spec)
                await self._host.cgroups.ensure_cpu_quota(spec.task_id, limits)
        return self._ready[spec.task_id]


def _ensure_mount_points(rootfs: Path, oci_spec: dict[str, Any]) -> None:
    """What the image lacks of them: a root that is read-only inside cannot be given any later."""
    ensure_folder_in_root(rootfs, oci_spec["process"]["cwd"])
    for mount in oci_spec["mounts"]:
        if mount["type"] == "bind" and not Path(mount["source"]).is_dir():
            ensure_file_in_root(rootfs, mount["destination"])
        elif mount["type"] == "bind" or mount["destination"] in KERNEL_MOUNTS:
            ensure_folder_in_root(rootfs, mount["destination"])


def _ensure_tmp(disk: Path, rootfs: Path, name: str) -> str:
    """A folder on the task's disk for an empty /tmp; empty text when the image's own has content."""
    inside = rootfs / "tmp"
    if inside.is_symlink() or not inside.is_dir() or any(inside.iterdir()):
        return ""
    folder = disk / "tmp" / name
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o1777)
    return str(folder)


def _labels(spec: Assignment, name: str) -> dict[str, str]:
    return {f"{LABEL}task": spec.task_arn, f"{LABEL}container": name}


def _named(spec: Assignment, name: str) -> Container:
    return next(container for container in spec.containers if container.name == name)


def _id(spec: Assignment, state: TaskState, name: str, *, runs_ago: int = 0) -> str:
    """What containerd calls the run of a container that is wanted now, or an earlier one."""
    return run_id(_named(spec, name).runtime_id, max(0, state.container(name).restarts - runs_ago))
