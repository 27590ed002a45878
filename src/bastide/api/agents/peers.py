"""Who is at the other end of a unix socket, as the kernel says."""

import asyncio
import socket
import struct


def peer_uid(writer: asyncio.StreamWriter) -> int:
    """The user id of the process that connected."""
    line: socket.socket = writer.get_extra_info("socket")
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(uid)
