"""What the runtime's suite needs besides the runtime: a task's sandbox and containers, quick to make."""

import asyncio
import itertools
import os
import platform
import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from bastide.host.command import run
from bastide.host.pause import PAUSE_PATH, ensure_pause_root
from bastide.host.ports import ContainerState, ImageConfig, NewContainer, Process, Runtime, Stdio
from bastide.model.assignment import Assignment, Container, Eni
from bastide.model.status import DesiredStatus, RuntimeClass, TaskStatus
from bastide.plan.oci.prepared import Prepared, Root
from bastide.plan.oci.spec import render_container_spec, render_pause_spec, sandbox_id

APPLETS = (
    "sh",
    "sleep",
    "cat",
    "echo",
    "true",
    "false",
    "kill",
    "nc",
    "wget",
    "httpd",
    "id",
    "nproc",
    "dd",
    "grep",
    "cut",
    "tail",
    "ls",
    "readlink",
    "mknod",
    "mount",
    "unshare",
    "dmesg",
    "hostname",
    "stty",
    "yes",
    "head",
    "tr",
    "env",
)
FAKE = "fake"
GVISOR = pytest.param("containerd", marks=pytest.mark.real, id="gvisor")
RUNC = pytest.param("debian_containerd", marks=pytest.mark.real, id="runc")
BUSYBOX = Path("/usr/bin/busybox")
INIT = Path("/usr/bin/tini-static")
ENI = Eni(
    id="eni-0",
    mac="02:00:00:00:00:01",
    private_ip="172.31.0.5",
    subnet_id="subnet-0",
    subnet_cidr="172.31.0.0/20",
    vpc_id="vpc-0",
    vpc_cidr="172.31.0.0/16",
    hostname="ip-172-31-0-5.us-east-1.compute.internal",
)


