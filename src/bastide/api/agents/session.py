"""One agent's session as the server sees it: what to say to it and when, and what to do with what it says.

Assignments are not queued: the session remembers which tasks have changed and reads them when it gets to
them, so a slow agent costs memory by the number of tasks only. One that takes nothing for SEND_TIMEOUT_S is
cut off; it comes back and is told everything anew.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from bastide.api.agents.assignments import read_assignment, read_placed
from bastide.api.agents.network import ReadNetwork, read_network, read_network_news
from bastide.api.agents.reports import render_log_fault, store_logs, store_pulling, store_report
from bastide.api.agents.task_calls import TaskCalls
from bastide.api.task_environment.resolution import Resolver, Unresolved
from bastide.model.arn import last_of
from bastide.model.assignment import Report
from bastide.model.faults import Invalid, Unavailable
from bastide.model.frames import (
    Assign,
    Downward,
    FrameReader,
    Heartbeat,
    LogAck,
    LogBatch,
    Message,
    Pulling,
    RegistryAnswer,
    RegistryRequest,
    Release,
    Reported,
    SecretsAnswer,
    SecretsRequest,
    Sync,
    render_frame,
)
from bastide.model.messages.exec import ExecDownward, ExecUpward
from bastide.model.messages.task_calls import TaskRequest
from bastide.model.status import DesiredStatus, TaskStatus
from bastide.model.task import status_of
from bastide.store import Store, Txn

READ_BYTES = 256 * 1024
SEND_TIMEOUT_S = 10.0
SENT_AT_ONCE = 16  # messages between two waits: a task definition has up to 64 KiB, and agents save each
SILENCE_HEARTBEATS = 4  # so many missed ones mean that nobody is there

log = logging.getLogger(__name__)


class Line:
    """Frames over a stream of bytes, in both directions."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self._sending = asyncio.Lock()

    async def read(self, *, timeout_s: float) -> list[Message]:
        """The next messages, at least one; Unavailable at the end, TimeoutError after silence."""
        async with asyncio.timeout(timeout_s):
            while True:
                data = await self._reader.read(READ_BYTES)
                if not data:
                    raise Unavailable("session", why="the agent closed the session")
                if messages := self._frames.feed(data):
                    return messages

    async def send(self, messages: Sequence[Downward]) -> None:
        """Write the messages, waiting every few of them until the other side has room for more."""
        async with self._sending:
            for first in range(0, len(messages), SENT_AT_ONCE):
                batch = messages[first : first + SENT_AT_ONCE]
                self._writer.write(b"".join(render_frame(message) for message in batch))
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._writer.drain()

    def close(self) -> None:
        """Cut the line; whoever reads sees its end."""
        self._writer.transport.abort()


