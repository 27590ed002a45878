"""A server short of its HTTP port, over a real store and a real socket, and an agent played by hand."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

from bastide.api.agents import Agents
from bastide.config import Settings
from bastide.control.enis import Enis
from bastide.control.placement import Placement
from bastide.control.reaper import Reaper
from bastide.model.assignment import Assignment
from bastide.model.frames import (
    PROTOCOL,
    Assign,
    Downward,
    FrameReader,
    Heartbeat,
    Hello,
    Network,
    NetworkSync,
    Sync,
    Upward,
    Welcome,
    render_frame,
)
from bastide.model.network import AnyPart
from bastide.store import Store
from tests.account import VAULT, Account

M = TypeVar("M", bound=Downward)


def hello(
    host_id: str = "host-1", *, protocol: int = PROTOCOL, cpu_units: int = 2048, memory_mib: int = 4096
) -> Hello:
    return Hello(
        protocol=protocol,
        host_id=host_id,
        agent_version="1",
        cpu_units=cpu_units,
        memory_mib=memory_mib,
        disk_mib=100_000,
    )


class Agent:
    """The agent's end, one message at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = FrameReader()
        self._held: list[Any] = []
        self.assigned: list[Assignment] = []
        self.parts: dict[str, AnyPart] = {}

    def send(self, *messages: Upward) -> None:
        self._writer.write(b"".join(render_frame(message) for message in messages))

    async def read(self, kind: type[M] | UnionType) -> M:
        """The next message, which is of this kind; what is said of the network goes to `parts`."""
        async with asyncio.timeout(5):
            while not self._held:
                data = await self._reader.read(65536)
                if not data:
                    raise EOFError
                self._held += [one for one in self._frames.feed(data) if not self._is_of_network(one)]
        message = self._held.pop(0)
        assert isinstance(message, kind), message
        return message

    def _is_of_network(self, message: object) -> bool:
        if isinstance(message, Network):
            self.parts |= {part.id: part for part in message.parts}
            for part_id in message.gone:
                self.parts.pop(part_id, None)
        if isinstance(message, NetworkSync):
            self.parts = {part_id: self.parts[part_id] for part_id in message.part_ids}
        return isinstance(message, Network | NetworkSync)

    async def is_silent(self) -> bool:
        """Whether nothing more comes before the answer to a heartbeat."""
        self.send(Heartbeat(99))
        return await self.read(Heartbeat) == Heartbeat(99)

    async def start(self, said: Hello) -> Sync:
        self.send(said)
        await self.read(Welcome)
        return await self.read_sync()

    async def read_sync(self) -> Sync:
        """The whole set: what is assigned before it is in `assigned`."""
        self.assigned = []
        while not isinstance(message := await self.read(Assign | Sync), Sync):
            self.assigned.append(message.assignment)
        return message

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


class Server:
    """A store with everything around it that a task meets, short of the HTTP port."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        *,
        agent_uids: frozenset[int] = frozenset({os.getuid()}),
        heartbeat_s: float = 60,
    ) -> None:
        self.settings = Settings(instance="t", run_root=folder, data_root=folder)
        self.settings.session_socket.parent.mkdir(parents=True, exist_ok=True)
        self.store = store
        self.account = Account(store, settings=self.settings)
        self.account.now = datetime.now(UTC)
        self.agents = Agents(store, self.settings, VAULT, agent_uids=agent_uids, heartbeat_s=heartbeat_s)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        parts: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self.agents.run,
            Placement(self.store, self.settings).run,
            Enis(self.store).run,
            Reaper(self.store, self.settings).run,
        ]
        self._tasks = [asyncio.create_task(part()) for part in parts]
        await self.until(self.settings.session_socket.exists)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Agent]:
        reader, writer = await asyncio.open_unix_connection(str(self.settings.session_socket))
        agent = Agent(reader, writer)
        try:
            yield agent
        finally:
            await agent.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0.005)

    async def run_task(self, **params: Any) -> str:
        """RunTask; the task's ARN."""
        arn: str = (await self.account.run(**params))["tasks"][0]["taskArn"]
        return arn

    async def task(self, arn: str) -> Any:
        return (await self.account.call("DescribeTasks", tasks=[arn]))["tasks"][0]

    async def document(self, arn: str) -> Any:
        """The stored document, with what stands beside the task."""
        record = await self.store.view(lambda txn: txn.get("task", arn))
        assert record is not None
        return record.document

    async def until_task(self, arn: str, **members: Any) -> Any:
        """The task, once it looks like this."""
        async with asyncio.timeout(5):
            while True:
                task = await self.task(arn)
                if all(task.get(name) == value for name, value in members.items()):
                    return task
                await asyncio.sleep(0.005)

    async def host_status(self, host_id: str = "host-1") -> str:
        return (await self.account.record("host", host_id)).status

    async def until_host(self, status: str) -> None:
        async with asyncio.timeout(5):
            while await self.host_status() != status:
                await asyncio.sleep(0.005)
