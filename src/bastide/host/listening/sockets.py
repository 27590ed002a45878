"""Sockets opened inside a VPC's namespace by a process that is not in it."""

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from bastide.host.network.netns import inside

BUFFER_BYTES = 512 * 1024  # what waits while a process starts, or is held to its part of a processor
DATAGRAMS, STREAMS = socket.SOCK_DGRAM, socket.SOCK_STREAM


async def open_sockets(
    netns: Path, addresses: Iterable[str], *, port: int, kinds: Iterable[socket.SocketKind]
) -> list[socket.socket]:
    """One of each kind on each address, bound; Unavailable when another process has them."""

    def open_all() -> list[socket.socket]:
        with ExitStack() as undo:
            made = []
            for address in addresses:
                for kind in kinds:
                    each = undo.enter_context(socket.socket(socket.AF_INET, kind))
                    if kind is DATAGRAMS:
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                    else:
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    each.bind((address, port))
                    made.append(each)
            undo.pop_all()
            return made

    return await inside(netns, lambda _: open_all())
