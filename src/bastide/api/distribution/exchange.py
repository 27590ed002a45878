"""One request to the registry and its answer, neither of them ever whole in memory.

Owns how bytes come and go; knows no rule of the registry. A client that falls silent for `SILENCE_S` while
it sends has left. Files are read, written and hashed on threads of the registry's own.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qs

from bastide.api.connections import passage_of
from bastide.api.operation import Origin
from bastide.model.faults import LimitExceeded

SILENCE_S = 60.0
THREADS = 8  # more would only take turns: two of them fill a disk, and hashing is one core each
SEND_BYTES = 512 * 1024
BATCH_BYTES = 512 * 1024  # of a body, hashed and written at once
# Extensions of our own connections (api/connections.py); without them everything is as slow as ASGI is.
SEND_FILE, BATCHES = "bastide.sendfile", "bastide.batches"

T = TypeVar("T")
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]


class Disconnected(Exception):
    """The client left before its request was whole."""


class Threads:
    """Where blocking work of the registry is done, apart from everybody else's."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="registry")

    def submit(self, fn: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
        """Begin; the future is of the event loop that called."""
        return asyncio.get_running_loop().run_in_executor(self._pool, fn, *arguments)


class Exchange:
    """What a handler has of a request, and how it answers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, threads: Threads) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.threads = threads
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.is_started = False
        query = scope["query_string"].decode("utf-8", "replace")
        self._query = parse_qs(query, keep_blank_values=True)
        self.query = {name: values[0] for name, values in self._query.items()}
        self.headers: dict[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        client, passage = self._scope.get("client"), passage_of(self._scope)
        return Origin(
            address=client[0] if client else "",
            is_secure=self._scope.get("scheme") == "https",
            user_agent=self.headers.get("user-agent", ""),
            vpc_id=passage.vpc_id if passage else "",
            endpoint_id=passage.endpoint_id if passage else "",
        )

    def query_values(self, name: str) -> list[str]:
        """Every value of a parameter that may be given more than once."""
        return self._query.get(name, [])

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises Disconnected."""
        take_batches = self._scope.get("extensions", {}).get(BATCHES)
        read_rest = take_batches(BATCH_BYTES) if take_batches else bytes
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    message = await self._receive()
            except TimeoutError as error:
                raise Disconnected from error
            if message["type"] == "http.disconnect":
                if rest := read_rest():
                    yield rest
                raise Disconnected
            if body := message.get("body"):
                yield body
            if not message.get("more_body", False):
                return

    async def body(self, *, limit_bytes: int) -> bytes:
        """A small body; LimitExceeded of the noun `manifest` beyond the limit."""
        told = self.headers.get("content-length", "0")
        size = int(told) if told.isdecimal() else 0
        parts: list[bytes] = []
        if size <= limit_bytes:
            size = 0
            async for chunk in self.chunks():
                size += len(chunk)
                if size > limit_bytes:
                    break
                parts.append(chunk)
        if size > limit_bytes:
            raise LimitExceeded("manifest", why=f"The manifest is larger than {limit_bytes} bytes")
        return b"".join(parts)

    async def answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Send a whole answer. To HEAD only its headers go, a content-length among them."""
        told = {"content-length": str(len(body))} | dict(headers or {})
        if status == 204:
            del told["content-length"]
        await self._start(status, told)
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else body})

    async def answer_file(
        self, status: int, headers: Mapping[str, str], handle: int, *, offset: int, count: int
    ) -> None:
        """Send a part of a file, from the kernel's cache to the socket where the connection can."""
        await self._start(status, dict(headers) | {"content-length": str(count)})
        if self.method != "HEAD" and count:
            send_file = self._scope.get("extensions", {}).get(SEND_FILE)
            if send_file is not None:
                await send_file(handle, offset, count, self.threads.submit)
            else:
                await self._send_parts(handle, offset, count)
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_parts(self, handle: int, offset: int, count: int) -> None:
        """Through memory, a part at a time: under TLS the bytes have to be touched anyway."""
        end = offset + count
        following = self.threads.submit(os.pread, handle, min(SEND_BYTES, count), offset)
        while offset < end:
            part = await following
            if not part:
                raise OSError("a blob is shorter than its record says")
            offset += len(part)
            if offset < end:
                following = self.threads.submit(os.pread, handle, min(SEND_BYTES, end - offset), offset)
            await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.is_started = True
        told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        told.append((b"docker-distribution-api-version", b"registry/2.0"))
        await self._send({"type": "http.response.start", "status": status, "headers": told})
