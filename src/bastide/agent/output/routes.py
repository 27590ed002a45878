"""Output of containers that log by awsfirelens, on its way to the log router inside their task.

Owns the spools of these containers and a connection for each to the router's socket. A batch leaves the disk
when the kernel has it for the router, as with Docker's driver: what a router that dies had not read is lost,
what this agent had not written is not. While nobody listens, lines wait within their limits.
"""

import asyncio
import contextlib
import logging
from pathlib import Path

from bastide.agent.output.records import PIECE_BYTES, Origin, Recorder, split_pieces
from bastide.agent.output.spool import BATCH_BYTES, Limits, Spool
from bastide.host.ports import Stdio
from bastide.host.volumes.sockets import connect_to_task
from bastide.model.assignment import Assignment, Container, RoutedLog
from bastide.model.faults import Invalid, Unavailable
from bastide.plan.log_router import SOCKET_NAME

log = logging.getLogger(__name__)

RETRY_S = 0.2  # between two looks whether the router listens
SOURCES = ("stdout", "stderr")
LINK = "router"  # in the folder of a task's pipes: leads to the folder of the socket

Key = tuple[str, str, str]  # task id, container, source


class _Route:
    """One stream and its connection."""

    def __init__(self, spool: Spool, recorder: Recorder, folder: Path, wake: asyncio.Event) -> None:
        self.spool = spool
        self.wake = wake
        self.sent = asyncio.Event()
        self._recorder = recorder
        self._folder = folder
        self._writer: asyncio.StreamWriter | None = None
        self._is_finished = False

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        try:
            while True:
                await self.wake.wait()
                self.wake.clear()
                await self._send_all()
        finally:
            self._disconnect()

    def finish(self) -> None:
        """The writer is gone: what has no line end is a line."""
        self.spool.drain()
        self._is_finished = True
        self.wake.set()

    async def _send_all(self) -> None:
        try:
            while self.spool.unsent_bytes:
                if self._writer is None:
                    self._writer = await connect_to_task(self._folder, SOCKET_NAME)
                    # What the kernel has not taken yet is ours.
                    self._writer.transport.set_write_buffer_limits(high=0)
                messages, end = self._read()
                if end == self.spool.sent:
                    return
                self.spool.hold(end)
                self._writer.writelines(messages)
                await self._writer.drain()
                self.spool.acknowledge(end)
                self.sent.set()
        except (Invalid, Unavailable, OSError) as error:
            log.debug("the log router does not listen", extra={"fifo": self.spool.name, "why": str(error)})
            self._disconnect()
            await asyncio.sleep(RETRY_S)
            self.wake.set()

    def _read(self) -> tuple[list[bytes], int]:
        """What can be sent, word first of what was dropped before it, and the offset behind it."""
        spool, messages = self.spool, list[bytes]()
        if dropped := spool.dropped_lines:
            self._recorder.end_line()
            text = f"[{dropped} lines dropped: the buffer was full]"
            messages.append(self._recorder.note(text, spool.when(spool.sent)))
        position = spool.sent
        data = spool.read(position, min(BATCH_BYTES, spool.readable_end - position))
        for raw in split_pieces(data):
            end = position + len(raw)
            if not (raw.endswith(b"\n") or len(raw) > PIECE_BYTES - 4 or spool.is_held):
                if not self._is_finished or end != spool.size:
                    break
                raw += b"\n"
            messages.append(self._recorder.record(raw, spool.when(position)))
            position = end
        return messages, position

    def _disconnect(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Routes:
    """Every such stream of this host; used from the agent's event loop only."""

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._routes: dict[Key, _Route] = {}
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._opened: asyncio.Queue[Key] = asyncio.Queue()

    def open(self, spec: Assignment, container: Container, target: RoutedLog, folder: Path) -> Stdio:
        """Start taking the container's output; the pipes to hand to the shim. Repeatable."""
        folder.mkdir(mode=0o700, exist_ok=True)
        sources = SOURCES[:1] if container.pseudo_terminal else SOURCES
        limits = Limits(
            size_bytes=min(self._limit_bytes, target.buffer_bytes or self._limit_bytes),
            lines=target.buffer_lines,
            is_blocking=target.blocking,
        )
        for source in sources:
            key = (spec.task_id, container.name, source)
            if key not in self._routes:
                wake = asyncio.Event()
                spool = Spool(folder / f"{container.name}.{source}", limits, wake=wake)
                origin = Origin(
                    tag=target.tag,
                    container_id=container.runtime_id,
                    container_name=container.name,
                    source=source,
                )
                self._routes[key] = _Route(spool, Recorder(origin), folder / LINK, wake)
                self._opened.put_nowait(key)
            self._routes[key].spool.open()
            self._routes[key].wake.set()
        paths = {source: str(folder / f"{container.name}.{source}") for source in sources}
        return Stdio(
            stdout=paths["stdout"], stderr=paths.get("stderr", ""), terminal=container.pseudo_terminal
        )

    def end_line(self, task_id: str, container: str) -> None:
        """A run of the container is over, and the next one's output begins with a line of its own."""
        for key, route in self._of(task_id).items():
            if key[1] == container:
                route.spool.end_line()

    async def wait_sent(self, task_id: str, *, router: str, timeout_s: float) -> None:
        """The router is about to be told to stop: give it what the others wrote last; returns in any case."""
        routes = [route for key, route in self._of(task_id).items() if key[1] != router]
        for route in routes:
            route.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                for route in routes:
                    while route.spool.unsent_bytes:
                        route.sent.clear()
                        await route.sent.wait()

    def forget(self, task_id: str) -> None:
        """Nobody will ever read what is left of the task's output: its router is gone. Repeatable."""
        for key, route in self._of(task_id).items():
            if left := route.spool.unsent_bytes:
                log.warning("output that no log router took", extra={"stream": key, "size_bytes": left})
            if running := self._running.pop(key, None):
                running.cancel()
            route.spool.close()
            del self._routes[key]

    async def run(self) -> None:
        """Send what there is, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                key = await self._opened.get()
                if key in self._routes:
                    self._running[key] = group.create_task(self._routes[key].run())

    def _of(self, task_id: str) -> dict[Key, _Route]:
        return {key: route for key, route in self._routes.items() if key[0] == task_id}
