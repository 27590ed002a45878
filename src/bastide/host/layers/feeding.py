"""The bytes of an arriving layer on their way into the program that looks at it.

They go through a named pipe, whose pages are the file's own: nothing is copied here, however large the layer.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from bastide.host.layers.arrivals import Arrival
from bastide.host.layers.order import PIPE_BYTES
from bastide.model.faults import Unavailable

STALL_TIMEOUT_S = 120.0  # for the next bytes to be taken; a disk may be slow, a containerd may hang


@contextlib.contextmanager
def pipe_at(path: Path) -> Iterator[int]:
    """A named pipe, open for writing, for as long as the block runs."""
    os.mkfifo(path, 0o600)
    try:
        # Open at both ends, opening waits for nobody, and what is written is kept for whoever comes later.
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            with contextlib.suppress(OSError):  # the kernel's default will do
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            yield pipe
        finally:
            os.close(pipe)
    finally:
        path.unlink(missing_ok=True)  # who has opened it, removes it


async def feed(arrival: Arrival, pipe: int) -> None:
    """Every byte of the layer, as soon as it is there. Raises what broke the layer, and Unavailable."""
    sent = 0
    while sent < arrival.blob.size:
        there = await arrival.wait_beyond(sent)
        try:
            flags = os.SPLICE_F_NONBLOCK
            sent += os.splice(arrival.file, pipe, there - sent, offset_src=sent, flags=flags)
        except BlockingIOError:
            await _wait_writable(pipe)


async def _wait_writable(pipe: int) -> None:
    loop = asyncio.get_running_loop()
    writable = asyncio.Event()
    loop.add_writer(pipe, writable.set)
    try:
        async with asyncio.timeout(STALL_TIMEOUT_S):
            await writable.wait()
    except TimeoutError as error:
        raise Unavailable("layer", why="containerd did not take the layer in time") from error
    finally:
        loop.remove_writer(pipe)
