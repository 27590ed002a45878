"""Where tasks ask about themselves: a listener inside each VPC, answered by this very process.

It goes with the process: a task that asks meanwhile is refused at once and asks again. Who asks is the
address a connection comes from, which the VPC's packet rules vouch for. Used from one event loop.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from bastide.host.listening.http import Answer, converse
from bastide.host.listening.seats import Seats
from bastide.host.listening.sockets import STREAMS, open_sockets
from bastide.model.faults import NotFound
from bastide.model.network import METADATA_IP

log = logging.getLogger(__name__)

PORT = 80
CONNECTIONS_MAX = 1024  # of a VPC
CONNECTIONS_MAX_EACH = 32


class VpcEndpoints:
    """`ports.Endpoints` on this kernel."""

    def __init__(self, router_path: Callable[[str], Path]) -> None:
        self._router_path = router_path
        self._listening: dict[str, _Listener] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure_endpoint(self, vpc_id: str, answer: Answer) -> None:
        """Tasks of the VPC are answered; NotFound when the VPC has no namespace here."""
        async with self._locks.setdefault(vpc_id, asyncio.Lock()):
            router = self._router_path(vpc_id)
            try:
                netns = router.stat().st_ino
            except FileNotFoundError as error:
                raise NotFound("network namespace", vpc_id) from error
            held = self._listening.get(vpc_id)
            if held is not None and held.netns == netns:
                return
            await self._close(vpc_id)
            made = _Listener(netns, answer)
            (socket,) = await open_sockets(router, (METADATA_IP,), port=PORT, kinds=(STREAMS,))
            made.server = await asyncio.start_server(made.serve, sock=socket)
            self._listening[vpc_id] = made

    async def remove_endpoint(self, vpc_id: str) -> None:
        """Nobody answers in the VPC any more, and nothing keeps its namespace. Repeatable."""
        async with self._locks.setdefault(vpc_id, asyncio.Lock()):
            await self._close(vpc_id)

    async def close(self) -> None:
        """Remove all of them."""
        for vpc_id in tuple(self._listening):
            await self.remove_endpoint(vpc_id)

    async def _close(self, vpc_id: str) -> None:
        held = self._listening.pop(vpc_id, None)
        if held is not None:
            await held.close()


class _Listener:
    """Of one VPC, in one namespace."""

    def __init__(self, netns: int, answer: Answer) -> None:
        self.netns = netns  # its inode
        self.server: asyncio.Server | None = None
        self._answer = answer
        self._seats = Seats(CONNECTIONS_MAX, CONNECTIONS_MAX_EACH)
        self._serving: set[asyncio.Task[None]] = set()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has connected."""
        address = (writer.get_extra_info("peername") or ("",))[0]
        if not self._seats.take(address):
            writer.transport.abort()
            return
        serving = asyncio.get_running_loop().create_task(self._converse(reader, writer, address))
        self._serving.add(serving)
        serving.add_done_callback(partial(self._end, writer, address))

    async def close(self) -> None:
        """End every conversation and stop listening."""
        if self.server is not None:
            self.server.close()
        for serving in tuple(self._serving):
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        try:
            await converse(reader, writer, address, self._answer)
        except (OSError, TimeoutError):
            pass  # the caller went, or said nothing
        except Exception:
            log.exception("a task's request failed", extra={"address": address})

    def _end(self, writer: asyncio.StreamWriter, address: str, serving: asyncio.Task[None]) -> None:
        writer.close()
        self._seats.leave(address)
        self._serving.discard(serving)
