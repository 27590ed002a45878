"""netlink's dumps, cut apart no further than is needed.

Not by pyroute2, which takes every message wholly apart: 130 µs each, for some hundred of them every few
seconds. Here only the outermost attributes are cut out, as bytes.
"""

import os
import socket
import struct
from collections.abc import Iterator

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
ATTRIBUTE = struct.Struct("=HH")  # length, type
_ATTRIBUTE_TYPE = 0x3FFF  # without the bits for "nested" and "in network order"
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2
_BUFFER_BYTES = 1 << 16
Attributes = dict[int, bytes]


def open_netlink(protocol: int) -> socket.socket:
    """A line to the kernel in the calling thread's namespace."""
    line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    line.bind((0, 0))
    return line


def dump(line: socket.socket, kind: int, head_bytes: int) -> Iterator[tuple[bytes, Attributes]]:
    """Of each IPv4 entry of the kind: its fixed part and its attributes."""
    body = bytes([socket.AF_INET]).ljust(head_bytes, b"\0")
    line.send(HEADER.pack(HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body)
    while True:
        data = line.recv(_BUFFER_BYTES)
        at = 0
        while at < len(data):
            length, answer, *_ = HEADER.unpack_from(data, at)
            if answer == _DONE:
                return
            if answer == _ERROR:
                raise_error(data, at)
            start, end = at + HEADER.size, at + length
            yield data[start : start + head_bytes], attributes(data[start + head_bytes : end])
            at += (length + 3) & ~3


def attributes(data: bytes) -> Attributes:
    """The attributes in a row, by type."""
    found: Attributes = {}
    at = 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        found[kind & _ATTRIBUTE_TYPE] = data[at + ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def raise_error(data: bytes, at: int = 0) -> None:
    """Raise what the kernel answered with, unless it was an acknowledgement."""
    code = -struct.unpack_from("=i", data, at + HEADER.size)[0]
    if code:
        raise OSError(code, f"netlink: {os.strerror(code)}")
