"""Answers the look-ups of one VPC's tasks, on sockets that were opened inside that VPC.

What is known here is said at once; the rest waits for the host's resolvers, a bounded number of questions at
a time, and fewer from one address. What is beyond that is dropped, as a resolver that is flooded does: the
asker asks again. Runs on one event loop.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence

from bastide.host.listening.seats import Seats
from bastide.host.resolver.messages import (
    CLASS_IN,
    QUERY_MAX_BYTES,
    REFUSED,
    SERVER_FAILURE,
    TRANSFERS,
    Malformed,
    Query,
    cut_to_size,
    parse_query,
    render_failure,
    render_resolution,
)
from bastide.model.network.names import Resolution, Said

Resolve = Callable[[str, int], Resolution]  # by name and type
Forward = Callable[[Query, bytes, bool], Awaitable[bytes | None]]  # the last: over TCP

WAITING_MAX = 512  # questions sent on at a time
WAITING_MAX_EACH = 64  # of these, from one address
CONNECTIONS_MAX = 64
CONNECTIONS_MAX_EACH = 8
IDLE_S = 10.0  # a connection may say nothing for so long


class Server:
    """The resolver of one VPC."""

    def __init__(self, resolve: Resolve, forward: Forward) -> None:
        self._resolve, self._forward = resolve, forward
        self._waiting = Seats(WAITING_MAX, WAITING_MAX_EACH)
        self._connected = Seats(CONNECTIONS_MAX, CONNECTIONS_MAX_EACH)
        self._forwarding: set[asyncio.Task[None]] = set()

    async def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Answer on all of them until cancelled. Preconditions: bound, the TCP ones not yet listening."""
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as open_ones:
            for each in sockets:
                if each.type == socket.SOCK_STREAM:
                    await open_ones.enter_async_context(await asyncio.start_server(self._converse, sock=each))
                else:
                    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=each)
                    open_ones.callback(transport.close)
            await asyncio.Event().wait()

    def answer_here(self, wire: bytes) -> tuple[Query, bytes | None]:
        """The question, and what can be said to it without asking anybody. Raises Malformed."""
        query = parse_query(wire)
        if query.klass != CLASS_IN or query.kind in TRANSFERS:
            return query, render_failure(query, REFUSED)
        resolution = self._resolve(query.name, query.kind)
        return query, None if resolution.said is Said.FORWARD else render_resolution(query, resolution)

    def take(self, wire: bytes, address: str, reply: Callable[[bytes], None]) -> None:
        """One datagram; `reply` is called now, later or never."""
        try:
            query, answer = self.answer_here(wire)
        except Malformed as malformed:
            if malformed.answer:
                reply(malformed.answer)
            return
        if answer is not None:
            reply(cut_to_size(query, answer))
        elif self._waiting.take(address):
            asking = asyncio.create_task(self._send_on(query, wire, address, reply))
            self._forwarding.add(asking)
            asking.add_done_callback(self._forwarding.discard)

    async def _send_on(self, query: Query, wire: bytes, address: str, reply: Callable[[bytes], None]) -> None:
        answer = await self._ask(query, wire, address, over_tcp=False)
        reply(cut_to_size(query, answer or render_failure(query, SERVER_FAILURE)))

    async def _ask(self, query: Query, wire: bytes, address: str, *, over_tcp: bool) -> bytes | None:
        """Preconditions: a seat was taken."""
        try:
            return await self._forward(query, wire, over_tcp)
        finally:
            self._waiting.leave(address)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = (writer.get_extra_info("peername") or ("",))[0]
        if not self._connected.take(address):
            writer.close()
            return
        try:
            with contextlib.suppress(OSError, EOFError, TimeoutError, Malformed):
                await self._answer_all(reader, writer, address)
        finally:
            self._connected.leave(address)
            writer.close()

    async def _answer_all(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        """One after the other, until the asker has had enough; anything malformed ends it."""
        while True:
            async with asyncio.timeout(IDLE_S):
                size = int.from_bytes(await reader.readexactly(2))
                if size > QUERY_MAX_BYTES:
                    return
                wire = await reader.readexactly(size)
            query, answer = self.answer_here(wire)
            if answer is None:
                if not self._waiting.take(address):
                    return
                answer = await self._ask(query, wire, address, over_tcp=True)
            answer = answer or render_failure(query, SERVER_FAILURE)
            async with asyncio.timeout(IDLE_S):
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    """Hands what comes in on one socket to the server, and its answers back."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """asyncio's."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """asyncio's."""
        transport = self._transport
        if transport is not None:
            self._server.take(data, addr[0], lambda answer: transport.sendto(answer, addr))
