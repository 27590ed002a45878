"""One exec session: a process on a terminal, and the bytes between it and the server.

Ends with the process, or by being cancelled: then the process is ended. A program that writes faster than
the user's side takes is held up by the window; one that reads slower holds up what is typed.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from bastide.host.ports import Runtime, Terminal
from bastide.model.faults import Fault, Unavailable
from bastide.model.messages.exec import (
    CHUNK_BYTES,
    WINDOW_BYTES,
    ExecBytes,
    ExecEnded,
    ExecStart,
    ExecTaken,
    ExecUpward,
)
from bastide.plan.oci.execs import render_exec_process, split_command

# For a program that writes without end to fill its pipe: a terminal gives 4 KiB at a time, and each piece
# costs agent, server and client the same as a large one.
GATHER_S = 0.001
CANNOT_START = "Unable to start command: Failed to start pty: "  # the SSM agent's words

log = logging.getLogger(__name__)


class ExecSession:
    """From ExecStart to ExecEnded."""

    def __init__(
        self, asked: ExecStart, container_id: str, runtime: Runtime, send: Callable[[ExecUpward], bool]
    ) -> None:
        self._asked = asked
        self._container_id = container_id
        self._runtime = runtime
        self._send = send
        self._size = (asked.columns, asked.rows)
        self._is_resized = asyncio.Event()
        self._is_resized.set()
        self._typed: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = WINDOW_BYTES
        self._is_wider = asyncio.Event()

    def feed(self, data: bytes) -> None:
        """Something was typed; the server keeps to the window."""
        self._typed.put_nowait(data)

    def widen(self, count: int) -> None:
        """The server has passed so much on."""
        self._room += count
        self._is_wider.set()

    def resize(self, columns: int, rows: int) -> None:
        """Only the last one counts."""
        self._size = (columns, rows)
        self._is_resized.set()

    async def run(self) -> None:
        """Until the process has ended, and everything it wrote is sent."""
        session_id = self._asked.session_id
        try:
            ended = await self._run()
        except Fault as fault:
            ended = ExecEnded(session_id=session_id, error=f"{CANNOT_START}{fault}")
        except Exception:  # nothing a host says: a mistake of ours, and the user must not wait for ever
            log.exception("exec session failed", extra={"session": session_id})
            ended = ExecEnded(session_id=session_id, error="The agent failed: see its log.")
        self._send(ended)

    async def _run(self) -> ExecEnded:
        arguments = split_command(self._asked.command)
        shape = partial(render_exec_process, arguments=arguments)
        session_id = self._asked.session_id
        async with self._runtime.terminal(self._container_id, session_id, shape) as terminal:
            others = [
                asyncio.create_task(work) for work in (self._pass_down(terminal), self._pass_sizes(terminal))
            ]
            try:
                await self._pass_up(terminal)
                return ExecEnded(session_id=session_id, exit_code=await terminal.wait())
            finally:
                for other in others:
                    other.cancel()
                await asyncio.gather(*others, return_exceptions=True)

    async def _pass_up(self, terminal: Terminal) -> None:
        while True:
            while self._room <= 0:
                self._is_wider.clear()
                await self._is_wider.wait()
            data = await terminal.read(min(self._room, CHUNK_BYTES))
            if not data:
                return
            self._room -= len(data)
            if not self._send(ExecBytes(self._asked.session_id, data)):
                raise Unavailable("session", why="the line to the server is lost")
            if len(data) < CHUNK_BYTES:
                await asyncio.sleep(GATHER_S)

    async def _pass_down(self, terminal: Terminal) -> None:
        while True:
            data = await self._typed.get()
            await terminal.write(data)
            self._send(ExecTaken(self._asked.session_id, len(data)))

    async def _pass_sizes(self, terminal: Terminal) -> None:
        while True:
            await self._is_resized.wait()
            self._is_resized.clear()
            try:
                await terminal.resize(*self._size)
            except Fault as fault:  # it has just ended, or containerd is away: the next one may be heard
                log.info("not resized", extra={"session": self._asked.session_id, "why": str(fault)})
