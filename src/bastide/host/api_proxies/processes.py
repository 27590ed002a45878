"""The API proxies of an instance: a process for every address in a VPC that stands for the API."""

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bastide.host.api_proxies.forwarding import BACKLOG
from bastide.host.api_proxies.start import ProxyStart
from bastide.host.cgroups import TaskCgroups
from bastide.host.confined.processes import ConfinedProcesses
from bastide.host.confined.start import render_start
from bastide.host.listening.sockets import STREAMS, open_sockets
from bastide.host.network.netns import read_inode
from bastide.host.ports import Limits
from bastide.model.network import API_IP

LIMITS = Limits(cpu_units=1024, memory_mib=256, pids=8)  # one processor, whoever floods it
HTTPS_PORT = 443
KEPT_ALIVE_S = 60  # an end that is gone is known by then: it may have been a sandbox that was killed


class ApiProxyProcesses:
    """`ports.ApiProxies` on this kernel. `program` becomes a proxy when it is given a ProxyStart."""

    def __init__(
        self,
        *,
        program: tuple[str, ...],
        server_socket: Path,
        port: int,
        cgroups: TaskCgroups,
        router_path: Callable[[str], Path],
    ) -> None:
        self._server_socket, self._router_path = server_socket, router_path
        self._ports = tuple(dict.fromkeys((HTTPS_PORT, port)))
        self._processes = ConfinedProcesses("API proxy", program=program, cgroups=cgroups, limits=LIMITS)

    async def ensure_api_proxy(self, vpc_id: str) -> None:
        """The API answers at the address that every VPC has for it."""
        async with self._processes.lock(vpc_id):
            router = self._router_path(vpc_id)
            start = ProxyStart(netns=read_inode(router), server_socket=self._server_socket, vpc_id=vpc_id)
            opening = partial(_open_sockets, router, API_IP, self._ports)
            await self._processes.ensure(vpc_id, render_start(start), opening)

    async def remove_api_proxy(self, vpc_id: str) -> None:
        """Its process. Repeatable."""
        async with self._processes.lock(vpc_id):
            await self._processes.remove(vpc_id)

    async def read_api_proxies(self) -> set[str]:
        """VPCs that have anything of it here."""
        return await self._processes.read()


async def _open_sockets(netns: Path, address: str, ports: tuple[int, ...]) -> list[socket.socket]:
    made = [(await open_sockets(netns, (address,), port=port, kinds=(STREAMS,)))[0] for port in ports]
    for each in made:
        each.listen(BACKLOG)  # who connects while the process starts waits for it
        # What is accepted has these too.
        each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEPT_ALIVE_S)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, KEPT_ALIVE_S * 1000)
    return made
