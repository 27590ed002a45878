"""HTTP connections with a limit on how long, and how large, a request's head may be; with TLS or without.

uvicorn's own protocol waits for ever for a head that never ends, and keeps all of it. Bodies are limited
where they are read (app.py); both cost a slow or hostile client its connection, and nobody else anything.
What is no HTTP is refused in AWS's shape too, as far as one can to somebody who may not speak HTTP at all.
One port speaks both: a client that begins with a TLS handshake gets one, so that the registry has one name.
From inside a VPC a connection comes with a word before its first byte on where it is from (`Passage`).
"""

import asyncio
import logging
import os
import select
import ssl
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bastide.model.network.passage import NoPassage, Passage, parse_passage

NO_HTTP = "MalformedHttpRequestException"  # "Common error types" of the AWS API references
LINGER_S = 1.0  # what still comes is read and dropped: closing on unread bytes would take the answer back

TLS_HANDSHAKE = 0x16  # the first byte of a client's hello: RFC 8446, 5.1; no method begins with it
HEAD_POLL_S = 0.001
SEND_FILE_BYTES = 4 * 1024 * 1024  # in one call of the kernel's
SOCKET_WAIT_MS = 5  # on the thread, for a client that reads as fast as we send
PASSAGE = "bastide.passage"  # the name of ours among a request's ASGI extensions
BATCH_WAIT_S = 0.5  # what a slow client has sent by then is a batch too

Submit = Callable[..., Awaitable[Any]]

log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """One client's connection; give the class to uvicorn as its `http`."""

    head_timeout_s = 20.0
    stall_timeout_s = 60.0  # for a client to take the next bytes of a file
    head_max_bytes = 64 * 1024
    tls: ssl.SSLContext | None = None  # what a handshake is answered with; without it, it is no HTTP
    is_passed_on: bool = False  # it begins with a Passage
    passage: Passage | None = None

    _deadline: asyncio.TimerHandle | None = None
    _batch_bytes = 0
    _batch_timer: asyncio.TimerHandle | None = None
    _early = b""  # what came by TLS before we were told of the transport

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._is_new = self.scheme == "http"
        self._head: bytes | None = b"" if self.is_passed_on and self._is_new else None
        if self.passage is not None:
            self.client = (self.passage.client, self.passage.client_port)
        self._hello: bytearray | None = None
        self._head_bytes = 0
        self._is_refused = False
        self._await_head()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        if self._batch_timer is not None:
            self._batch_timer.cancel()
        if self.transport is not None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport is None:
            self._early += data
            return
        if self._is_refused:
            return
        if self._head is not None:
            data = self._take_passage(self._head + data)
            if not data:
                return
        if self._hello is not None:
            self._hello += data
            return
        if self._is_new:
            self._is_new = False
            if data[0] == TLS_HANDSHAKE and self.tls is not None:
                self._speak_tls(data, self.tls)
                return
        super().data_received(data)
        if self._deadline is not None and not self._is_refused:
            self._head_bytes += len(data)
            if self._head_bytes > self.head_max_bytes:
                log.info("refusing %s: its head is too large", self.client)
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Request headers are too large.")

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for bytes that are no request."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._batch_bytes = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        extensions: Any = {"bastide.batches": self.take_batches, PASSAGE: self.passage}
        if self.scheme == "http":
            extensions["bastide.sendfile"] = self.send_file
        self.scope["extensions"] = extensions
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if not self._batch_bytes or cycle.response_complete:
            super().on_body(body)
            return
        cycle.body += body
        size = len(cycle.body)
        if size >= self._batch_bytes:
            cycle.message_event.set()
            if size >= 2 * self._batch_bytes:
                self.flow.pause_reading()
        elif self._batch_timer is None:
            self._batch_timer = self.loop.call_later(BATCH_WAIT_S, self._end_batch)

    def take_batches(self, size: int) -> Callable[[], bytes]:
        """Wake the reader of this request's body for so many bytes at once, not for every piece.

        What is given back tells a reader whose client has left what had come by then.
        """
        self._batch_bytes = size
        cycle = self.cycle
        return lambda: bytes(cycle.body)

    def _end_batch(self) -> None:
        self._batch_timer = None
        if self.cycle is not None:
            self.cycle.message_event.set()

    async def send_file(self, file: int, offset: int, count: int, submit: Submit) -> None:
        """Send a part of a file as the answer's next bytes, on threads, without it passing through memory.

        Preconditions: the answer's head is sent, its content-length counts these bytes.
        """
        cycle = self.cycle
        while self.transport.get_write_buffer_size():  # the head goes first
            if cycle.disconnected:
                return
            await asyncio.sleep(HEAD_POLL_S)
        own = os.dup(self.transport.get_extra_info("socket").fileno())
        try:
            end = offset + count
            while offset < end and not cycle.disconnected:
                offset = await submit(_send_until_full, own, file, offset, end)
                if offset < end:
                    await self._writable(own)
        except (BrokenPipeError, ConnectionResetError):
            self.transport.abort()
        finally:
            os.close(own)
        cycle.expected_content_length -= count

    async def _writable(self, handle: int) -> None:
        """Until the socket takes more; the client may take its time, but not for ever."""
        ready = self.loop.create_future()
        self.loop.add_writer(handle, _set, ready)
        try:
            async with asyncio.timeout(self.stall_timeout_s):
                await ready
        except TimeoutError:
            self._drop("it does not read what it asked for")
            raise BrokenPipeError from None
        finally:
            self.loop.remove_writer(handle)

    def _take_passage(self, data: bytes) -> bytes:
        """What comes behind it, once it is whole."""
        try:
            found = parse_passage(data)
        except NoPassage:
            self._drop("it does not say where it comes from")
            return b""
        if found is None:
            self._head = data
            return b""
        self._head = None
        self.passage, rest = found
        self.client = (self.passage.client, self.passage.client_port)
        return rest

    def _speak_tls(self, hello: bytes, context: ssl.SSLContext) -> None:
        """Put TLS between the transport and a new connection, and let it have what has come already.

        `start_tls` gives the transport its TLS protocol in the task's first step and tells it of the
        transport in the loop's next round; the bytes follow right behind, before any others can arrive.
        """
        self._hello = bytearray(hello)
        self._head_arrived()
        self.connections.discard(self)
        task = self.loop.create_task(self._start_tls(context))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        self.loop.call_soon(self.loop.call_soon, self._feed_tls)

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        inside = type(self)(config=self.config, server_state=self.server_state, app_state=self.app_state)
        inside.passage = self.passage
        try:
            transport = await self.loop.start_tls(
                self.transport,
                inside,
                context,
                server_side=True,
                ssl_handshake_timeout=self.head_timeout_s,
            )
        except (OSError, TimeoutError) as error:  # the client does not trust us, or left
            log.info("no TLS with %s: %s", self.client, error)
            self.transport.abort()
            return
        assert transport is not None
        if not transport.is_closing():
            inside.connection_made(transport)

    def _feed_tls(self) -> None:
        protocol: Any = self.transport.get_protocol()  # a BufferedProtocol in all but name with uvloop
        data = memoryview(bytes(self._hello or b""))
        while data:
            buffer = protocol.get_buffer(len(data))
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            protocol.buffer_updated(size)
            data = data[size:]

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._is_refused = True
        self._head_arrived()
        body = msgspec.json.encode({"__type": NO_HTTP, "message": why})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"x-amzn-requestid: {uuid4()}",
            f"x-amzn-errortype: {NO_HTTP}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        )
        self.transport.write("\r\n".join((*head, "", "")).encode() + body)
        self.loop.call_later(LINGER_S, self.transport.close)

    def _await_head(self) -> None:
        if self._deadline is None:
            self._head_bytes = 0
            self._deadline = self.loop.call_later(self.head_timeout_s, self._drop, "its head did not arrive")

    def _head_arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self, why: str) -> None:
        log.info("closing the connection from %s: %s", self.client, why)
        self._head_arrived()
        self.transport.abort()


def passage_of(scope: Mapping[str, Any]) -> Passage | None:
    """Where a request comes from that came from inside a VPC."""
    found: Passage | None = scope.get("extensions", {}).get(PASSAGE)
    return found


def connection_with(tls: ssl.SSLContext | None) -> type[Connection]:
    """Connections that answer a TLS handshake with this certificate."""
    return type("Connection", (Connection,), {"tls": tls})


def passed_on_with(tls: ssl.SSLContext) -> type[Connection]:
    """The same, of clients inside VPCs: for a socket that only who may speak for them can reach."""
    return type("PassedOn", (Connection,), {"tls": tls, "is_passed_on": True})


def _send_until_full(own: int, file: int, offset: int, end: int) -> int:
    """On a thread: send until the client is behind; how far it came."""
    poll = select.poll()
    poll.register(own, select.POLLOUT)
    while offset < end:
        try:
            sent = os.sendfile(own, file, offset, min(end - offset, SEND_FILE_BYTES))
        except BlockingIOError:
            if not poll.poll(SOCKET_WAIT_MS):
                return offset
            continue
        if sent == 0:
            raise OSError("a file is shorter than it was")
        offset += sent
    return offset


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
