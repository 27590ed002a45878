"""The agent's end of the session: connects, says hello, keeps alive, comes back after a loss.

Owns the connection and nothing of what is said over it: messages go to `on_message`, and `on_welcome` is
called once per connection, before anything else, to say again what the server may have missed. Sending
without a connection is refused (False), never queued: whoever sends keeps what matters and says it again.
"""

import asyncio
import contextlib
import logging
import random
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from bastide.model.faults import Denied, Fault, Invalid, Unavailable
from bastide.model.frames import (
    PROTOCOL,
    Downward,
    FrameReader,
    Heartbeat,
    Hello,
    Message,
    Refusal,
    Upward,
    Welcome,
    render_frame,
)

log = logging.getLogger(__name__)

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
SILENCE_HEARTBEATS = 4  # so many unanswered heartbeats mean that nobody is there
BUFFER_MAX_BYTES = 64 * 1024 * 1024
READ_BYTES = 256 * 1024
WELCOME_TIMEOUT_S = 10.0


class Session:
    """One agent's line to the server; used from the agent's event loop only."""

    def __init__(
        self,
        path: Path,
        hello: Hello,
        *,
        server_uids: frozenset[int],
        on_welcome: Callable[[Welcome], None],
        on_message: Callable[[Downward], None],
    ) -> None:
        self._path = path
        self._hello = hello
        self._server_uids = server_uids
        self._on_welcome = on_welcome
        self._on_message = on_message
        self._writer: asyncio.StreamWriter | None = None
        self._backoff_s = BACKOFF_FIRST_S  # grows with each failure, until a welcome

    @property
    def is_connected(self) -> bool:
        """Whether the server has welcomed us and the line stands."""
        return self._writer is not None

    def send(self, message: Upward) -> bool:
        """Hand the message to the line; False when there is none or it is choked."""
        if self._writer is None:
            return False
        if self._writer.transport.get_write_buffer_size() > BUFFER_MAX_BYTES:
            return False
        self._writer.write(render_frame(message))
        return True

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        while True:
            try:
                await self._live()
            except (OSError, Fault, TimeoutError) as error:
                log.info("no session with the server", extra={"why": str(error) or type(error).__name__})
            await asyncio.sleep(random.uniform(0.5, 1.0) * self._backoff_s)
            self._backoff_s = min(self._backoff_s * 2, BACKOFF_MAX_S)

    async def _live(self) -> None:
        """One connection, from hello to its loss; always ends by raising."""
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            self._check_peer(writer)
            frames = FrameReader()
            writer.write(render_frame(self._hello))
            async with asyncio.timeout(WELCOME_TIMEOUT_S):
                welcome, rest = await _read_welcome(reader, frames)
            log.info("session opened", extra={"server": welcome.server_version})
            self._writer, self._backoff_s = writer, BACKOFF_FIRST_S
            self._on_welcome(welcome)
            for message in rest:
                self._take(message)
            await self._serve(reader, frames, welcome.heartbeat_s)
        finally:
            self._writer = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, frames: FrameReader, heartbeat_s: float) -> None:
        beating = asyncio.create_task(self._beat(heartbeat_s))
        try:
            while True:
                async with asyncio.timeout(heartbeat_s * SILENCE_HEARTBEATS):
                    data = await reader.read(READ_BYTES)
                if not data:
                    raise Unavailable("session", why="the server closed the session")
                for message in frames.feed(data):
                    self._take(message)
        finally:
            beating.cancel()

    async def _beat(self, heartbeat_s: float) -> None:
        sequence = 0
        while True:
            await asyncio.sleep(heartbeat_s)
            sequence += 1
            self.send(Heartbeat(sequence))

    def _take(self, message: Message) -> None:
        if isinstance(message, Downward) and not isinstance(message, Heartbeat):
            self._on_message(message)

    def _check_peer(self, writer: asyncio.StreamWriter) -> None:
        line: socket.socket = writer.get_extra_info("socket")
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        if uid not in self._server_uids:
            raise Denied("session", why=f"the socket is held by user id {uid}, which is not the server's")


async def _read_welcome(reader: asyncio.StreamReader, frames: FrameReader) -> tuple[Welcome, list[Message]]:
    while True:
        data = await reader.read(READ_BYTES)
        if not data:
            raise Unavailable("session", why="the server closed the session before its welcome")
        messages = frames.feed(data)
        if not messages:
            continue
        first, *rest = messages
        if isinstance(first, Refusal):
            raise Denied("session", why=f"the server refused this agent: {first.why}")
        if not isinstance(first, Welcome) or first.protocol != PROTOCOL:
            raise Invalid("session", why=f"expected a welcome of protocol {PROTOCOL}")
        return first, rest
