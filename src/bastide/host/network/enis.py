"""A task's interface: a namespace of its own, a veth pair to its VPC's router, its rules and public address.

The router's end carries a note of what belongs to the interface, so that it can be taken down knowing
only the task. The task's end is noted as addressed once: runsc takes the addresses off when a sandbox
starts, and with them back the kernel would reset the sandbox's own connections. Calls about one task
wait for each other; calls about different tasks do not.
"""

import asyncio
from collections.abc import Coroutine
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from pyroute2 import IPRoute

from bastide.host import names
from bastide.host.command import CommandFailed
from bastide.host.network import addresses, links, nft
from bastide.host.network.firewall import Firewall
from bastide.host.network.gateway import Gateway
from bastide.host.network.netns import ensure_netns, inside, remove_netns, write_sysctl
from bastide.host.network.routers import Routers, ensure_subnet
from bastide.model.assignment import Eni
from bastide.model.faults import NotFound
from bastide.model.network import VPC_MTU, Port, eni_link, subnet_router

TASK_END = "eth0"
_VPC_TABLE = "vpc"
_ADDRESSED = "addressed"  # the note on the task's end


class VpcNetwork:
    """`ports.Network` on this kernel. `folder` holds the namespaces' bind mounts."""

    def __init__(self, instance: str, *, folder: Path, pool: IPv4Network, firewall: Firewall) -> None:
        self._instance, self._folder, self._firewall = instance, folder, firewall
        self._gateway = Gateway(instance, pool, firewall)
        self._routers = Routers(instance, folder, self._gateway, firewall)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure_eni(self, eni: Eni, *, task_id: str) -> str:
        """The task's namespace with its addressed interface, joined to its VPC; the namespace's path.

        Leaves addresses alone that a sandbox has taken over.
        """
        netns = self._netns(task_id)
        async with self._lock(task_id), self._routers.held(eni.vpc_id):
            router = await self._routers.ensure(eni.vpc_id, IPv4Network(eni.vpc_cidr))
            there = None
            if not await ensure_netns(netns, _set_up):
                there = await inside(netns, lambda netlink: links.read_link(netlink, TASK_END))
            port = _port(eni, task_id)
            await inside(router, lambda netlink: _join(netlink, eni, port, netns, has_task_end=bool(there)))
            steps = [self._ensure_rules(router, port)]
            if there is None or there.alias != _ADDRESSED:
                steps.append(inside(netns, lambda netlink: _address(netlink, eni)))
            if eni.public_ip:
                steps.append(self._gateway.ensure_public(eni.vpc_id, eni.public_ip))
            await _together(*steps)
        return str(netns)

    async def remove_eni(self, task_id: str) -> None:
        """Namespace, link and rules of the task; the VPC's router after its last one. Repeatable."""
        async with self._lock(task_id):
            for vpc_id in self._routers.read():
                await self._remove_from(self._routers.path(vpc_id), eni_link(task_id))
                await self._routers.remove_unused(vpc_id)
            # Last, because read_enis lists the task for as long as this is there.
            await remove_netns(self._netns(task_id))

    async def read_enis(self) -> set[str]:
        """Task ids that have anything on this host's network."""
        prefix = names.task_netns(self._instance, "")
        return {path.name.removeprefix(prefix) for path in self._folder.glob(f"{prefix}*")}

    def router_path(self, vpc_id: str) -> Path:
        """Where the VPC's namespace is bound: what else serves the VPC runs inside it."""
        return self._routers.path(vpc_id)

    async def _ensure_rules(self, router: Path, port: Port) -> None:
        try:
            await nft.apply_rules(self._firewall.render_added(port), netns=router)
        except CommandFailed:
            present = await nft.read_elements(_VPC_TABLE, netns=router) or {}
            await nft.apply_rules(self._firewall.plan_port(present, port), netns=router)

    async def _remove_from(self, router: Path, link_name: str) -> None:
        try:
            link = await inside(router, lambda netlink: links.read_link(netlink, link_name))
            if link is None:
                return
            if link.alias:  # without its note it never had rules
                await self._remove_rules(router, msgspec.json.decode(link.alias, type=Port))
            await inside(router, lambda netlink: links.remove_link(netlink, link_name))
        except NotFound:
            return  # the router went meanwhile, and all on it

    async def _remove_rules(self, router: Path, port: Port) -> None:
        if port.public_ip:
            await self._gateway.remove_public(port.public_ip)
        try:
            await nft.apply_rules(self._firewall.render_removed(port), netns=router)
        except CommandFailed:
            present = await nft.read_elements(_VPC_TABLE, netns=router) or {}
            await nft.apply_rules(self._firewall.plan_removal(present, port), netns=router)

    def _netns(self, task_id: str) -> Path:
        return self._folder / names.task_netns(self._instance, task_id)

    def _lock(self, task_id: str) -> asyncio.Lock:
        return self._locks.setdefault(task_id, asyncio.Lock())


def _port(eni: Eni, task_id: str) -> Port:
    link = eni_link(task_id)
    return Port(link=link, mac=eni.mac, private_ip=eni.private_ip, public_ip=eni.public_ip)


def _set_up(netlink: IPRoute) -> None:
    links.ensure_up(netlink, "lo")
    for scope in ("all", "default"):
        write_sysctl(f"net/ipv6/conf/{scope}/disable_ipv6", 1)
        # With a shared kernel this one would follow them; the way out is the router's alone to say.
        write_sysctl(f"net/ipv4/conf/{scope}/accept_redirects", 0)
        write_sysctl(f"net/ipv4/conf/{scope}/accept_source_route", 0)


def _join(netlink: IPRoute, eni: Eni, port: Port, netns: Path, *, has_task_end: bool) -> None:
    """Inside the router: the pair, its note, the route and the neighbour, which ARP cannot change."""
    if not has_task_end:
        links.remove_link(netlink, port.link)  # its other end went with an earlier namespace of the task
        with netns.open() as namespace:
            peer = {"ifname": TASK_END, "address": eni.mac, "net_ns_fd": namespace.fileno()}
            links.add_veth(netlink, port.link, mac=None, peer=peer, mtu=VPC_MTU)
    links.write_alias(netlink, port.link, msgspec.json.encode(port).decode())
    index = links.ensure_up(netlink, port.link)
    addresses.ensure_link_route(netlink, index, IPv4Network(eni.private_ip))
    addresses.ensure_neighbour(netlink, index, IPv4Address(eni.private_ip), eni.mac)
    ensure_subnet(netlink, IPv4Network(eni.subnet_cidr))


def _address(netlink: IPRoute, eni: Eni) -> None:
    """Inside the task's namespace: what runsc will read when the sandbox starts."""
    subnet = IPv4Network(eni.subnet_cidr)
    links.ensure_up(netlink, "lo")
    index = links.ensure_up(netlink, TASK_END)
    addresses.ensure_address(netlink, index, IPv4Interface(f"{eni.private_ip}/{subnet.prefixlen}"))
    addresses.ensure_route(netlink, index, addresses.DEFAULT, via=subnet_router(subnet))
    links.write_alias(netlink, TASK_END, _ADDRESSED)


async def _together(*steps: Coroutine[Any, Any, None]) -> None:
    """All of them at once; the first failure ends the others and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
