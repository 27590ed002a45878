"""HTTP connections with a limit on how long, and how large, a request's head may be.

uvicorn's own protocol waits for ever for a head that never ends, and keeps all of it. Bodies are limited
where they are read (app.py); both cost a slow or hostile client its connection, and nobody else anything.
What is no HTTP is refused in AWS's shape too, as far as one can to somebody who may not speak HTTP at all.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

NO_HTTP = "MalformedHttpRequestException"  # "Common error types" of the AWS API references
LINGER_S = 1.0  # what still comes is read and dropped: closing on unread bytes would take the answer back

log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """One client's connection; give the class to uvicorn as its `http`."""

    head_timeout_s = 20.0
    head_max_bytes = 64 * 1024

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_refused = False
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
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
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

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
