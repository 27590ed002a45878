"""Uploads between two requests: their files stay open for a while, so that no byte is hashed twice.

A lost session costs time, never bytes: the file is opened and read again. Few are kept, the one used
longest ago goes first, so that uploads cut short by the thousand hold no descriptors.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bastide.api.distribution.exchange import BATCH_BYTES, Disconnected, Exchange, Threads
from bastide.model.faults import Conflict
from bastide.store.registry.blobs import Blobs, Incoming

KEPT = 64
KEPT_S = 300.0


class Sessions:
    """Open uploads of one server; used from the event loop."""

    def __init__(self, blobs: Blobs, threads: Threads) -> None:
        self._blobs = blobs
        self._threads = threads
        self._idle: dict[str, Incoming] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._busy: set[str] = set()

    @asynccontextmanager
    async def taken(self, upload_id: str) -> AsyncIterator[Incoming]:
        """The upload for one request alone. Raises NotFound, or Conflict while another request has it."""
        if upload_id in self._busy:
            raise Conflict("upload", upload_id, why="Another request is writing to this upload")
        self._busy.add(upload_id)
        try:
            incoming = self._take(upload_id)
            if incoming is None:
                incoming = await self._threads.submit(Incoming, self._blobs.upload_path(upload_id))
            try:
                yield incoming
            finally:
                self._put_back(upload_id, incoming)
        finally:
            self._busy.discard(upload_id)

    def _put_back(self, upload_id: str, incoming: Incoming) -> None:
        if incoming.is_closed:
            return
        self._idle[upload_id] = incoming
        later = asyncio.get_running_loop().call_later
        self._timers[upload_id] = later(KEPT_S, self._close, upload_id)
        while len(self._idle) > KEPT:
            self._close(next(iter(self._idle)))

    def _take(self, upload_id: str) -> Incoming | None:
        if timer := self._timers.pop(upload_id, None):
            timer.cancel()
        return self._idle.pop(upload_id, None)

    def _close(self, upload_id: str) -> None:
        if incoming := self._take(upload_id):
            incoming.close()

    async def read_size(self, upload_id: str) -> int:
        """How many bytes have come. Raises NotFound."""
        return await self._threads.submit(self._blobs.upload_size, upload_id)

    async def drop(self, upload_id: str) -> None:
        """Forget the upload's bytes. Repeatable."""
        self._close(upload_id)
        await self._threads.submit(self._blobs.drop, upload_id)


async def receive_into(incoming: Incoming, exchange: Exchange) -> None:
    """Append the request's body: while one batch is hashed and written, the next one comes in.

    What came before the client left is kept, so that it can go on from there.
    """
    writing: asyncio.Future[None] | None = None
    batch: list[bytes] = []
    size = 0
    try:
        async for chunk in exchange.chunks():
            batch.append(chunk)
            size += len(chunk)
            if size >= BATCH_BYTES:
                if writing is not None:
                    await writing
                writing = exchange.threads.submit(incoming.write, batch)
                batch, size = [], 0
    except Disconnected:
        await _finish(incoming, exchange, writing, batch)
        raise
    except BaseException:
        if writing is not None:
            await asyncio.wait([writing])
        raise
    await _finish(incoming, exchange, writing, batch)


async def _finish(
    incoming: Incoming, exchange: Exchange, writing: "asyncio.Future[None] | None", batch: list[bytes]
) -> None:
    if writing is not None:
        await writing
    if batch:
        await exchange.threads.submit(incoming.write, batch)
