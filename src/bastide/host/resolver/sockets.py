"""The sockets a VPC's resolver answers on, opened inside the VPC's namespace."""

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from bastide.host.network.netns import inside

PORT = 53
BUFFER_BYTES = 512 * 1024  # what waits while the process starts, or is held to its part of a processor


async def open_sockets(netns: Path, addresses: Iterable[str]) -> list[socket.socket]:
    """UDP and TCP on each address, bound; Unavailable when another process has them."""

    def open_all() -> list[socket.socket]:
        with ExitStack() as undo:
            made = []
            for address in addresses:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    each = undo.enter_context(socket.socket(socket.AF_INET, kind))
                    if kind is socket.SOCK_DGRAM:
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                    else:
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    each.bind((address, PORT))
                    made.append(each)
            undo.pop_all()
            return made

    return await inside(netns, lambda _: open_all())
