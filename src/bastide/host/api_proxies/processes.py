"""The API proxies of an instance: a process for every address in a VPC that stands for the API."""

import socket
from functools import partial
from pathlib import Path
from typing import Protocol

from bastide.host.api_proxies.forwarding import BACKLOG
from bastide.host.api_proxies.start import ProxyStart
from bastide.host.cgroups import TaskCgroups
from bastide.host.confined.processes import ConfinedProcesses
from bastide.host.confined.start import render_start
from bastide.host.listening.sockets import STREAMS, open_sockets
from bastide.host.network.netns import read_inode
from bastide.host.ports import Limits
from bastide.model.network import API_IP, Interface

LIMITS = Limits(cpu_units=1024, memory_mib=256, pids=8)  # one processor, whoever floods it
HTTPS_PORT = 443
BETWEEN = "."  # a VPC and an interface of it, in the name of a process
KEPT_ALIVE_S = 60  # an end that is gone is known by then: it may have been a sandbox that was killed


class Endpoints(Protocol):
    """What is needed of the network."""

    def router_path(self, vpc_id: str) -> Path:
        """Where the VPC's own namespace is."""

    async def ensure_endpoint(self, vpc_id: str, eni_id: str) -> str:
        """The namespace of an interface of a VPC endpoint."""

    async def remove_endpoint(self, eni_id: str) -> None:
        """It goes. Repeatable."""

    async def read_endpoints(self) -> set[str]:
        """Interfaces that have one."""


class ApiProxyProcesses:
    """`ports.ApiProxies` on this kernel. `program` becomes a proxy when it is given a ProxyStart."""

    def __init__(
        self,
        *,
        program: tuple[str, ...],
        server_socket: Path,
        port: int,
        cgroups: TaskCgroups,
        network: Endpoints,
    ) -> None:
        self._server_socket, self._network = server_socket, network
        self._ports = tuple(dict.fromkeys((HTTPS_PORT, port)))
        self._processes = ConfinedProcesses("API proxy", program=program, cgroups=cgroups, limits=LIMITS)

    async def ensure_api_proxy(self, vpc_id: str) -> None:
        """The API answers at the address that every VPC has for it."""
        async with self._processes.lock(vpc_id):
            await self._listen(vpc_id, self._network.router_path(vpc_id), API_IP, vpc_id)

    async def remove_api_proxy(self, vpc_id: str) -> None:
        """Its process. Repeatable."""
        async with self._processes.lock(vpc_id):
            await self._processes.remove(vpc_id)

    async def read_api_proxies(self) -> set[str]:
        """VPCs that have anything of it here."""
        return {key for key in await self._processes.read() if BETWEEN not in key}

    async def ensure_endpoint(self, interface: Interface) -> None:
        """It answers at an interface of a VPC endpoint, in a namespace of that interface's own."""
        key = f"{interface.vpc_id}{BETWEEN}{interface.id}"
        async with self._processes.lock(key):
            netns = Path(await self._network.ensure_endpoint(interface.vpc_id, interface.id))
            address = interface.addresses[0].private_ip
            await self._listen(key, netns, address, interface.vpc_id, endpoint_id=interface.endpoint_id)

    async def remove_endpoint(self, vpc_id: str, eni_id: str) -> None:
        """Process, link and namespace. Repeatable."""
        key = f"{vpc_id}{BETWEEN}{eni_id}"
        async with self._processes.lock(key):
            await self._processes.remove(key)
            await self._network.remove_endpoint(eni_id)

    async def read_endpoints(self) -> dict[str, str]:
        """By interface that has anything here: its VPC, where its process says so."""
        keys = (key.partition(BETWEEN) for key in await self._processes.read() if BETWEEN in key)
        return dict.fromkeys(await self._network.read_endpoints(), "") | {eni: vpc for vpc, _, eni in keys}

    async def _listen(
        self, key: str, netns: Path, address: str, vpc_id: str, *, endpoint_id: str = ""
    ) -> None:
        """Preconditions: the key's lock is held."""
        start = ProxyStart(
            netns=read_inode(netns),
            server_socket=self._server_socket,
            vpc_id=vpc_id,
            endpoint_id=endpoint_id,
        )
        opening = partial(_open_sockets, netns, address, self._ports)
        await self._processes.ensure(key, render_start(start), opening)


async def _open_sockets(netns: Path, address: str, ports: tuple[int, ...]) -> list[socket.socket]:
    made = [(await open_sockets(netns, (address,), port=port, kinds=(STREAMS,)))[0] for port in ports]
    for each in made:
        each.listen(BACKLOG)  # who connects while the process starts waits for it
        # What is accepted has these too.
        each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEPT_ALIVE_S)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, KEPT_ALIVE_S * 1000)
    return made
