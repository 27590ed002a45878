"""Speaking to a socket that a program inside a task has made in a folder of the task's.

The task may put anything there instead: a link to a socket of the host's, say, and our words would reach
that one with root's rights. So the last name is opened without following it, and connected to by what was
opened; that also spares the address its 108 bytes.
"""

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path

from bastide.model.faults import Invalid, Unavailable

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


async def connect_to_task(folder: Path, name: str) -> asyncio.StreamWriter:
    """Unavailable while nobody listens there; Invalid when what is there is no socket."""
    connected = _connected(folder, name)
    try:
        _, writer = await asyncio.open_unix_connection(sock=connected)
    except OSError as error:
        connected.close()
        raise Unavailable("socket", name, why=str(error)) from error
    return writer


def _connected(folder: Path, name: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        found = os.open(folder / name, _LOOK)
        try:
            if not stat.S_ISSOCK(os.fstat(found).st_mode):
                raise Invalid("socket", name, why=f"{name} is no socket")
            made.connect(f"/proc/self/fd/{found}")
        finally:
            os.close(found)
    except OSError as error:
        made.close()
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Invalid("socket", name, why=str(error)) from error
        raise Unavailable("socket", name, why=str(error)) from error
    except Invalid:
        made.close()
        raise
    return made
