"""The agent's composition root: wires the host's real parts, the tasks, the logs and the session, and runs.

One agent an instance: a lock in its folder keeps a second one out. SIGTERM ends the agent and no task.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import pwd
import signal
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bastide import __version__
from bastide.agent.asking.calls import Calls, Request
from bastide.agent.exec import Execs
from bastide.agent.folders import TaskFolders
from bastide.agent.images import budget_bytes, prune
from bastide.agent.limits import ContainerLimits, KernelLimits, Limits
from bastide.agent.network.flow_logs import SOURCE as FLOWS
from bastide.agent.network.flow_logs import FlowLogs
from bastide.agent.network.publications import keep_published
from bastide.agent.network.vpcs import Vpcs
from bastide.agent.output.logs import Logs
from bastide.agent.preparation import Host
from bastide.agent.session import Session
from bastide.agent.steps import Steps
from bastide.agent.tasks import Tasks
from bastide.config import Settings
from bastide.files import replace_file
from bastide.host.ports import Runtime
from bastide.host.rlimits import raise_open_files
from bastide.model.arn import TASK_ID, last_of
from bastide.model.assignment import Report
from bastide.model.faults import AlreadyExists, Fault, Unavailable
from bastide.model.frames import (
    PROTOCOL,
    Assign,
    Downward,
    Hello,
    LogAck,
    LogBatch,
    Network,
    NetworkSync,
    RegistryAnswer,
    Release,
    Reported,
    SecretsAnswer,
    Sync,
    Welcome,
)
from bastide.model.messages.exec import (
    ExecBytes,
    ExecResize,
    ExecStart,
    ExecStop,
    ExecTaken,
    ExecUpward,
)
from bastide.model.messages.task_calls import ProtectionAnswer, RoleAnswer, TagsAnswer

log = logging.getLogger(__name__)

SWEEP_S = 600.0  # between two looks for what belongs to no task
SWEEP_RETRY_S = 5.0
PULLS_S = 2.0  # between two words to the server about how far pulls are
BUDGET_S = 60.0  # between two looks at what pulled images take of the disk
CPU_UNITS = 1024  # of one processor
MIB = 1024 * 1024


class Agent:
    """One host's agent, put together; `run` does not return until cancelled."""

    def __init__(self, settings: Settings, host: Host) -> None:
        folders = TaskFolders(settings.agent_folder / "tasks")
        self._runtime: Runtime = host.runtime
        self._calls = Calls(self._ask)
        self._images = host.images
        self._image_budget_bytes = budget_bytes(settings)
        self._logs = Logs(self._send, limit_bytes=settings.log_buffer_bytes)
        steps = Steps(host, folders, self._logs, self._calls, settings)
        self._task_images = steps.images
        self._publications = host.publications
        self._services = steps.services
        self._trust = steps.trust
        self._limits: Limits = (
            KernelLimits()
            if settings.runtime.shares_kernel
            else ContainerLimits(host.runtime, host.cgroups, host.disks)
        )
        self._tasks = Tasks(
            steps,
            folders,
            self._logs,
            limits=self._limits,
            boot_id=read_boot_id(),
            report=self._report,
        )
        self._execs = Execs(host.runtime, self._say, find_container=self._tasks.find_run)
        self._flow_logs = FlowLogs(host.network, self._tasks.arns, self._send)
        steps.on_leave = lambda task_id: self._flow_logs.leave(task_id, int(time.time()))
        self._vpcs = Vpcs(host.network, steps.services.know, self._flow_logs.know, wake=self._tasks.wake)
        self._session = Session(
            settings.session_socket,
            read_hello(settings),
            server_uids=_server_uids(settings),
            on_welcome=self._on_welcome,
            on_message=self._on_message,
        )

    async def run(self) -> None:
        """Adopt what is there, then work."""
        self._tasks.adopt()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._session.run())
            group.create_task(self._sweep())
            group.create_task(self._keep_budget())
            group.create_task(self._tell_pulls())
            group.create_task(self._tasks.run())
            group.create_task(self._vpcs.run())
            group.create_task(self._logs.run())
            group.create_task(self._execs.run())
            group.create_task(self._watch())
            group.create_task(self._limits.run(self._tasks.wake))
            group.create_task(self._services.run())
            group.create_task(self._flow_logs.run())
            group.create_task(keep_published(self._publications))

    async def _watch(self) -> None:
        async for container_id in self._runtime.watch():
            if container_id is None:
                self._tasks.wake_all()
            elif TASK_ID.fullmatch(container_id[:32]):
                self._tasks.wake(container_id[:32])

    async def _sweep(self) -> None:
        """Look at start, and from time to time, for what belongs to no task."""
        while True:
            try:
                await self._tasks.wake_leftovers()
                await asyncio.sleep(SWEEP_S)
            except Fault as fault:
                log.warning("cannot look for leftovers yet", extra={"why": str(fault)})
                await asyncio.sleep(SWEEP_RETRY_S)

    async def _tell_pulls(self) -> None:
        """Let the operator see how far pulls are."""
        while True:
            await asyncio.sleep(PULLS_S)
            for news in self._task_images.take_news():
                self._session.send(news)

    async def _keep_budget(self) -> None:
        """Hold the pulled images to their part of the disk."""
        while True:
            with contextlib.suppress(Unavailable):  # containerd is away: next time
                await prune(self._images, budget_bytes=self._image_budget_bytes, now=datetime.now(UTC))
            await asyncio.sleep(BUDGET_S)

    def _send(self, batch: LogBatch) -> bool:
        return self._session.send(batch)

    def _report(self, report: Report) -> None:
        self._session.send(Reported(report))

    def _ask(self, request: Request) -> bool:
        return self._session.send(request)

    def _say(self, message: ExecUpward) -> bool:
        return self._session.send(message)

    def _on_welcome(self, welcome: Welcome) -> None:
        self._trust.learn(welcome.authority)
        self._execs.end_all()
        self._logs.reconnect()
        self._flow_logs.reconnect()
        self._calls.reconnect()

    def _on_message(self, message: Downward) -> None:
        match message:
            case Network(parts=parts, gone=gone):
                self._vpcs.take(parts, gone)
            case NetworkSync(part_ids):
                self._vpcs.sync(part_ids)
            case Sync(task_ids):
                self._tasks.sync(task_ids)
            case Assign(assignment):
                self._tasks.assign(assignment)
            case Release(task_arn):
                self._tasks.release(last_of(task_arn))
            case LogAck(source=source) if source == FLOWS:
                self._flow_logs.acknowledge(message)
            case LogAck():
                self._logs.acknowledge(message)
            case SecretsAnswer() | RegistryAnswer() | RoleAnswer() | TagsAnswer() | ProtectionAnswer():
                self._calls.take(message)
            case ExecStart() | ExecResize() | ExecBytes() | ExecTaken() | ExecStop():
                self._execs.take(message)
            case _:
                log.warning("unexpected message", extra={"type": type(message).__name__})


