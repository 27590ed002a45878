"""The resolver processes of an instance, one a VPC, and the files with what each of them knows.

What a resolver knows of names lies in a file that is replaced by rename, so that it goes on when that
changes. Calls about one VPC wait for each other.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

import msgspec

from bastide.files import replace_file
from bastide.host.cgroups import TaskCgroups
from bastide.host.confined.processes import ConfinedProcesses
from bastide.host.confined.start import render_start
from bastide.host.listening.sockets import DATAGRAMS, STREAMS, open_sockets
from bastide.host.network.netns import read_inode
from bastide.host.ports import Limits
from bastide.host.resolver.start import ResolverStart
from bastide.model.network import vpc_resolver
from bastide.model.network.names import LINK_LOCAL_RESOLVER, VpcNames

PORT = 53
LIMITS = Limits(cpu_units=512, memory_mib=128, pids=8)  # half a processor, whoever floods it


class ResolverProcesses:
    """`ports.Resolvers` on this kernel. `program` becomes a resolver when it is given a ResolverStart."""

    def __init__(
        self,
        *,
        folder: Path,
        program: tuple[str, ...],
        resolv_conf: Path,
        cgroups: TaskCgroups,
        router_path: Callable[[str], Path],
    ) -> None:
        self._folder, self._resolv_conf, self._router_path = folder, resolv_conf, router_path
        self._processes = ConfinedProcesses("resolver", program=program, cgroups=cgroups, limits=LIMITS)

    async def ensure_resolver(self, names: VpcNames) -> None:
        """The VPC's resolver runs and knows these names; none does where the VPC wants none."""
        async with self._processes.lock(names.vpc_id):
            if not names.has_support:
                await self._processes.remove(names.vpc_id)
                return
            self._save(names)
            router = self._router_path(names.vpc_id)
            start = ResolverStart(
                names_file=self._file(names.vpc_id), resolv_conf=self._resolv_conf, netns=read_inode(router)
            )
            addresses = (str(vpc_resolver(IPv4Network(names.cidrs[0]))), LINK_LOCAL_RESOLVER)
            opening = partial(open_sockets, router, addresses, port=PORT, kinds=(DATAGRAMS, STREAMS))
            await self._processes.ensure(names.vpc_id, render_start(start), opening)

    async def remove_resolver(self, vpc_id: str) -> None:
        """Its process and what it knew. Repeatable."""
        async with self._processes.lock(vpc_id):
            await self._processes.remove(vpc_id)
            self._file(vpc_id).unlink(missing_ok=True)

    async def read_resolvers(self) -> set[str]:
        """VPCs that have anything of a resolver here."""
        files = {path.stem for path in self._folder.glob("vpc-*.json")}
        return files | await self._processes.read()

    def _save(self, names: VpcNames) -> None:
        text, file = msgspec.json.encode(names), self._file(names.vpc_id)
        with contextlib.suppress(FileNotFoundError):
            if file.read_bytes() == text:
                return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o755)  # the resolver is nobody; only root walks the folders above
        replace_file(file, text, mode=0o644)

    def _file(self, vpc_id: str) -> Path:
        return self._folder / f"{vpc_id}.json"
