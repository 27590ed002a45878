"""The exec sessions of this host: begun, fed and ended as the server says; the process goes with its session.

Owns which sessions there are. A session the server may have forgotten (its line was lost) is ended, and what
an earlier agent left is ended at start. Used from the agent's event loop only.
"""

import asyncio
import logging
from collections.abc import Callable

from bastide.agent.exec.session import ExecSession
from bastide.host.ports import Runtime
from bastide.model.faults import Fault
from bastide.model.messages.exec import (
    ExecBytes,
    ExecDownward,
    ExecEnded,
    ExecResize,
    ExecStart,
    ExecStop,
    ExecTaken,
    ExecUpward,
)

SESSIONS_MAX = 100  # on a host: each is a process of the runtime's beside the task
NO_CONTAINER = "The container is not running."

log = logging.getLogger(__name__)

FindContainer = Callable[[str, str], str | None]


class Execs:
    """All of them; `find_container` gives the id of the run of a task's container that is there now."""

    def __init__(
        self, runtime: Runtime, send: Callable[[ExecUpward], bool], *, find_container: FindContainer
    ) -> None:
        self._runtime = runtime
        self._send = send
        self._find_container = find_container
        self._sessions: dict[str, ExecSession] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Clean up behind an earlier agent; then, at the end, behind this one."""
        try:
            try:
                await self._runtime.end_terminals()
            except Fault as fault:
                log.warning("an earlier agent's exec sessions may go on", extra={"why": str(fault)})
            await asyncio.Event().wait()
        finally:
            self.end_all()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def take(self, message: ExecDownward) -> None:
        """Do what the server says; of a session that has ended meanwhile, nothing."""
        if isinstance(message, ExecStart):
            self._start(message)
            return
        session = self._sessions.get(message.session_id)
        if session is None:
            return
        match message:
            case ExecBytes(_, data):
                session.feed(data)
            case ExecTaken(_, count):
                session.widen(count)
            case ExecResize(columns=columns, rows=rows):
                session.resize(columns, rows)
            case ExecStop():
                self._running[message.session_id].cancel()

    def end_all(self) -> None:
        """The server is another one now, or has lost us: nobody is at the other end."""
        for running in self._running.values():
            running.cancel()

    def _start(self, asked: ExecStart) -> None:
        session_id = asked.session_id
        container_id = self._find_container(asked.task_id, asked.container)
        if container_id is None or len(self._sessions) >= SESSIONS_MAX or session_id in self._sessions:
            why = NO_CONTAINER if container_id is None else "Too many sessions on this host."
            self._send(ExecEnded(session_id=session_id, error=why))
            return
        session = ExecSession(asked, container_id, self._runtime, self._send)
        self._sessions[session_id] = session
        running = asyncio.create_task(session.run())
        self._running[session_id] = running
        running.add_done_callback(lambda _: self._forget(session_id))

    def _forget(self, session_id: str) -> None:
        del self._sessions[session_id], self._running[session_id]
