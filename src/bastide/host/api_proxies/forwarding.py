"""Passes connections from inside a VPC on to the server, each with a word on where it comes from.

What travels is not looked at, so TLS is between client and server. A bounded number of connections at a
time, and fewer from one address; what is beyond is closed. While the server is away a connection is closed
at once, which every SDK answers by trying again. Runs on one event loop.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence

from bastide.host.listening.seats import Seats
from bastide.model.network.passage import Passage, render_passage

CONNECTIONS_MAX = 1024
CONNECTIONS_MAX_EACH = 128
CONNECT_S = 5.0
LINGER_S = 5.0  # for a client to end what the server has ended
CHUNK_BYTES = 64 * 1024
BACKLOG = 512

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Forwarder:
    """One endpoint. `connect` opens a line to the server."""

    def __init__(self, connect: Connect, *, vpc_id: str, endpoint_id: str = "") -> None:
        self._connect, self._vpc_id, self._endpoint_id = connect, vpc_id, endpoint_id
        self._seats = Seats(CONNECTIONS_MAX, CONNECTIONS_MAX_EACH)

    async def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Pass on what comes in on all of them until cancelled. Preconditions: bound."""
        async with contextlib.AsyncExitStack() as open_ones:
            for each in sockets:
                server = await asyncio.start_server(self._take, sock=each, backlog=BACKLOG)
                await open_ones.enter_async_context(server)
            await asyncio.Event().wait()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client, client_port = writer.get_extra_info("peername") or ("", 0)
        address, port = writer.get_extra_info("sockname")
        if not client or not self._seats.take(client):
            writer.transport.abort()
            return
        passage = Passage(
            vpc_id=self._vpc_id,
            client=client,
            client_port=client_port,
            address=address,
            port=port,
            endpoint_id=self._endpoint_id,
        )
        try:
            await self._pass_on(passage, reader, writer)
        finally:
            self._seats.leave(client)
            writer.close()

    async def _pass_on(
        self, passage: Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                from_server, to_server = await self._connect()
        except (OSError, TimeoutError):
            return
        to_server.write(render_passage(passage))
        upward = asyncio.create_task(_copy(reader, to_server))
        try:
            await _copy(from_server, writer)
            async with asyncio.timeout(LINGER_S):
                await upward
        except TimeoutError:
            pass
        finally:
            upward.cancel()
            to_server.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the one end has no more, which the other is told; a broken end breaks the other."""
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
