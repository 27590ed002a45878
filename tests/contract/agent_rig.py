"""An in-memory host, held to the real one by the contract suites, and one agent after another on it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bastide.agent.asking.calls import Answer, Calls, Request
from bastide.agent.folders import TaskFolders
from bastide.agent.limits import ContainerLimits
from bastide.agent.output.logs import Logs
from bastide.agent.preparation import Host
from bastide.agent.removal import read_task_ids
from bastide.agent.steps import Steps
from bastide.agent.tasks import Tasks
from bastide.config import Settings
from bastide.host.ports import ImageConfig, NewContainer
from bastide.model.assignment import Assignment, Report
from bastide.model.frames import SecretsAnswer
from bastide.model.messages.task_calls import RoleAnswer, RoleRequest
from bastide.model.status import TaskStatus
from tests.assignments import container
from tests.fakes.api_proxies import FakeApiProxies
from tests.fakes.cgroups import FakeCgroups
from tests.fakes.disks import FakeDisks
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.images import FakeImages
from tests.fakes.network import FakeNetwork
from tests.fakes.publications import FakePublications
from tests.fakes.resolvers import FakeResolvers
from tests.fakes.runtime import Behaviour, FakeRuntime
from tests.vpcs import Told, open_vpcs

APP = container("app", command=("sleep", "1000"))
STOPS = Behaviour(on_signal={15: 143, 9: 137})


class EmptyRoots(FakeDisks):
    """Images are without content here."""

    async def ensure_rootfs(self, task_id: str, container: str, lower: Sequence[str]) -> Path:
        nothing = self.folder / "nothing"
        nothing.mkdir(parents=True, exist_ok=True)
        return await super().ensure_rootfs(task_id, container, [str(nothing) for _ in lower])


class Rig:
    """An in-memory host, and one agent after another on it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_root=folder / "data", run_root=folder / "run")
        self.runtime = FakeRuntime(lambda new: self.behaviour(new))
        self.cgroups = FakeCgroups()
        self.images = FakeImages()
        self.images.add(ImageConfig(reference="app:1", digest="sha256:" + "0" * 64, command=("run",)))
        self.host = Host(
            runtime=self.runtime,
            images=self.images,
            network=Told(FakeNetwork()),
            resolvers=FakeResolvers(),
            endpoints=FakeEndpoints(),
            api_proxies=FakeApiProxies(),
            publications=FakePublications(),
            disks=EmptyRoots(folder / "disks"),
            cgroups=self.cgroups,
        )
        self.calls = Calls(self._answer)
        self.environments: dict[str, dict[str, str]] = {}  # what the server says of secrets
        self.refusal: str | None = None
        self.is_away = False
        self.specs: dict[str, dict[str, Any]] = {}  # of containers that were started
        self.boot_id = "this boot"
        self.reports: list[Report] = []
        self.behave: Behaviour = STOPS
        self.settings.agent_folder.mkdir(parents=True)
        self._running: asyncio.Task[None] | None = None
        self.tasks = self._agent()

    def behaviour(self, new: NewContainer) -> Behaviour:
        self.specs[new.id] = new.spec
        return Behaviour() if new.id.endswith("-0000000000") else self.behave

    def start(self) -> None:
        """An agent begins: it adopts, looks for leftovers and works."""
        self.tasks = self._agent()
        self.tasks.adopt()

        async def run() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.tasks.wake_leftovers())
                group.create_task(self.tasks.run())
                group.create_task(self._watch())
                group.create_task(self.limits.run(self.tasks.wake))

        self._running = asyncio.create_task(run())

    async def kill(self) -> None:
        """The agent ends, wherever it was."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    def sync(self, *specs: Assignment) -> None:
        """What a server says on connect: the network, each assignment, then that these are all."""
        self.steps.services.know(open_vpcs({spec.task_id: spec.eni for spec in specs}))
        for spec in specs:
            self.tasks.assign(spec)
        self.tasks.sync(tuple(spec.task_id for spec in specs))

    async def until(self, status: TaskStatus) -> Report:
        async with asyncio.timeout(10):
            while not self.reports or self.reports[-1].last_status is not status:
                await asyncio.sleep(0.01)
        return self.reports[-1]

    async def leftovers(self) -> set[str]:
        """Tasks that anything on the host belongs to, and those with a folder."""
        folders = TaskFolders(self.settings.agent_folder / "tasks")
        return await read_task_ids(self.host) | set(folders.read_ids())

    async def until_clean(self) -> None:
        async with asyncio.timeout(10):
            while await self.leftovers():
                await asyncio.sleep(0.01)

    def _answer(self, request: Request) -> bool:
        if self.is_away:
            return False
        found = self.environments if self.refusal is None else {}
        answer: Answer = SecretsAnswer(task_arn=request.task_arn, environments=found, error=self.refusal)
        if isinstance(request, RoleRequest):
            ends = datetime.now(UTC) + timedelta(hours=6)
            answer = RoleAnswer(task_arn=request.task_arn, token="hush", expires_at=ends, error=self.refusal)
        asyncio.get_running_loop().call_soon(self.calls.take, answer)
        return True

    def _agent(self) -> Tasks:
        folders = TaskFolders(self.settings.agent_folder / "tasks")
        logs = Logs(lambda batch: True, limit_bytes=1024)
        self.steps = Steps(self.host, folders, logs, self.calls, self.settings)
        self.limits = ContainerLimits(self.runtime, self.host.cgroups, self.host.disks)
        return Tasks(
            self.steps,
            folders,
            logs,
            limits=self.limits,
            boot_id=self.boot_id,
            report=self.reports.append,
        )

    async def _watch(self) -> None:
        async for container_id in self.runtime.watch():
            if container_id is None:
                self.tasks.wake_all()
            else:
                self.tasks.wake(container_id[:32])


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    made.start()
    yield made
    await made.kill()
