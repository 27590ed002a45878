"""Links: veth pairs, found and made by name through a netlink socket (see netns.inside).

A link's alias is a note the kernel keeps for as long as the link lives; Bastide writes there what it
needs to know when the link goes. All calls block for a millisecond or less and are repeatable. Names and
indexes come from the C library where they are all that is wanted: taking a whole link apart is far dearer.
"""

import errno
import socket
from typing import Any

import msgspec
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

MAIN_TABLE = 254


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link as the kernel has it."""

    index: int
    name: str
    alias: str = ""


def read_link(netlink: IPRoute, name: str) -> Link | None:
    """The link of that name in this namespace."""
    try:
        found = netlink.link("get", ifname=name)
    except NetlinkError as error:
        if error.code == errno.ENODEV:
            return None
        raise
    return _link(found[0])


def read_links(netlink: IPRoute) -> list[Link]:
    """All links of this namespace."""
    return [_link(message) for message in netlink.link("dump")]


def read_names() -> dict[int, str]:
    """Index and name of every link of the calling thread's namespace."""
    return dict(socket.if_nameindex())


def read_default_links(netlink: IPRoute) -> set[str]:
    """Names of the links this namespace's IPv4 default routes leave by."""
    indexes: set[int] = set()
    for route in netlink.route("dump", family=socket.AF_INET, table=MAIN_TABLE):
        if route["dst_len"] == 0 and route["table"] == MAIN_TABLE:
            hops = route.get("multipath") or ()
            indexes.update(hop["oif"] for hop in hops)
            if route.get("oif"):
                indexes.add(route.get("oif"))
    names = read_names()
    return {names[index] for index in indexes if index in names}


def add_veth(netlink: IPRoute, name: str, *, mac: str | None, peer: dict[str, Any], mtu: int) -> None:
    """A veth pair; `peer` holds the other end's `ifname`, `address` and the `net_ns_fd` it is made in."""
    ours = {"address": mac} if mac else {}
    netlink.link("add", ifname=name, kind="veth", mtu=mtu, peer={"mtu": mtu, **peer}, **ours)


def ensure_up(netlink: IPRoute, name: str) -> int:
    """Bring the link up; its index."""
    index = _index(name)
    netlink.link("set", index=index, state="up")
    return index


def write_alias(netlink: IPRoute, name: str, alias: str) -> None:
    """Note something on the link."""
    netlink.link("set", index=_index(name), ifalias=alias)


def remove_link(netlink: IPRoute, name: str) -> None:
    """Delete the link, and with it its peer, its addresses and routes."""
    link = read_link(netlink, name)
    if link is not None:
        try:
            netlink.link("del", index=link.index)
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        raise NetlinkError(errno.ENODEV, f"no link {name}") from error


def _link(message: Any) -> Link:
    return Link(index=message["index"], name=message.get("ifname") or "", alias=message.get("ifalias") or "")
