"""A client's WebSocket as a session sees it: frames are put, and go out as fast as the client takes them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

NORMAL, POLICY_VIOLATION = 1000, 1008  # RFC 6455, 7.4.1

log = logging.getLogger(__name__)


class Socket:
    """One connection that was accepted; `receive` and `send` are ASGI's."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()

    @property
    def is_behind(self) -> bool:
        """Whether frames wait for the client."""
        return not self._frames.empty()

    def put(self, frames: Iterable[bytes]) -> None:
        """Send them after all others; dropped without a word once the client is gone."""
        for frame in frames:
            self._frames.put_nowait(frame)

    def end(self) -> None:
        """Close it behind the last frame."""
        self._frames.put_nowait(None)

    async def read(self) -> str | bytes | None:
        """What the client says next; None when it is gone."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        data = message.get("bytes")
        return data if data is not None else str(message.get("text") or "")

    async def run(self, take: Callable[[bytes], None]) -> None:
        """Serve until either side closes; `take` gets the client's binary frames."""
        sending = asyncio.create_task(self._send_all())
        reading = asyncio.create_task(self._read_all(take))
        try:
            await asyncio.wait((sending, reading), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, reading):
                task.cancel()
            ends = await asyncio.gather(sending, reading, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception):
                    log.info("a data channel broke off", extra={"why": str(end) or type(end).__name__})

    async def close(self, code: int = NORMAL) -> None:
        """At once; whether or not the client is still there."""
        await self._send({"type": "websocket.close", "code": code})

    async def _send_all(self) -> None:
        while (frame := await self._frames.get()) is not None:
            await self._send({"type": "websocket.send", "bytes": frame})
        await self.close()

    async def _read_all(self, take: Callable[[bytes], None]) -> None:
        while (data := await self.read()) is not None:
            if isinstance(data, bytes):
                take(data)
