"""The resolver processes of an instance: one a VPC, found again by its control group and its arguments.

A process's arguments say everything it was started for, so one whose arguments are others is an older one
and is replaced. It outlives the agent; its group goes with it. What it knows of names lies in a file that is
replaced by rename. Calls about one VPC wait for each other.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from bastide.host.cgroups import TaskCgroups
from bastide.host.listening.sockets import DATAGRAMS, STREAMS, open_sockets
from bastide.host.ports import Limits
from bastide.host.resolver.start import SOCKETS, Start, render_start
from bastide.model.faults import NotFound, Unavailable
from bastide.model.network import vpc_resolver
from bastide.model.network.names import LINK_LOCAL_RESOLVER, VpcNames

JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec setsid --fork "$@"'
PORT = 53
STARTED_S, POLL_S = 5.0, 0.002
LIMITS = Limits(cpu_units=512, memory_mib=128, pids=8)  # half a processor, whoever floods it


class ResolverProcesses:
    """`ports.Resolvers` on this kernel. `program` becomes a resolver when it is given a Start."""

    def __init__(
        self,
        *,
        folder: Path,
        program: tuple[str, ...],
        resolv_conf: Path,
        cgroups: TaskCgroups,
        router_path: Callable[[str], Path],
    ) -> None:
        self._folder, self._program, self._resolv_conf = folder, program, resolv_conf
        self._cgroups, self._router_path = cgroups, router_path
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure_resolver(self, names: VpcNames) -> None:
        """The VPC's resolver runs and knows these names; none does where the VPC wants none."""
        async with self._lock(names.vpc_id):
            if not names.has_support:
                await self._cgroups.remove_cgroup(names.vpc_id)
                return
            self._save(names)
            if await self._is_running(names.vpc_id):
                return
            await self._cgroups.remove_cgroup(names.vpc_id)
            await self._cgroups.ensure_cgroup(names.vpc_id, LIMITS)
            await self._cgroups.ensure_cpu_quota(names.vpc_id, LIMITS)
            addresses = (str(vpc_resolver(IPv4Network(names.cidrs[0]))), LINK_LOCAL_RESOLVER)
            router = self._router_path(names.vpc_id)
            sockets = await open_sockets(router, addresses, port=PORT, kinds=(DATAGRAMS, STREAMS))
            try:
                await asyncio.to_thread(self._spawn, names.vpc_id, sockets)
            finally:
                for each in sockets:
                    each.close()
            await self._wait_running(names.vpc_id)

    async def remove_resolver(self, vpc_id: str) -> None:
        """Its process and what it knew. Repeatable."""
        async with self._lock(vpc_id):
            await self._cgroups.remove_cgroup(vpc_id)
            self._file(vpc_id).unlink(missing_ok=True)

    async def read_resolvers(self) -> set[str]:
        """VPCs that have anything of a resolver here."""
        files = {path.stem for path in self._folder.glob("vpc-*.json")}
        return files | await self._cgroups.read_cgroups()

    async def _is_running(self, vpc_id: str) -> bool:
        wanted = [os.fsencode(word) for word in self._arguments(vpc_id)]
        running = await self._cgroups.read_processes(vpc_id)
        return [_arguments_of(pid) for pid in running] == [wanted]

    async def _wait_running(self, vpc_id: str) -> None:
        """Until the process is the program: from then on its arguments tell what it is."""
        for _ in range(int(STARTED_S / POLL_S)):
            if await self._is_running(vpc_id):
                return
            await asyncio.sleep(POLL_S)
        raise Unavailable("resolver", vpc_id, why=f"the resolver of {vpc_id} does not start")

    def _spawn(self, vpc_id: str, sockets: list[socket.socket]) -> None:
        """In its group from the first moment, by a parent that ends at once: no child to be waited for."""
        numbers = [each.fileno() for each in sockets]
        files = map(str, self._cgroups.procs_files(vpc_id))
        done = subprocess.run(
            ["sh", "-c", JOIN, "sh", *files, "--", *self._arguments(vpc_id)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=numbers,
            cwd="/",
            env={SOCKETS: ",".join(map(str, numbers)), "LANG": "C.UTF-8", "PATH": os.defpath},
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable("resolver", vpc_id, why=f"the resolver of {vpc_id} could not be started")

    def _arguments(self, vpc_id: str) -> list[str]:
        try:
            netns = self._router_path(vpc_id).stat().st_ino
        except FileNotFoundError as error:
            raise NotFound("network namespace", vpc_id) from error
        start = Start(
            names_file=self._file(vpc_id),
            resolv_conf=self._resolv_conf,
            netns=netns,
        )
        return [*self._program, render_start(start)]

    def _save(self, names: VpcNames) -> None:
        text, file = msgspec.json.encode(names), self._file(names.vpc_id)
        with contextlib.suppress(FileNotFoundError):
            if file.read_bytes() == text:
                return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o755)  # the resolver is nobody; only root walks the folders above
        fresh = file.with_suffix(".new")
        fresh.write_bytes(text)
        fresh.chmod(0o644)
        fresh.replace(file)

    def _file(self, vpc_id: str) -> Path:
        return self._folder / f"{vpc_id}.json"

    def _lock(self, vpc_id: str) -> asyncio.Lock:
        return self._locks.setdefault(vpc_id, asyncio.Lock())


def _arguments_of(pid: int) -> list[bytes]:
    """Of a process as the kernel has them; none of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []
