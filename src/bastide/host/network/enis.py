"""VPCs and the interfaces of tasks: `ports.Network` on this kernel.

A task's interface is a namespace of its own and a veth pair to its VPC's router. The task's end is noted as
addressed once: runsc takes the addresses off when a sandbox starts, and with them back the kernel would
reset the sandbox's own connections. Calls about one task wait for each other; calls about different tasks do
not. What a packet may do is no matter of the interface's: the VPC's rules name its link before it is there.
"""

import asyncio
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from weakref import WeakValueDictionary

from pyroute2 import IPRoute

from bastide.host import names
from bastide.host.network import addresses, links
from bastide.host.network.counters import read_flows, read_traffic
from bastide.host.network.firewall import Firewall
from bastide.host.network.gateway import Gateway
from bastide.host.network.holds import Holds
from bastide.host.network.netlink.seen import Routing, read_routing
from bastide.host.network.netns import ensure_netns, inside, is_netns, remove_netns, write_sysctl
from bastide.host.network.routers import Routers
from bastide.host.network.rules import Rules
from bastide.model.assignment import Eni
from bastide.model.faults import NotFound, Unavailable
from bastide.model.network import INTERFACES, VPC_MTU, Interface, Subnet, VpcState, eni_link, subnet_router
from bastide.model.network.flows import CountedFlows
from bastide.model.usage import Traffic

TASK_END = "eth0"
_ADDRESSED = "addressed"  # the note on the task's end


class VpcNetwork:
    """`ports.Network` on this kernel. `folder` holds the namespaces' bind mounts."""

    def __init__(self, instance: str, *, folder: Path, pool: IPv4Network, firewall: Firewall) -> None:
        self._instance, self._folder = instance, folder
        self._holds = Holds()
        self._gateway = Gateway(instance, pool, firewall)
        self._routers = Routers(instance, folder, self._gateway, Rules(firewall), self._holds)
        self._renewed: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def know(self, states: Mapping[str, VpcState]) -> None:
        """From now on these are the VPCs, by id; nothing is done about it yet."""
        self._routers.known = dict(states)

    async def ensure_vpc(self, vpc_id: str) -> bool:
        """The VPC's packets meet what its parts say, and nothing of it is damaged; False: not used here."""
        state = self._routers.known.get(vpc_id)
        if state is None or not any(map(self._is_here, state.interfaces.values())):
            return False
        async with self._routers.held(vpc_id):
            router = await self._routers.ensure(vpc_id)
            seen = await inside(router, lambda _: read_routing())
            here = [one for one in state.interfaces.values() if self._is_here(one)]
            for interface in here:
                netns = self._netns(interface.owner)
                if not _is_joined(seen, interface) or not self._holds.put_back(netns):
                    await self._mend(interface)
                else:
                    self._holds.keep(netns)
        if not any(self._is_here(one) for one in here):
            await self.remove_unused()
        return True

    async def ensure_eni(self, eni: Eni, *, task_id: str) -> str:
        """The task's namespace with its addressed interface, joined to its VPC; the namespace's path.

        Leaves addresses alone that a sandbox has taken over. Unavailable until the VPC's parts are known.
        """
        return await self._ensure(eni.vpc_id, eni.id, task_id)

    async def ensure_endpoint(self, vpc_id: str, eni_id: str) -> str:
        """The same of an interface of a VPC endpoint, which has a namespace of its own."""
        return await self._ensure(vpc_id, eni_id, eni_id)

    async def _ensure(self, vpc_id: str, eni_id: str, owner: str) -> str:
        state = self._routers.known.get(vpc_id)
        interface = state.interfaces.get(eni_id) if state else None
        if state is None or interface is None or interface.subnet_id not in state.subnets:
            raise Unavailable("network interface", eni_id, why=f"{eni_id} is not yet known to this host")
        async with self._lock(owner), self._routers.held(vpc_id):
            await self._ensure_joined(interface, state.subnets[interface.subnet_id])
        return str(self._netns(owner))

    async def remove_eni(self, task_id: str) -> None:
        """Namespace and link of the task; the VPC's router after its last one. Repeatable."""
        await self._remove(task_id)

    async def remove_endpoint(self, eni_id: str) -> None:
        """The same of an interface of a VPC endpoint."""
        await self._remove(eni_id)

    async def _remove(self, owner: str) -> None:
        async with self._lock(owner):
            for vpc_id in self._routers.read():
                try:
                    router = self._routers.path(vpc_id)
                    await inside(router, lambda netlink: links.remove_link(netlink, eni_link(owner)))
                except NotFound:
                    pass  # the router went meanwhile, and all on it
            self._holds.let_go(self._netns(owner))
            # After the link, because read_enis lists the task for as long as this is there.
            await remove_netns(self._netns(owner))
        # Only now: who looks at the VPC while the namespace is there makes its router again.
        await self.remove_unused()

    async def remove_unused(self) -> None:
        """Routers without an interface, and after the last one what the host has of them. Repeatable."""
        for vpc_id in self._routers.read():
            await self._routers.remove_unused(vpc_id)
        await self._gateway.remove_unused()

    async def read_enis(self) -> set[str]:
        """Task ids that have anything on this host's network."""
        return {owner for owner in self._owners() if not owner.startswith(INTERFACES)}

    async def read_endpoints(self) -> set[str]:
        """Ids of interfaces of VPC endpoints that have anything on this host's network."""
        return {owner for owner in self._owners() if owner.startswith(INTERFACES)}

    async def is_taken_over(self, task_id: str) -> bool:
        """Whether a sandbox has taken the interface's address over: nobody has that of a link that is new.

        True too where the namespace was lost: what is in it goes on by itself.
        """
        netns = self._netns(task_id)
        if not self._holds.put_back(netns):
            return True
        seen = await inside(netns, lambda _: read_routing())
        return TASK_END in seen.links and TASK_END not in {link for link, _ in seen.addresses}

    def take_renewed(self) -> set[str]:
        """Tasks whose link was lost and made again since this was asked last."""
        renewed, self._renewed = self._renewed, set()
        return renewed

    async def read_flows(self, vpc_id: str) -> CountedFlows:
        """What the VPC's router has counted; nothing where the VPC is not here or nobody counts."""
        router = self._routers.path(vpc_id)
        return await read_flows(router) if is_netns(router) else CountedFlows({}, {})

    async def read_traffic(self, vpc_id: str, task_id: str) -> Traffic | None:
        """What the task's interface has carried; None when it is not here."""
        router = self._routers.path(vpc_id)
        if not is_netns(router):
            return None
        return await inside(router, lambda _: read_traffic(eni_link(task_id)))

    def router_path(self, vpc_id: str) -> Path:
        """Where the VPC's namespace is bound: what else serves the VPC runs inside it."""
        return self._routers.path(vpc_id)

    async def _ensure_joined(self, interface: Interface, subnet: Subnet) -> None:
        netns = self._netns(interface.owner)
        router = await self._routers.ensure(interface.vpc_id)
        is_old = self._holds.put_back(netns)
        if not is_old:
            await ensure_netns(netns, _set_up)
        self._holds.keep(netns)
        there = await inside(netns, lambda netlink: links.read_link(netlink, TASK_END))
        await inside(router, lambda netlink: _join(netlink, interface, netns, has_task_end=bool(there)))
        if there is None or there.alias != _ADDRESSED:
            await inside(netns, lambda netlink: _address(netlink, interface, subnet))
        if is_old and there is None and interface.task_id:
            self._renewed.add(interface.task_id)

    async def _mend(self, interface: Interface) -> None:
        """Join the task's interface again, unless the task is being taken down or made."""
        async with self._lock(interface.owner):
            state = self._routers.known[interface.vpc_id]
            if self._is_here(interface) and interface.subnet_id in state.subnets:
                await self._ensure_joined(interface, state.subnets[interface.subnet_id])

    def _owners(self) -> set[str]:
        prefix = names.task_netns(self._instance, "")
        return {path.name.removeprefix(prefix) for path in self._folder.glob(f"{prefix}*")}

    def _is_here(self, interface: Interface) -> bool:
        netns = self._netns(interface.owner)
        return bool(interface.owner) and (netns.exists() or self._holds.has(netns))

    def _netns(self, owner: str) -> Path:
        return self._folder / names.task_netns(self._instance, owner)

    def _lock(self, owner: str) -> asyncio.Lock:
        return self._locks.setdefault(owner, asyncio.Lock())


def _is_joined(seen: Routing, interface: Interface) -> bool:
    link, address = eni_link(interface.owner), interface.addresses[0].private_ip
    is_known = (link, address, interface.mac) in seen.neighbours
    return is_known and (link, f"{address}/32") in seen.routes


def _set_up(netlink: IPRoute) -> None:
    links.ensure_up(netlink, "lo")
    for scope in ("all", "default"):
        write_sysctl(f"net/ipv6/conf/{scope}/disable_ipv6", 1)
        # With a shared kernel this one would follow them; the way out is the router's alone to say.
        write_sysctl(f"net/ipv4/conf/{scope}/accept_redirects", 0)
        write_sysctl(f"net/ipv4/conf/{scope}/accept_source_route", 0)


def _join(netlink: IPRoute, interface: Interface, netns: Path, *, has_task_end: bool) -> None:
    """Inside the router: the pair, the route and the neighbour, which ARP cannot change."""
    name = eni_link(interface.owner)
    if not has_task_end:
        links.remove_link(netlink, name)  # its other end went with an earlier namespace of the task
        with netns.open() as namespace:
            peer = {"ifname": TASK_END, "address": interface.mac, "net_ns_fd": namespace.fileno()}
            links.add_veth(netlink, name, mac=None, peer=peer, mtu=VPC_MTU)
    index = links.ensure_up(netlink, name)
    write_sysctl(f"net/ipv4/neigh/{name}/proxy_delay", 0)  # else an ARP answer waits up to 0.8 s
    address = interface.addresses[0].private_ip
    addresses.ensure_link_route(netlink, index, IPv4Network(address))
    addresses.ensure_neighbour(netlink, index, IPv4Address(address), interface.mac)


def _address(netlink: IPRoute, interface: Interface, subnet: Subnet) -> None:
    """Inside the task's namespace: what runsc will read when the sandbox starts."""
    block, address = IPv4Network(subnet.cidr), interface.addresses[0].private_ip
    links.ensure_up(netlink, "lo")
    index = links.ensure_up(netlink, TASK_END)
    addresses.ensure_address(netlink, index, IPv4Interface(f"{address}/{block.prefixlen}"))
    addresses.ensure_route(netlink, index, addresses.DEFAULT, via=subnet_router(block))
    links.write_alias(netlink, TASK_END, _ADDRESSED)
