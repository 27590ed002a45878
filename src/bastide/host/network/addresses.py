"""Addresses, routes and neighbours of a link, set by replacing, so every call is repeatable.

Each takes a netlink socket of the namespace it is about (see netns.inside).
"""

import errno
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

NUD_PERMANENT = 0x80  # a neighbour the kernel neither asks for nor lets anyone change
SCOPE_LINK = 253
DEFAULT = IPv4Network("0.0.0.0/0")


def ensure_address(netlink: IPRoute, index: int, address: IPv4Interface) -> None:
    """The link holds the address."""
    netlink.addr("replace", index=index, address=str(address.ip), prefixlen=address.network.prefixlen)


def ensure_neighbour(netlink: IPRoute, index: int, address: IPv4Address, mac: str) -> None:
    """Packets for `address` on the link go to `mac`, unasked."""
    netlink.neigh("replace", ifindex=index, dst=str(address), lladdr=mac, state=NUD_PERMANENT)


def ensure_link_route(netlink: IPRoute, index: int, target: IPv4Network) -> None:
    """`target` is on the link itself."""
    netlink.route("replace", dst=str(target), oif=index, scope=SCOPE_LINK)


def ensure_route(
    netlink: IPRoute, index: int, target: IPv4Network, *, via: IPv4Address, source: IPv4Address | None = None
) -> None:
    """`target` is reached over the link through `via`, whether or not that lies in a network of the link."""
    preferred: dict[str, Any] = {"prefsrc": str(source)} if source else {}
    netlink.route("replace", dst=str(target), oif=index, gateway=str(via), flags=["onlink"], **preferred)


def ensure_blackhole(netlink: IPRoute, target: IPv4Network) -> None:
    """What no longer route covers of `target` goes nowhere."""
    netlink.route("replace", dst=str(target), type="blackhole")


def remove_route(netlink: IPRoute, index: int, target: IPv4Network) -> None:
    """No route to exactly `target` over the link in the main table. Repeatable."""
    try:
        netlink.route("del", dst=str(target), oif=index)
    except NetlinkError as error:
        if error.code != errno.ESRCH:
            raise