class Session:
    """A host that has said hello."""

    def __init__(
        self,
        host_id: str,
        line: Line,
        store: Store,
        *,
        resolver: Resolver,
        heartbeat_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self.on_exec: Callable[[ExecUpward], None] = lambda message: None
        self.task_calls: TaskCalls | None = None
        self._host_id = host_id
        self._line = line
        self._store = store
        self._resolver = resolver
        self._silence_s = heartbeat_s * SILENCE_HEARTBEATS
        self._now = now
        self._unsaid: list[Downward] = []  # of exec sessions: their windows bound it
        self._sent: dict[str, DesiredStatus] = {}
        self._reading: frozenset[str] | None = None  # tasks in a snapshot under way; None: all, for the Sync
        self._dirty: dict[str, None] = {}
        self._dirty_parts: dict[tuple[str, str], None] = {}  # kind and key of network records
        self._is_network_lost = False  # nobody knows which have changed: all of them may have
        self._something = asyncio.Event()
        self._has_words = asyncio.Event()

    async def run(self) -> None:
        """Serve until the agent is gone, silent or too slow; raises why."""
        messages = await self._store.view(self._read_all)
        for message in messages:
            self._note(message)
        self._reading = frozenset()
        await self._line.send(messages)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._tell())
            group.create_task(self._say_all())

    def mark(self, task_arn: str) -> None:
        """The task may be new on this host, or may have changed."""
        self._dirty[task_arn] = None
        self._something.set()

    def mark_part(self, kind: str, key: str) -> None:
        """The network record is new, has changed, or is gone."""
        self._dirty_parts[kind, key] = None
        self._something.set()

    def knows(self, task_arn: str) -> bool:
        """Whether the host was told of the task, or is about to be from a snapshot that may be older."""
        return self._reading is None or task_arn in self._reading or task_arn in self._sent

    def mark_all(self, task_arns: Sequence[str]) -> None:
        """These, everything the host was told of and the whole network may have changed."""
        self._is_network_lost = True
        self._something.set()
        for arn in (*task_arns, *self._sent):
            self.mark(arn)

    def say(self, message: ExecDownward) -> None:
        """Tell the agent, after what it was told before."""
        self._unsaid.append(message)
        self._has_words.set()

    def close(self) -> None:
        """End it; `run` raises."""
        self._line.close()

    async def _tell(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            dirty, self._dirty = list(self._dirty), {}
            self._reading = frozenset(dirty)
            network = self._take_network()
            messages = await self._store.view(partial(self._read_news, network=network, arns=dirty))
            for message in messages:
                self._note(message)
            self._reading = frozenset()
            if messages:
                await self._line.send(messages)

    async def _say_all(self) -> None:
        while True:
            await self._has_words.wait()
            self._has_words.clear()
            unsaid, self._unsaid = self._unsaid, []
            await self._line.send(unsaid)

    def _read_all(self, txn: Txn) -> list[Downward]:
        """The network, the host's assignments, then the tasks that are its own: all others it gives up."""
        placed = read_placed(txn, self._host_id)
        assignments = (read_assignment(txn, record) for record in placed)
        whole = Sync(tuple(last_of(record.key) for record in placed))
        return [*read_network(txn), *(Assign(one) for one in assignments if one is not None), whole]

    def _take_network(self) -> ReadNetwork:
        """How to read what is to be told of the network; from here on it counts as told."""
        parts, self._dirty_parts = list(self._dirty_parts), {}
        is_lost, self._is_network_lost = self._is_network_lost, False
        return read_network if is_lost else partial(read_network_news, changed=parts)

    def _read_news(self, txn: Txn, network: ReadNetwork, arns: Sequence[str]) -> list[Downward]:
        """On a store thread; only reads `_sent`, which `_tell` alone changes while this runs.

        The network first: a task's interface is known before the task is.
        """
        tasks = (message for arn in arns if (message := self._news_of(txn, arn)) is not None)
        return [*network(txn), *tasks]

    def _news_of(self, txn: Txn, arn: str) -> Downward | None:
        record = txn.get("task", arn)
        is_known = arn in self._sent
        if record is None or record.document["host"] != self._host_id:
            return Release(arn) if is_known else None
        if status_of(record.document) is TaskStatus.STOPPED:
            return Release(arn) if is_known else None
        if self._sent.get(arn) == record.status:
            return None
        assignment = read_assignment(txn, record)
        return Assign(assignment) if assignment is not None else None

    def _note(self, message: Downward) -> None:
        if isinstance(message, Assign):
            self._sent[message.assignment.task_arn] = message.assignment.desired_status
        elif isinstance(message, Release):
            self._sent.pop(message.task_arn, None)

    async def _listen(self) -> None:
        while True:
            messages = await self._line.read(timeout_s=self._silence_s)
            for message in messages:  # at once and in order: they wait for no transaction
                if isinstance(message, ExecUpward):
                    self.on_exec(message)
            # Their transactions are queued in this order and share a commit; the next bytes wait for it.
            batches = [message for message in messages if isinstance(message, LogBatch)]
            others = [message for message in messages if not isinstance(message, LogBatch | ExecUpward)]
            acks, answers = await asyncio.gather(
                self._take_logs(batches), asyncio.gather(*(self._answer(message) for message in others))
            )
            if told := [*(answer for answer in answers if answer is not None), *acks]:
                await self._line.send(told)

    async def _answer(self, message: Message) -> Downward | None:
        if isinstance(message, Heartbeat):
            return message
        if isinstance(message, Reported):
            return await self._take_report(message.report)
        if isinstance(message, SecretsRequest):
            return await self._resolve(message.task_arn)
        if isinstance(message, TaskRequest) and self.task_calls is not None:
            return await self.task_calls.answer(message, host_id=self._host_id, now=self._now())
        if isinstance(message, Pulling):
            await self._store.update(lambda txn: store_pulling(txn, self._host_id, message))
            return None
        if isinstance(message, RegistryRequest):
            return await self._resolve_credentials(message)
        raise Invalid("frame", why=f"an agent does not send {type(message).__name__}")

    async def _take_report(self, report: Report) -> Downward | None:
        now = self._now()
        is_ours = await self._store.update(lambda txn: store_report(txn, self._host_id, report, now))
        return None if is_ours else Release(report.task_arn)

    async def _resolve(self, task_arn: str) -> SecretsAnswer:
        now_s = self._now().timestamp()
        try:
            found = await self._resolver.resolve(task_arn, host_id=self._host_id, now_s=now_s)
        except Unresolved as unresolved:
            return SecretsAnswer(task_arn=task_arn, error=str(unresolved))
        return SecretsAnswer(task_arn=task_arn, environments=found)

    async def _resolve_credentials(self, asked: RegistryRequest) -> RegistryAnswer:
        answer = RegistryAnswer(task_arn=asked.task_arn, container=asked.container)
        try:
            pair = await self._resolver.resolve_credentials(
                asked.task_arn, asked.container, host_id=self._host_id, now=self._now()
            )
        except Unresolved as unresolved:
            return replace(answer, error=str(unresolved))
        return answer if pair is None else replace(answer, username=pair[0], password=pair[1])

    async def _take_logs(self, batches: Sequence[LogBatch]) -> list[LogAck]:
        faults = await store_logs(self._store, batches, self._now()) if batches else []
        return [
            LogAck(
                task_arn=batch.task_arn,
                container=batch.container,
                source=batch.source,
                sequence=batch.sequence,
                error=None if fault is None else render_log_fault(fault),
            )
            for batch, fault in zip(batches, faults, strict=True)
        ]
