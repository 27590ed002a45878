"""HTTP connections with a limit on how long, and how large, a request's head may be.

uvicorn's own protocol waits for ever for a head that never ends, and keeps all of it. Bodies are limited
where they are read (app.py); both cost a slow or hostile client its connection, and nobody else anything.
"""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """One client's connection; give the class to uvicorn as its `http`."""

    head_timeout_s = 20.0
    head_max_bytes = 64 * 1024

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self.head_max_bytes:
                self._drop("its head is too large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

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