class Bench:
    """One task: its sandbox is made when first needed, its containers on demand."""

    def __init__(
        self,
        runtime: Runtime,
        folder: Path,
        *,
        instance: str,
        has_kernel: bool,
        kind: RuntimeClass = RuntimeClass.GVISOR,
    ) -> None:
        self.runtime = runtime
        self.has_kernel = has_kernel
        self.kind = kind
        self._sandbox_pid = 0
        self.task_id = uuid4().hex
        self.sandbox = sandbox_id(self.task_id)
        self.netns = f"{instance}-{self.task_id[:6]}"
        self.cgroup = f"/{instance}-{self.task_id[:6]}"
        self.folder = folder
        self.last_id = ""
        self.pid_mode: str | None = None
        self._numbers = itertools.count(1)
        self._has_sandbox = False
        self._readers: dict[str, int] = {}

    @property
    def is_first_immune(self) -> bool:
        """Whether a first process is spared the signals it does not catch, as Linux spares pid 1."""
        return self.kind.shares_kernel

    async def ensure_sandbox(self) -> str:
        """The running pause container's id."""
        if not self._has_sandbox:
            await self.create_sandbox()
            await self.runtime.ensure_started(self.sandbox)
            state = await self.runtime.read_container(self.sandbox)
            self._sandbox_pid = state.pid if state else 0
        return self.sandbox

    async def create_sandbox(self) -> None:
        """The pause container, not started."""
        self._has_sandbox = True
        if self.has_kernel:
            await run("ip", "netns", "add", self.netns)
            await run("ip", "-n", self.netns, "link", "set", "lo", "up")
        spec = render_pause_spec(self.assignment(), self.prepared(), program=PAUSE_PATH)
        root = ensure_pause_root(self.folder / "pause")
        await self.runtime.ensure_container(
            NewContainer(id=self.sandbox, labels={"part": "pause"}, spec=spec, rootfs=root)
        )

    def assignment(self, *containers: Container) -> Assignment:
        """The task, as a server would send it."""
        return Assignment(
            task_arn=f"arn:aws:ecs:us-east-1:000000000000:task/default/{self.task_id}",
            task_id=self.task_id,
            version=1,
            desired_status=DesiredStatus.RUNNING,
            last_status=TaskStatus.PENDING,
            cpu_units=256,
            memory_mib=512,
            storage_gib=20,
            eni=ENI,
            containers=containers,
            pid_mode=self.pid_mode,
        )

    def prepared(self) -> Prepared:
        """What the rest of the host would have made."""
        init = str(INIT) if INIT.exists() else ""
        return Prepared(
            runtime=self.kind,
            machine=platform.machine(),
            netns=f"/run/netns/{self.netns}",
            cgroup=self.cgroup,
            sandbox_pid=self._sandbox_pid,
            nofile_soft=1024,
            nofile_hard=4096,
            init_program=init,
        )

    def container(self, *command: str, user: str | None = None, init: bool = False) -> NewContainer:
        """One that runs `command` on a root with busybox; its output goes to files beside it."""
        runtime_id = self.last_id = f"{self.task_id}-{next(self._numbers):010d}"
        container = Container(
            name="app",
            runtime_id=runtime_id,
            arn="",
            image="none",
            command=command,
            user=user,
            init_process=init,
        )
        root = self.folder / runtime_id
        for name in ("bin", "proc", "sys", "dev", "etc", "tmp"):
            (root / name).mkdir(parents=True)
        if self.has_kernel:
            shutil.copy(BUSYBOX, root / "bin" / "busybox")
            for applet in APPLETS:
                (root / "bin" / applet).symlink_to("busybox")
        image = ImageConfig(reference="none", digest="sha256:0")
        spec = render_container_spec(self.assignment(container), container, image, Root(), self.prepared())
        fifo = self.folder / f"{runtime_id}.stdout"
        os.mkfifo(fifo)
        self._readers[runtime_id] = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        return NewContainer(
            id=runtime_id,
            labels={"part": "app"},
            spec=spec,
            rootfs=root,
            stdio=Stdio(stdout=str(fifo), stderr=str(fifo)),
        )

    async def run(self, *command: str, user: str | None = None, init: bool = False) -> NewContainer:
        """A started container beside the sandbox."""
        await self.ensure_sandbox()
        container = self.container(*command, user=user, init=init)
        await self.runtime.ensure_container(container)
        await self.runtime.ensure_started(container.id)
        return container

    async def wait_ended(self, container_id: str, *, timeout_s: float = 20.0) -> ContainerState:
        """The container once its process has ended."""
        async with asyncio.timeout(timeout_s):
            while True:
                state = await self.runtime.read_container(container_id)
                if state is not None and state.process is Process.STOPPED:
                    return state
                await asyncio.sleep(0.05)

    def output(self, container_id: str) -> str:
        """What the container has written that was not read yet; a pipe's worth at most."""
        try:
            return os.read(self._readers[container_id], 65536).decode()
        except BlockingIOError:
            return ""

    async def wait_output(self, container_id: str, text: str, *, timeout_s: float = 20.0) -> str:
        """Everything up to and with `text`; a fake writes nothing, so there is nothing to wait for."""
        seen = ""
        async with asyncio.timeout(timeout_s):
            while self.has_kernel and text not in seen:
                seen += self.output(container_id)
                await asyncio.sleep(0.02)
        return seen

    async def remove_task(self) -> None:
        """Everything of this task that is the runtime's, and its network namespace."""
        for container_id in await self.runtime.read_containers():
            if container_id.startswith(self.task_id) and container_id != self.sandbox:
                await self.runtime.remove_container(container_id)
        await self.runtime.remove_container(self.sandbox)
        if self._has_sandbox and self.has_kernel:
            await run("ip", "netns", "del", self.netns)
        self._has_sandbox = False

    async def remove(self) -> None:
        """All there is of it."""
        for descriptor in self._readers.values():
            os.close(descriptor)
        await self.remove_task()
