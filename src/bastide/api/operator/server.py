"""Listens for operators' commands on a unix socket: root's, and those of the user the server runs as.

One question a connection, each on an asyncio task of its own; a command that goes away ends what it asked
for. Only user ids in `operator_uids` are heard (SO_PEERCRED).
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from bastide.api.agents.peers import peer_uid
from bastide.api.audit import Trail
from bastide.api.audit.identities import operator
from bastide.api.audit.trail import OPERATOR, Event
from bastide.api.operation import Origin
from bastide.api.operator import events, interruption, network, registry, retirement, tasks
from bastide.api.operator.operation import Context, Follows, Operation, Reads, Writes
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.faults import Denied, Fault, Invalid, NotFound, Unavailable
from bastide.model.messages.framing import Bodies, render_message
from bastide.model.messages.operator import Answer, Ask, Done, Refused, Reply, parse_ask
from bastide.store import Store

OPERATIONS: dict[str, Operation] = {
    operation.asked.name: operation
    for module in (events, interruption, network, registry, retirement, tasks)
    for operation in module.OPERATIONS
}
NAME_MAX_CHARS = 64  # of an operation that does not exist
ASK_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 60.0  # a terminal that was stopped, say; whoever follows comes back and goes on
READ_BYTES = 64 * 1024
SOCKET_MODE = 0o600

log = logging.getLogger(__name__)


class Operators:
    """Every command that asks; used from one event loop."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        vault: Vault,
        *,
        trail: Trail,
        operator_uids: frozenset[int] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._settings = settings
        self._vault = vault
        self._trail = trail
        self._operator_uids = frozenset({0, os.getuid()}) if operator_uids is None else operator_uids
        self._now = now
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen until cancelled."""
        path = self._settings.operator_socket
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._accept, path=str(path))
        path.chmod(SOCKET_MODE)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for serving in tuple(self._serving):
                serving.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ask = await _read_ask(reader)  # first: a socket closed with bytes unread is reset
            answering = asyncio.create_task(self._answer(ask, writer))
            leaving = asyncio.create_task(reader.read(1))
            try:
                await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (answering, leaving):
                    task.cancel()
                await asyncio.gather(answering, leaving, return_exceptions=True)
        except (Fault, OSError, TimeoutError) as error:
            log.info("an operator's question was not heard", extra={"why": str(error)})
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, ask: Ask, writer: asyncio.StreamWriter) -> None:
        last: Reply = Done()
        uid = peer_uid(writer)
        try:
            self._check_peer(uid)
            async for result in self._results(ask, uid):
                await _send(writer, Answer(msgspec.Raw(msgspec.json.encode(result))))
        except Fault as fault:
            last = Refused(str(fault), is_passing=isinstance(fault, Unavailable))
            with contextlib.suppress(Unavailable):
                await self._trail.note(event_of(ask, uid, error=(type(fault).__name__, str(fault))))
        except (OSError, TimeoutError):
            return  # whoever asked has gone
        except Exception:
            log.exception("an operator's question failed", extra={"operation": ask.operation})
            last = Refused("The server failed at this: see its log (bastide logs server).")
        with contextlib.suppress(OSError, TimeoutError):
            await _send(writer, last)

    def _check_peer(self, uid: int) -> None:
        if uid not in self._operator_uids:
            raise Denied("operator", why=f"User id {uid} is no operator of {self._settings.instance}.")

    async def _results(self, ask: Ask, uid: int) -> AsyncIterator[msgspec.Struct]:
        operation = OPERATIONS.get(ask.operation)
        if operation is None:
            why = (
                f"This server knows no operation {ask.operation}: it is of another version than the command."
            )
            raise NotFound("operation", ask.operation, why=why)
        try:
            params = msgspec.json.decode(ask.params, type=operation.asked.params)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Invalid("operation", ask.operation, why=f"{ask.operation}: {error}.") from error
        if isinstance(operation, Follows):
            await self._trail.note(event_of(ask, uid))
            async for result in operation.run(self._store, params):
                yield result
            return
        assert isinstance(operation, Reads | Writes)
        context = Context(now=self._now(), settings=self._settings, vault=self._vault)
        run = partial(_run, operation, context, params)
        if isinstance(operation, Writes):
            await self._trail.ready()
        result = await (self._store.view if isinstance(operation, Reads) else self._store.update)(run)
        await self._trail.note(event_of(ask, uid))
        if isinstance(operation, Writes):
            log.info("done for an operator", extra={"operation": ask.operation, "uid": uid})
        yield result


def event_of(ask: Ask, uid: int, *, error: tuple[str, str] | None = None) -> Event:
    """What the audit log is told of a question: who on this host, and what; the questions hold no secrets."""
    return Event(
        source=OPERATOR,
        name="".join(word.capitalize() for word in ask.operation[:NAME_MAX_CHARS].split("-")),
        is_read_only=not isinstance(OPERATIONS.get(ask.operation), Writes),
        identity=operator(uid),
        origin=Origin(address="localhost", user_agent="bastide"),
        error=error,
        parameters={"asked": msgspec.json.decode(ask.params)} if error is None else None,
    )


def _run(operation: Any, context: Context, params: Any, txn: Any) -> Any:
    return operation.run(txn, context, params)


async def _read_ask(reader: asyncio.StreamReader) -> Ask:
    bodies = Bodies()
    async with asyncio.timeout(ASK_TIMEOUT_S):
        while data := await reader.read(READ_BYTES):
            for body in bodies.feed(data):
                return parse_ask(body)
    raise Unavailable("operator", why="the command closed the connection before it had asked")


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(render_message(reply))
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await writer.drain()