async def run_agent(settings: Settings, host: Host) -> None:
    """Run one agent until SIGTERM or SIGINT. Raises AlreadyExists when one runs for this instance."""
    settings.agent_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    raise_open_files()
    with _only_one(settings.agent_folder / "lock"):
        work = asyncio.create_task(Agent(settings, host).run())
        loop = asyncio.get_running_loop()

        def end() -> None:
            host.images.suspend()
            work.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        with contextlib.suppress(asyncio.CancelledError):
            await work


def read_boot_id() -> str:
    """The kernel's name for this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def read_hello(settings: Settings) -> Hello:
    """What this host is and has."""
    folder = os.statvfs(settings.agent_folder)
    return Hello(
        protocol=PROTOCOL,
        host_id=_read_host_id(settings.agent_folder / "host-id"),
        agent_version=__version__,
        cpu_units=len(os.sched_getaffinity(0)) * CPU_UNITS,
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB,
        disk_mib=folder.f_bavail * folder.f_frsize // MIB,
    )


def _read_host_id(path: Path) -> str:
    """This host's name for the server: drawn once, so that a new host name does not make a new host."""
    if not path.exists():
        replace_file(path, f"host-{uuid.uuid4().hex[:17]}".encode())
    return path.read_text().strip()


def _server_uids(settings: Settings) -> frozenset[int]:
    with contextlib.suppress(KeyError):
        return frozenset({pwd.getpwnam(settings.server_user).pw_uid})
    return frozenset()


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyExists("agent", why="an agent of this instance runs already") from error
        yield
