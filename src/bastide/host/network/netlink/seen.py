"""What a namespace has of addresses, routes and neighbours, as far as it is compared with what should be.

Invariant: nothing is changed. Blocks for a millisecond or two.
"""

import socket
import struct

import msgspec

from bastide.host.network import links
from bastide.host.network.netlink.dumps import NETLINK_ROUTE, dump, open_netlink

RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH = 22, 26, 30
_INDEX = struct.Struct("=i")
_BLACKHOLE = 6  # RTN_BLACKHOLE
_NUD_PERMANENT = 0x80


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """Each entry begins with its link's name; a route that leads nowhere has none."""

    links: frozenset[str] = frozenset()
    addresses: frozenset[tuple[str, str]] = frozenset()  # address with its prefix length
    routes: frozenset[tuple[str, str]] = frozenset()  # CIDR, of the main table
    neighbours: frozenset[tuple[str, str, str]] = frozenset()  # address and MAC, of the permanent ones


def read_routing() -> Routing:
    """What the calling thread's namespace has."""
    names = links.read_names()
    with open_netlink(NETLINK_ROUTE) as line:
        addresses = frozenset(
            (names.get(_INDEX.unpack_from(head, 4)[0], ""), f"{_ip(held[2])}/{head[1]}")
            for head, held in dump(line, RTM_GETADDR, 8)
            if 2 in held
        )
        routes = frozenset(
            ("" if head[7] == _BLACKHOLE else _name(names, held.get(4)), f"{_ip(held.get(1))}/{head[1]}")
            for head, held in dump(line, RTM_GETROUTE, 12)
            if head[4] == links.MAIN_TABLE
        )
        neighbours = frozenset(
            (names.get(_INDEX.unpack_from(head, 4)[0], ""), _ip(held[1]), held[2].hex(":"))
            for head, held in dump(line, RTM_GETNEIGH, 12)
            if head[8] & _NUD_PERMANENT and 2 in held
        )
    return Routing(links=frozenset(names.values()), addresses=addresses, routes=routes, neighbours=neighbours)


def _ip(packed: bytes | None) -> str:
    return socket.inet_ntoa(packed) if packed else "0.0.0.0"


def _name(names: dict[int, str], index: bytes | None) -> str:
    return names.get(_INDEX.unpack(index)[0], "") if index else ""
