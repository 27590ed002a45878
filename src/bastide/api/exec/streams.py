"""Every session's stream: WebSockets at /v1/data-channel/<session id>, and the live sessions behind them.

A stream is opened by its first frame, whose token is the only credential: the signature that newer clients
put on the request is not needed. Sessions live in this process: a server that was restarted ends those of
before, and their clients say so. Used from the event loop only.
"""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from bastide.api.audit import Trail
from bastide.api.audit.trail import Event
from bastide.api.exec.live import PATIENCE, LiveSession, Patience
from bastide.api.exec.records import (
    ACTIVE,
    CONNECTED,
    CONNECTING,
    DISCONNECTED,
    EXEC_SESSION,
    FAILED,
    HISTORY,
    HISTORY_S,
    connected,
    ended,
    is_token,
)
from bastide.api.exec.socket import POLICY_VIOLATION, Receive, Send, Socket
from bastide.api.exec.told import end_of, opening_of, refusal_of
from bastide.api.exec.transcripts import Transcript, read_destination
from bastide.api.operation import Origin
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.arn import last_of
from bastide.model.faults import Invalid, Unavailable
from bastide.model.messages.exec import ExecDownward, ExecStart, ExecUpward
from bastide.store import Record, Store, Txn
from bastide.store.following import follow
from bastide.store.records import Change
from bastide.wire.datachannel.payloads import Opening, parse_opening

STREAM_PATH = "/v1/data-channel/"
OPENING_S = 15.0
TIDY_S = 30.0
HOST_LOST = "The connection to the task's host was lost."
TERMINATED = "The session was terminated."
RESTARTED = "The server was restarted."
NEVER_OPENED = "No client connected."
_PATH = re.compile(re.escape(STREAM_PATH) + r"([A-Za-z0-9-]{1,96})")

Tell = Callable[[str, ExecDownward], bool]

log = logging.getLogger(__name__)


class ExecStreams:
    """All of them; `tell` gives a message to the agent of a host."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        vault: Vault,
        *,
        tell: Tell,
        patience: Patience = PATIENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._patience = patience
        self._store = store
        self._settings = settings
        self._vault = vault
        self._tell = tell
        self.trail: Trail | None = None  # where it is told who gets into what
        self._live: dict[str, tuple[str, LiveSession]] = {}  # host and session, by the session's id
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """End the sessions of an earlier server; watch those of this one until cancelled."""
        await self._store.update(lambda txn: _end_earlier(txn, round(self._now(), 3)))
        tidying = asyncio.create_task(self._tidy())
        try:
            await follow(self._store, (EXEC_SESSION,), on_all=self._look_all, on_change=self._look_changed)
        finally:
            tidying.cancel()
            for task in self._running:
                task.cancel()
            await asyncio.gather(tidying, *self._running, return_exceptions=True)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send, *, path: str) -> None:
        """One WebSocket, from its handshake to its end."""
        await receive()  # that it wants to connect
        found = _PATH.fullmatch(path)
        if found is None:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(receive, send)
        opening = await _read_opening(socket)
        live = None if opening is None else await self._admit(found[1], opening.token, _origin(scope))
        if opening is None or live is None:
            await socket.close(POLICY_VIOLATION)
            return
        live.attach(socket, chunk_bytes=opening.chunk_bytes)
        try:
            await socket.run(live.take)
        finally:
            live.detach(socket)

    def hear(self, host_id: str, message: ExecUpward) -> None:
        """An agent says something about a session; heard from the session's own host only."""
        host, live = self._live.get(message.session_id, ("", None))
        if live is not None and host == host_id:
            live.hear(message)

    def lose_host(self, host_id: str) -> None:
        """The line to an agent is lost: it ends what it runs, and nobody hears of that."""
        for host, live in self._live.values():
            if host == host_id:
                live.end(HOST_LOST)

    async def _admit(self, session_id: str, token: str, origin: Origin) -> LiveSession | None:
        """The session that a token opens, begun if it has not; None for nobody's token."""
        now_s = self._now()
        record = await self._store.update(lambda txn: _consume(txn, session_id, token, now_s))
        if record is None:
            log.info("a stream was refused", extra={"session": session_id})
            await self._note(refusal_of(session_id, origin))
            if self.trail is not None:
                await asyncio.sleep(self.trail.guessing.wait_s(origin.address))
            return None
        await self._note(opening_of(record, origin))
        held = self._live.get(session_id)
        return held[1] if held is not None else await self._begin(record)

    async def _begin(self, record: Record) -> LiveSession:
        destination = await self._store.view(lambda txn: read_destination(txn, record))
        folder = self._settings.server_folder
        transcript = None if destination is None else Transcript(record, destination, folder)
        host_id = record.document["host"]
        start = ExecStart(
            session_id=record.key,
            task_id=last_of(record.parent),
            container=record.document["container"],
            command=record.document["command"],
            columns=0,
            rows=0,
        )
        live = LiveSession(
            start,
            tell=lambda message: self._tell(host_id, message),
            transcript=transcript,
            patience=self._patience,
        )
        self._live[record.key] = (host_id, live)
        running = asyncio.create_task(self._run_one(record, live, transcript))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        log.info(
            "exec session begun",
            extra={
                "session": record.key,
                "owner": record.document["session"]["Owner"],
                "task": record.parent,
            },
        )
        return live

    async def _run_one(self, record: Record, live: LiveSession, transcript: Transcript | None) -> None:
        try:
            why = await live.run()
        finally:
            del self._live[record.key]
        if transcript is not None:
            await transcript.store(self._store, self._settings, self._vault)
        now_s = round(self._now(), 3)
        await self._store.update(lambda txn: _end(txn, record.key, now_s, why))
        log.info("exec session ended", extra={"session": record.key, "why": why})
        await self._note(end_of(record, why))

    async def _note(self, event: Event) -> None:
        """Tell the audit log; that it may begin was asked where it was asked for."""
        if self.trail is not None:
            with contextlib.suppress(Unavailable):
                await self.trail.note(event)

    async def _look_all(self) -> None:
        states = await self._store.view(lambda txn: {key: _is_active(txn, key) for key in self._live})
        for key, is_active in states.items():
            if not is_active and key in self._live:
                self._live[key][1].end(TERMINATED)

    def _look_changed(self, change: Change) -> None:
        if change.key in self._live:
            looking = asyncio.create_task(self._look_all())
            self._running.add(looking)
            looking.add_done_callback(self._running.discard)

    async def _tidy(self) -> None:
        """End sessions that no client ever opened, forget those of long ago."""
        while True:
            await asyncio.sleep(TIDY_S)
            try:
                if await self._store.view(lambda txn: bool(_untidy(txn, self._now()))):
                    await self._store.update(lambda txn: _make_tidy(txn, self._now()))
            except Unavailable as fault:
                log.warning("exec sessions were not tidied", extra={"why": str(fault)})


