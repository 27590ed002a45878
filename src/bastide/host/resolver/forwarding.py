"""Sends a question on to the host's resolvers and takes the one answer that belongs to it.

Every question has a socket, and so a port, of its own and an id drawn for it, as RFC 5452 asks; nothing is
kept between two questions, so no VPC's answer can be another's. The host's resolvers keep what they know.
"""

import asyncio
import ipaddress
import itertools
import secrets
import socket
from collections.abc import Awaitable, Callable

from bastide.host.resolver.messages import (
    REFUSED,
    SERVER_FAILURE,
    Query,
    is_answer_to,
    response_code,
    with_id,
)

PORT = 53
SERVERS_MAX = 3  # resolv.conf(5), MAXNS
TRY_S = 1.5
TRIES = SERVERS_MAX  # together below the 5 s after which a task's own library gives up on us
ANSWER_MAX_BYTES = 65535

Ask = Callable[[str, Query, bytes], Awaitable[bytes]]


def parse_resolv_conf(text: bytes) -> tuple[str, ...]:
    """The addresses of the resolvers; without any it is this host, as resolv.conf(5) says."""
    words = [line.split() for line in text.decode(errors="replace").splitlines()]
    named = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and _is_address(line[1])]
    return tuple(named[:SERVERS_MAX]) or ("127.0.0.1",)


async def forward(query: Query, wire: bytes, servers: tuple[str, ...], *, over_tcp: bool) -> bytes | None:
    """The answer of the first resolver that gives one, under the asker's id; None when none does."""
    ask = _ask_tcp if over_tcp else _ask_udp
    failed = None
    for server in itertools.islice(itertools.cycle(servers), TRIES):
        try:
            async with asyncio.timeout(TRY_S):
                answer = await ask(server, query, wire)
        except (OSError, TimeoutError, EOFError):
            continue
        answer = with_id(answer, query.id)
        if response_code(answer) not in (SERVER_FAILURE, REFUSED):
            return answer
        failed = answer
    return failed


async def _ask_udp(server: str, query: Query, wire: bytes) -> bytes:
    loop, identity = asyncio.get_running_loop(), secrets.randbits(16)
    family, address = _address(server)
    with socket.socket(family, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        await loop.sock_connect(line, address)
        await loop.sock_sendall(line, with_id(wire, identity))
        while True:
            answer = await loop.sock_recv(line, ANSWER_MAX_BYTES)
            if is_answer_to(query, identity, answer):
                return answer


async def _ask_tcp(server: str, query: Query, wire: bytes) -> bytes:
    identity = secrets.randbits(16)
    reader, writer = await asyncio.open_connection(server, PORT)
    try:
        writer.write(len(wire).to_bytes(2) + with_id(wire, identity))
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    finally:
        writer.close()
    if not is_answer_to(query, identity, answer):
        raise ConnectionError("an answer to something else")
    return answer


def _address(server: str) -> tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]:
    bare, _, link = server.partition("%")
    if ipaddress.ip_address(bare).version == 4:
        return socket.AF_INET, (bare, PORT)
    return socket.AF_INET6, (bare, PORT, 0, socket.if_nametoindex(link) if link else 0)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
