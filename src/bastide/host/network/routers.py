"""A network namespace per VPC: its router.

Owns the namespace, its sysctls, addresses and ways; its packet rules are `rules`, the way to the host is the
gateway's. A router is made with the first interface of its VPC and goes with the last. Safe for concurrent
calls about any VPCs.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from pyroute2 import IPRoute

from bastide.host import names
from bastide.host.network import addresses, links
from bastide.host.network.gateway import ROUTER_END, ROUTER_TRANSIT_IP, Gateway
from bastide.host.network.holds import Holds
from bastide.host.network.netlink.seen import Routing, read_routing
from bastide.host.network.netns import ensure_netns, inside, read_sysctl, remove_netns, write_sysctl
from bastide.host.network.rules import Rules
from bastide.model.faults import NotFound
from bastide.model.network import API_IP, ENI_LINKS, METADATA_IP, VpcState, subnet_router, vpc_resolver
from bastide.model.network.names import LINK_LOCAL_RESOLVER

LAYOUT = 4  # grows when what a router is made of changes: an older one is then brought up to date
_SCOPES = ("all", "default")
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
SYSCTLS = {
    **{f"net/ipv6/conf/{scope}/disable_ipv6": 1 for scope in _SCOPES},
    **{f"net/ipv4/conf/{scope}/{name}": value for scope in _SCOPES for name, value in _EVERY_LINK.items()},
    "net/ipv4/ip_forward": 1,
}


class Routers:
    """The VPC namespaces of one instance."""

    def __init__(self, instance: str, folder: Path, gateway: Gateway, rules: Rules, holds: Holds) -> None:
        self._prefix, self._folder = names.vpc_netns(instance, ""), folder
        self._gateway, self._rules, self._holds = gateway, rules, holds
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()
        self.known: dict[str, VpcState] = {}

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

    async def ensure(self, vpc_id: str) -> Path:
        """The VPC's router, whole, with its packet rules, joined to this host; its namespace's path.

        Preconditions: the VPC is known.
        """
        path = self.path(vpc_id)
        async with self._locks.setdefault(vpc_id, asyncio.Lock()):
            state = self.known[vpc_id]  # behind the lock: what is applied last is what was known last
            if not self._holds.put_back(path):
                await ensure_netns(path, _set_up)
            self._holds.keep(path)
            # First of all: a change is to meet packets at once, and no link is there before its rules.
            await self._rules.ensure(state, path)
            seen, has_sysctls = await inside(path, lambda _: (read_routing(), _has_sysctls()))
            if not has_sysctls or not _is_whole(seen, state):
                await inside(path, lambda netlink: _mend(netlink, state))
            host = await self._gateway.read(vpc_id)
            whole = _digest(LAYOUT, host.uplinks, host.closed)
            if host.still or host.note != whole or not _has_transit(seen):
                await self._gateway.ensure_joined(vpc_id, path, host)
                await self._gateway.note(vpc_id, whole)
            await self._gateway.ensure_public(vpc_id, self._rules.public_addresses_of(state))
        return path

    async def remove_unused(self, vpc_id: str) -> None:
        """The router, unless an interface is on it or on its way. Repeatable."""
        path = self.path(vpc_id)
        async with self._locks.setdefault(vpc_id, asyncio.Lock()):
            if self._users[vpc_id]:
                return
            try:
                there = await inside(path, lambda _: links.read_names())
            except NotFound:
                there = {}
            if not any(name.startswith(ENI_LINKS) for name in there.values()):
                await self._gateway.remove_transit(vpc_id)
                self._rules.forget(vpc_id)
                self._holds.let_go(path)
                await remove_netns(path)


def _is_whole(seen: Routing, state: VpcState) -> bool:
    held = {("lo", f"{one}/32") for one in _own_addresses(state)}
    return held <= seen.addresses and {("", cidr) for cidr in state.vpc.cidrs} <= seen.routes


def _has_transit(seen: Routing) -> bool:
    has_address = (ROUTER_END, f"{ROUTER_TRANSIT_IP}/32") in seen.addresses
    return has_address and (ROUTER_END, str(addresses.DEFAULT)) in seen.routes


def _own_addresses(state: VpcState) -> list[IPv4Address]:
    """What the router answers to: each subnet's gateway address, the resolver's two, 169.254.170.2 and .3."""
    routers = [subnet_router(IPv4Network(subnet.cidr)) for subnet in state.subnets.values()]
    resolvers = [vpc_resolver(IPv4Network(state.vpc.cidrs[0])), IPv4Address(LINK_LOCAL_RESOLVER)]
    return [*resolvers, IPv4Address(METADATA_IP), IPv4Address(API_IP), *routers]


def _set_up(netlink: IPRoute) -> None:
    links.ensure_up(netlink, "lo")
    for name, value in SYSCTLS.items():
        write_sysctl(name, value)


def _has_sysctls() -> bool:
    return all(read_sysctl(name) in (str(value), "") for name, value in SYSCTLS.items())


def _mend(netlink: IPRoute, state: VpcState) -> None:
    _set_up(netlink)
    loopback = links.ensure_up(netlink, "lo")
    for address in _own_addresses(state):
        addresses.ensure_address(netlink, loopback, IPv4Interface(f"{address}/32"))
    for cidr in state.vpc.cidrs:
        # An address nobody has must not leave for the internet.
        addresses.ensure_blackhole(netlink, IPv4Network(cidr))


def _digest(*what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]