def _origin(scope: Mapping[str, Any]) -> Origin:
    client = scope.get("client")
    return Origin(address=client[0] if client else "", is_secure=scope.get("scheme") == "wss")


async def _read_opening(socket: Socket) -> Opening | None:
    """A client's first frame; None for any other, or none in time."""
    try:
        async with asyncio.timeout(OPENING_S):
            return parse_opening(str(await socket.read() or ""))
    except (Invalid, TimeoutError):
        return None


def _consume(txn: Txn, session_id: str, token: str, now_s: float) -> Record | None:
    """The session, its token used up; None where it is not its token."""
    record = txn.get(EXEC_SESSION, session_id)
    if record is None or record.state != ACTIVE or not is_token(record, token, now_s=now_s):
        return None
    return txn.put(connected(record))


def _is_active(txn: Txn, key: str) -> bool:
    record = txn.get(EXEC_SESSION, key)
    return record is not None and record.state == ACTIVE


def _end(txn: Txn, key: str, now_s: float, why: str) -> None:
    record = txn.get(EXEC_SESSION, key)
    if record is not None and record.state == ACTIVE:
        txn.put(ended(record, now_s=now_s, details=why))


def _end_earlier(txn: Txn, now_s: float) -> None:
    for status in (CONNECTED, DISCONNECTED):
        for record in txn.find(EXEC_SESSION, status=status, state=ACTIVE):
            txn.put(ended(record, now_s=now_s, details=RESTARTED))


def _untidy(txn: Txn, now_s: float) -> list[Record]:
    unopened = txn.find(EXEC_SESSION, state=ACTIVE, status=CONNECTING)
    history = txn.find(EXEC_SESSION, state=HISTORY, limit=1000)
    return [
        *(record for record in unopened if now_s > record.document["tokenEndsAt"]),
        *(record for record in history if now_s > record.document["session"]["EndDate"] + HISTORY_S),
    ]


def _make_tidy(txn: Txn, now_s: float) -> None:
    for record in _untidy(txn, now_s):
        if record.state == ACTIVE:
            txn.put(ended(record, now_s=round(now_s, 3), details=NEVER_OPENED, status=FAILED))
        else:
            txn.delete(record)
