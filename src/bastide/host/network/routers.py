"""A network namespace per VPC: its router.

Owns the namespace, its sysctls and its nft table; the way to the host is the gateway's. A router is made
with the first interface of its VPC and goes with the last. Safe for concurrent calls about any VPCs.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from pyroute2 import IPRoute

from bastide.host import names
from bastide.host.network import addresses, links, nft
from bastide.host.network.firewall import Firewall
from bastide.host.network.gateway import Gateway
from bastide.host.network.netns import ensure_netns, inside, is_netns, remove_netns, write_sysctl
from bastide.model.faults import NotFound
from bastide.model.network import ENI_LINKS, subnet_router, vpc_resolver

LAYOUT = 1  # grows when what a router is made of changes: an older one is then brought up to date
_EVERY_LINK = {  # a new namespace inherits the host's values, whatever those are
    "rp_filter": 0,  # anti-spoof is by link, MAC and address, in nft
    "arp_ignore": 0,
    "arp_announce": 0,
    "arp_filter": 0,
    "proxy_arp": 1,
    "send_redirects": 0,
    "accept_redirects": 0,
    "accept_source_route": 0,
    "log_martians": 0,
}


class Routers:
    """The VPC namespaces of one instance."""

    def __init__(self, instance: str, folder: Path, gateway: Gateway, firewall: Firewall) -> None:
        self._prefix, self._folder = names.vpc_netns(instance, ""), folder
        self._gateway, self._firewall = gateway, firewall
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    def path(self, vpc_id: str) -> Path:
        """Where the VPC's namespace is bound."""
        return self._folder / f"{self._prefix}{vpc_id}"

    def read(self) -> list[str]:
        """Ids of the VPCs that have anything of a router here."""
        return sorted(
            path.name.removeprefix(self._prefix) for path in self._folder.glob(f"{self._prefix}vpc-*")
        )

    @asynccontextmanager
    async def held(self, vpc_id: str) -> AsyncIterator[None]:
        """The VPC's router is not removed meanwhile."""
        self._users[vpc_id] += 1
        try:
            yield
        finally:
            self._users[vpc_id] -= 1

    async def ensure(self, vpc_id: str, cidr: IPv4Network) -> Path:
        """The VPC's router, whole, and joined to this host; its namespace's path."""
        path = self.path(vpc_id)
        async with self._locks.setdefault(vpc_id, asyncio.Lock()):
            host = await self._gateway.read(vpc_id)
            table = self._firewall.render_vpc_table(cidr)
            whole = _digest(LAYOUT, host.uplinks, host.closed, table)
            if is_netns(path) and not host.still and host.note == whole:
                return path
            await ensure_netns(path, lambda netlink: _set_up(netlink, cidr))
            await nft.apply_rules(table, netns=path)
            await self._gateway.ensure_host_table(host)
            await self._gateway.ensure_transit(vpc_id, path)
            await self._gateway.note(vpc_id, whole)
        return path

    async def remove_unused(self, vpc_id: str) -> None:
        """The router, unless an interface is on it or on its way. Repeatable."""
        path = self.path(vpc_id)
        async with self._locks.setdefault(vpc_id, asyncio.Lock()):
            if self._users[vpc_id]:
                return
            try:
                there = await inside(path, links.read_links)
            except NotFound:
                there = []
            if not any(link.name.startswith(ENI_LINKS) for link in there):
                await self._gateway.remove_transit(vpc_id)
                await remove_netns(path)


def ensure_subnet(netlink: IPRoute, subnet: IPv4Network) -> None:
    """The router answers for the subnet's gateway address; call it inside the router."""
    loopback = links.ensure_up(netlink, "lo")
    addresses.ensure_address(netlink, loopback, IPv4Interface(f"{subnet_router(subnet)}/32"))


def _set_up(netlink: IPRoute, cidr: IPv4Network) -> None:
    loopback = links.ensure_up(netlink, "lo")
    for scope in ("all", "default"):
        write_sysctl(f"net/ipv6/conf/{scope}/disable_ipv6", 1)
        for name, value in _EVERY_LINK.items():
            write_sysctl(f"net/ipv4/conf/{scope}/{name}", value)
    write_sysctl("net/ipv4/ip_forward", 1)
    write_sysctl("net/ipv4/neigh/default/proxy_delay", 0)  # else an answer waits up to 0.8 s
    addresses.ensure_address(netlink, loopback, IPv4Interface(f"{vpc_resolver(cidr)}/32"))
    # An address nobody has must not leave for the internet.
    addresses.ensure_blackhole(netlink, cidr)


def _digest(*what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]
