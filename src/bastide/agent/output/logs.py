"""Containers' output on its way to the logs service.

Owns the spools of every task's containers and which batch of each is under way. One batch a spool at a
time; it is sent again after a reconnect until the server has stored it, and only then leaves the disk.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from bastide.agent.output.events import EventReader, LineTest
from bastide.agent.output.routes import SOURCES, Routes
from bastide.agent.output.spool import Batch, Limits, Spool
from bastide.host.ports import Stdio
from bastide.model.arn import last_of
from bastide.model.assignment import Assignment, Container, LogLine, LogTarget
from bastide.model.frames import LogAck, LogBatch

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 5.0  # without an answer a task starts all the same: its lines wait on the disk

Key = tuple[str, str, str]  # task id, container, source


class _Stream:
    """One spool and where its lines go."""

    def __init__(self, spool: Spool, spec: Assignment, container: Container, target: LogTarget) -> None:
        self.spool = spool
        self.events = EventReader(spool, LineTest(target.event_start)) if target.event_start else None
        self.task_arn = spec.task_arn
        self.container = container.name
        self.target = target
        self.in_flight: int | None = None  # the sequence of the batch under way
        self.is_finished = False  # the writer is gone: what has no line end is a line

    @property
    def again_s(self) -> float | None:
        """When it has to be looked at though nothing comes."""
        return self.events.again_s if self.events else None

    def read(self) -> Batch:
        """What can be sent, and word of what was dropped before it."""
        batch = (self.events or self.spool).read_batch(last=self.is_finished)
        if batch.lines and (dropped := self.spool.dropped_lines):
            return Batch((_note(dropped, batch.lines[0].timestamp_ms, self.target), *batch.lines), batch.end)
        return batch


class Logs:
    """All output of this host's tasks; used from the agent's event loop only."""

    def __init__(self, send: Callable[[LogBatch], bool], *, limit_bytes: int) -> None:
        self._send = send
        self._limit_bytes = limit_bytes
        self.routes = Routes(limit_bytes=limit_bytes)
        self._wake = asyncio.Event()
        self._stored = asyncio.Event()
        self._streams: dict[Key, _Stream] = {}
        self._opening: dict[Key, asyncio.Future[str | None]] = {}

    def open(self, spec: Assignment, container: Container, folder: Path) -> Stdio:
        """Start taking the container's output; the pipes to hand to the shim. Repeatable."""
        if container.routed_log is not None:
            return self.routes.open(spec, container, container.routed_log, folder)
        target = container.log
        if target is None:
            return Stdio(terminal=container.pseudo_terminal)
        folder.mkdir(mode=0o700, exist_ok=True)
        sources = SOURCES[:1] if container.pseudo_terminal else SOURCES
        for source in sources:
            key = (spec.task_id, container.name, source)
            if key not in self._streams:
                limit = min(self._limit_bytes, target.buffer_bytes or self._limit_bytes)
                fifo = folder / f"{container.name}.{source}"
                limits = Limits(size_bytes=limit, is_blocking=target.blocking)
                spool = Spool(fifo, limits, wake=self._wake)
                self._streams[key] = _Stream(spool, spec, container, target)
            self._streams[key].spool.open()
        self._wake.set()
        paths = {source: str(folder / f"{container.name}.{source}") for source in sources}
        return Stdio(
            stdout=paths["stdout"], stderr=paths.get("stderr", ""), terminal=container.pseudo_terminal
        )

    async def open_stream(self, spec: Assignment, container: Container) -> str | None:
        """Make sure that the lines have somewhere to go; what the server says against it, or None.

        Invalid for a pattern or format of events that is none.
        """
        if container.log is None:
            return None
        if container.log.event_start is not None:
            LineTest(container.log.event_start)
        key = (spec.task_id, container.name, "open")
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._opening[key] = answer
        batch = LogBatch(
            task_arn=spec.task_arn,
            container=container.name,
            source="open",
            sequence=0,
            target=container.log,
            lines=(),
        )
        try:
            if not self._send(batch):
                return None
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            self._opening.pop(key, None)

    def acknowledge(self, ack: LogAck) -> None:
        """The server stored a batch, or refused it for good."""
        key = (last_of(ack.task_arn), ack.container, ack.source)
        if opening := self._opening.get(key):
            if not opening.done():
                opening.set_result(ack.error)
            return
        stream = self._streams.get(key)
        if stream is None or stream.in_flight != ack.sequence:
            return
        if ack.error is not None:
            log.warning("output refused and dropped", extra={"stream": key, "why": ack.error})
        stream.in_flight = None
        stream.spool.acknowledge(ack.sequence)
        self._stored.set()
        self._wake.set()

    def reconnect(self) -> None:
        """A new session: whatever was under way is sent again."""
        for stream in self._streams.values():
            stream.in_flight = None
        self._wake.set()

    def end_line(self, task_id: str, container: str) -> None:
        """A run of the container is over, and the next one's output begins with a line of its own."""
        for stream in self._of(task_id):
            if stream.container == container:
                stream.spool.end_line()
        self.routes.end_line(task_id, container)

    def finish(self, task_id: str) -> None:
        """The task's containers are gone: take what is left in their pipes and let go of these."""
        for stream in self._of(task_id):
            stream.spool.drain()
            stream.spool.close()
            stream.is_finished = True
        self.routes.forget(task_id)
        self._wake.set()

    def unsent_bytes(self, task_id: str) -> int:
        """How much of the task's output the server does not have yet."""
        return sum(stream.spool.unsent_bytes for stream in self._of(task_id))

    async def wait_sent(self, task_id: str, *, timeout_s: float) -> None:
        """Give the server a moment to take the last lines; returns in any case."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.unsent_bytes(task_id):
                    self._stored.clear()
                    await self._stored.wait()

    def forget(self, task_id: str) -> None:
        """Close and drop the task's streams; its folder goes with its other files."""
        for stream in self._of(task_id):
            stream.spool.close()
        self._streams = {key: s for key, s in self._streams.items() if key[0] != task_id}

    async def run(self) -> None:
        """Send what there is, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.routes.run())
            group.create_task(self._run())

    async def _run(self) -> None:
        while True:
            waits = [s.again_s for s in self._streams.values() if s.again_s is not None]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(waits, default=None)):
                    await self._wake.wait()
            self._wake.clear()
            for stream in list(self._streams.values()):
                self._ship(stream)

    def _ship(self, stream: _Stream) -> None:
        if stream.in_flight is not None or not stream.spool.unsent_bytes:
            return
        batch = stream.read()
        if batch.end == stream.spool.sent:
            return
        if not batch.lines:
            stream.spool.acknowledge(batch.end)
            self._stored.set()
            self._wake.set()
            return
        stream.spool.hold(batch.end)
        sent = self._send(
            LogBatch(
                task_arn=stream.task_arn,
                container=stream.container,
                source=stream.spool.source,
                sequence=batch.end,
                target=stream.target,
                lines=batch.lines,
            )
        )
        if sent:
            stream.in_flight = batch.end

    def _of(self, task_id: str) -> list[_Stream]:
        return [stream for key, stream in self._streams.items() if key[0] == task_id]


def _note(lines: int, timestamp_ms: int, target: LogTarget) -> LogLine:
    """What stands where lines of a non-blocking stream are missing."""
    return LogLine(
        timestamp_ms, f"[{lines} lines dropped: the buffer of {target.buffer_bytes} bytes was full]"
    )
