"""Listens for agents on a unix socket and tells each session which tasks have changed.

Only user ids in `agent_uids` are heard (SO_PEERCRED). A second session of a host ends the first. A host
without a session is DISCONNECTED: nothing new is placed on it, what runs there goes on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from bastide import __version__
from bastide.api.agents.peers import peer_uid
from bastide.api.agents.reports import store_all_disconnected, store_disconnected, store_hello
from bastide.api.agents.session import Line, Session
from bastide.api.agents.task_calls import TaskCalls
from bastide.api.task_environment.resolution import Resolver
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.faults import Denied, Fault, Invalid
from bastide.model.frames import PROTOCOL, Hello, Refusal, Welcome
from bastide.model.messages.exec import ExecDownward, ExecUpward
from bastide.model.network import NETWORK_KINDS
from bastide.store import Store
from bastide.store.following import follow
from bastide.store.records import Change

HEARTBEAT_S = 5.0
HELLO_TIMEOUT_S = 10.0
SOCKET_MODE = 0o600

log = logging.getLogger(__name__)


class Agents:
    """Every host's session; used from one event loop."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        vault: Vault,
        *,
        agent_uids: frozenset[int] = frozenset({0}),
        heartbeat_s: float = HEARTBEAT_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.on_exec: Callable[[str, ExecUpward], None] = lambda host_id, message: None
        self.on_lost: Callable[[str], None] = lambda host_id: None
        self.authority = ""  # what tasks are to trust that call the API inside their VPC, as PEM
        self._store = store
        self._resolver = Resolver(store, settings, vault)
        self._task_calls = TaskCalls(store, settings, vault)
        self._path = settings.session_socket
        self._agent_uids = agent_uids
        self._heartbeat_s = heartbeat_s
        self._now = now
        self._sessions: dict[str, Session] = {}
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> int:
        """How many hosts have a session."""
        return len(self._sessions)

    def tell(self, host_id: str, message: ExecDownward) -> bool:
        """Say something to a host's agent; False where it is not connected."""
        session = self._sessions.get(host_id)
        if session is None:
            return False
        session.say(message)
        return True

    async def run(self) -> None:
        """Listen until cancelled; the socket is there once every earlier session is recorded as lost."""
        now = self._now()
        await self._store.update(lambda txn: store_all_disconnected(txn, now))
        self._path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._accept, path=str(self._path))
        self._path.chmod(SOCKET_MODE)
        try:
            await follow(
                self._store,
                ("task", "placement", *NETWORK_KINDS),
                on_all=self._mark_all,
                on_change=self._mark_changed,
            )
        finally:
            server.close()
            for serving in tuple(self._serving):
                serving.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            self._path.unlink(missing_ok=True)

    async def _mark_all(self) -> None:
        placed = await self._store.view(lambda txn: [one.key for one in txn.find("placement")])
        for session in self._sessions.values():
            session.mark_all(placed)

    def _mark_changed(self, change: Change) -> None:
        for session in self._sessions.values():
            if change.kind in NETWORK_KINDS:
                session.mark_part(change.kind, change.key)
            elif change.kind == "placement" or session.knows(change.key):
                session.mark(change.key)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        try:
            hello = await self._read_hello(line, writer)
            await self._serve_host(hello, line)
        except* (Fault, OSError, TimeoutError) as errors:
            why = "; ".join(str(error) or type(error).__name__ for error in errors.exceptions)
            log.info("session ended", extra={"why": why})
        except* Exception:
            log.exception("session failed")
        finally:
            line.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _read_hello(self, line: Line, writer: asyncio.StreamWriter) -> Hello:
        """The agent's hello; whoever is not to be heard is told why and cut off."""
        # Read first: a socket closed with bytes unread is reset, and the refusal lost with it.
        first, *rest = await line.read(timeout_s=HELLO_TIMEOUT_S)
        uid = peer_uid(writer)
        if uid not in self._agent_uids:
            await line.send([Refusal(f"user id {uid} may not act as an agent here")])
            raise Denied("session", why=f"user id {uid} tried to open an agent's session")
        if not isinstance(first, Hello) or rest:
            raise Invalid("session", why="an agent's first and only words are its hello")
        if first.protocol != PROTOCOL:
            why = f"this server speaks protocol {PROTOCOL}, the agent {first.protocol}"
            await line.send([Refusal(why)])
            raise Invalid("session", why=why)
        return first

    async def _serve_host(self, hello: Hello, line: Line) -> None:
        host_id = hello.host_id
        session = Session(
            host_id,
            line,
            self._store,
            resolver=self._resolver,
            heartbeat_s=self._heartbeat_s,
            now=self._now,
        )
        session.on_exec = partial(self._hear_exec, host_id)
        session.task_calls = self._task_calls
        if earlier := self._sessions.get(host_id):
            earlier.close()
            self.on_lost(host_id)
        self._sessions[host_id] = session  # from here on changes are marked, so Sync misses nothing
        try:
            now = self._now()
            await self._store.update(lambda txn: store_hello(txn, hello, now))
            log.info("session opened", extra={"host": host_id, "agent": hello.agent_version})
            welcome = Welcome(
                protocol=PROTOCOL,
                server_version=__version__,
                heartbeat_s=self._heartbeat_s,
                authority=self.authority,
            )
            await line.send([welcome])
            await session.run()
        finally:
            if self._sessions.get(host_id) is session:
                del self._sessions[host_id]
                self.on_lost(host_id)
                await asyncio.shield(self._record_loss(host_id))

    def _hear_exec(self, host_id: str, message: ExecUpward) -> None:
        self.on_exec(host_id, message)

    async def _record_loss(self, host_id: str) -> None:
        now = self._now()
        await self._store.update(lambda txn: store_disconnected(txn, host_id, now))
