"""The internet gateway's host side: the transit pair of each VPC, the host's table, the uplink.

The host reaches a public address over the transit pair of its VPC; what comes out of a VPC may leave by
the host's default routes and reaches nothing of the host. Nothing global is set: forwarding is switched
on for our own links and for the uplinks alone, and a rule keeps closed what that would have opened.
"""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

import msgspec
from pyroute2 import IPRoute

from bastide.host import names
from bastide.host.network import addresses, links, nft
from bastide.host.network.firewall import Firewall
from bastide.host.network.netlink.seen import read_routing
from bastide.host.network.netns import inside, read_sysctl, write_sysctl
from bastide.model.network import INTERNET_MTU, HostGuard, host_address, mac_of

ROUTER_END = "up"  # the transit pair's end in the VPC's namespace
ROUTER_TRANSIT_IP = IPv4Address("169.254.171.2")  # the same in every VPC: only the host's routes name it


class HostSide(msgspec.Struct, frozen=True, kw_only=True):
    """What the host has now of a VPC's way out."""

    uplinks: tuple[str, ...]  # where its default routes leave
    still: tuple[str, ...]  # those of them that do not forward
    closed: tuple[str, ...]  # links it would not forward to, were it not for us
    note: str  # what `note` wrote on the VPC's transit link; nothing when link or host table is not whole


class _Guard(msgspec.Struct, frozen=True):
    """The host's table as it was last found whole: the generation then, and nft's listing."""

    generation: int
    listing: str


class Gateway:
    """Joins the VPCs of one instance to this host. Callers see to it that one VPC has one call at a time."""

    def __init__(self, instance: str, pool: IPv4Network, firewall: Firewall) -> None:
        self._instance, self._pool, self._firewall = instance, pool, firewall
        self._table = names.host_table(instance)
        self._changing_table = asyncio.Lock()
        self._guard = _Guard(0, "")

    def link(self, vpc_id: str) -> str:
        """The host's end of the VPC's transit pair."""
        return names.transit_link(self._instance, vpc_id)

    async def note(self, vpc_id: str, text: str) -> None:
        """Keep `text` for as long as the transit link lives."""
        link = self.link(vpc_id)
        await inside(None, lambda netlink: links.write_alias(netlink, link, text))

    async def read(self, vpc_id: str) -> HostSide:
        """As the kernel has it now."""
        link = self.link(vpc_id)
        is_guarded = await self._is_guarded()

        def read(netlink: IPRoute) -> HostSide:
            uplinks = links.read_default_links(netlink)
            there = set(links.read_names().values()) - {"lo"}
            still = {name for name in there if read_sysctl(_forwarding(name)) == "0"}
            ours = links.read_link(netlink, link) if link in there else None
            closed = {name for name in uplinks | still if not name.startswith(names.TRANSIT_LINKS)}
            is_joined = (link, f"{host_address(self._pool)}/32") in read_routing().addresses
            return HostSide(
                uplinks=tuple(sorted(uplinks)),
                still=tuple(sorted(uplinks & still)),
                closed=() if _forwards_at_large() else tuple(sorted(closed)),
                note=ours.alias if ours and is_guarded and is_joined else "",
            )

        return await inside(None, read)

    async def _is_guarded(self) -> bool:
        """Whether the host's table is as we left it; other tables of the host come and go."""
        generation = await inside(None, lambda _: nft.read_generation())
        if generation != self._guard.generation:
            listing = await nft.read_listing(self._table)
            if not listing or listing != self._guard.listing:
                return False
            self._guard = _Guard(generation, listing)
        return True

    async def ensure_joined(self, vpc_id: str, router: Path, host: HostSide) -> None:
        """The host's guard, then the pair that joins the VPC's router to this host.

        In one go: another VPC that leaves meanwhile must not take the guard along.
        """
        async with self._changing_table:
            await self._ensure_host_table(host)
            await self._ensure_transit(vpc_id, router)

    async def _ensure_host_table(self, host: HostSide) -> None:
        """The table, then forwarding on the uplinks: never the other way round."""
        await nft.apply_rules(
            self._firewall.render_host_table(
                HostGuard(
                    table=self._table,
                    links=names.transit_prefix(self._instance),
                    all_links=names.TRANSIT_LINKS,
                    pool=self._pool,
                    uplinks=host.uplinks,
                    closed=host.closed,
                )
            )
        )
        generation = await inside(None, lambda _: nft.read_generation())
        self._guard = _Guard(generation, await nft.read_listing(self._table))
        for name in host.still:
            write_sysctl(_forwarding(name), 1)

    async def _ensure_transit(self, vpc_id: str, router: Path) -> None:
        """The pair that joins the VPC's router to this host, addressed, with neighbours that need no ARP."""
        link, host_ip = self.link(vpc_id), host_address(self._pool)
        host_mac, router_mac = mac_of(f"{link} host"), mac_of(f"{link} router")

        def join(netlink: IPRoute) -> None:
            if links.read_link(netlink, link) is None:
                with router.open() as namespace:
                    peer = {"ifname": ROUTER_END, "address": router_mac, "net_ns_fd": namespace.fileno()}
                    links.add_veth(netlink, link, mac=host_mac, peer=peer, mtu=INTERNET_MTU)
            write_sysctl(f"net/ipv6/conf/{link}/disable_ipv6", 1)
            write_sysctl(_forwarding(link), 1)
            index = links.ensure_up(netlink, link)
            addresses.ensure_address(netlink, index, IPv4Interface(f"{host_ip}/32"))
            addresses.ensure_neighbour(netlink, index, ROUTER_TRANSIT_IP, router_mac)

        def answer(netlink: IPRoute) -> None:
            index = links.ensure_up(netlink, ROUTER_END)
            addresses.ensure_address(netlink, index, IPv4Interface(f"{ROUTER_TRANSIT_IP}/32"))
            addresses.ensure_neighbour(netlink, index, host_ip, host_mac)
            addresses.ensure_route(netlink, index, addresses.DEFAULT, via=host_ip)

        await inside(None, join)
        await inside(router, answer)

    async def ensure_public(self, vpc_id: str, public_ips: Sequence[str]) -> None:
        """This host sends what is for these addresses into the VPC, and nothing else."""
        link, source = self.link(vpc_id), host_address(self._pool)

        def route(netlink: IPRoute) -> None:
            there = {cidr for name, cidr in read_routing().routes if name == link}
            wanted = {f"{public_ip}/32" for public_ip in public_ips}
            if there == wanted:
                return
            index = links.ensure_up(netlink, link)
            for cidr in there - wanted:
                addresses.remove_route(netlink, index, IPv4Network(cidr))
            for cidr in wanted - there:
                addresses.ensure_route(
                    netlink, index, IPv4Network(cidr), via=ROUTER_TRANSIT_IP, source=source
                )

        await inside(None, route)

    async def remove_transit(self, vpc_id: str) -> None:
        """The VPC's pair."""
        link = self.link(vpc_id)
        await inside(None, lambda netlink: links.remove_link(netlink, link))

    async def remove_unused(self) -> None:
        """The table and what the uplinks were set to, unless a VPC is joined to this host. Repeatable."""
        async with self._changing_table:
            left = await inside(None, links.read_links)
            if not any(one.name.startswith(names.transit_prefix(self._instance)) for one in left):
                await self._remove_host_table()

    async def _remove_host_table(self) -> None:
        tables = await inside(None, lambda _: nft.read_tables())
        if self._table not in tables:
            return
        others = [name for name in tables if name.startswith(names.HOST_TABLES) and name != self._table]
        if not others and not _forwards_at_large():
            held = await nft.read_elements(self._table)
            for name in held.get("uplinks", ()):
                write_sysctl(_forwarding(name), 0)
        await nft.remove_table(self._table)


def _forwards_at_large() -> bool:
    """Whether this machine is a router by somebody else's will."""
    return read_sysctl("net/ipv4/ip_forward") == "1"


def _forwarding(link: str) -> str:
    return f"net/ipv4/conf/{link}/forwarding"
