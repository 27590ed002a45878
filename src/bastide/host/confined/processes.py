"""Confined processes of one kind, found again by their control groups and their arguments.

A process's arguments say everything it was started for, so one whose arguments are others is an older one
and is replaced. It outlives the agent; its group goes with it.
"""

import asyncio
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from weakref import WeakValueDictionary

from bastide.host.cgroups import TaskCgroups
from bastide.host.confined.start import SOCKETS
from bastide.host.ports import Limits
from bastide.model.faults import Unavailable

JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec setsid --fork "$@"'
STARTED_S, POLL_S = 5.0, 0.002

OpenSockets = Callable[[], Awaitable[list[socket.socket]]]


class ConfinedProcesses:
    """One a key, all of the same program, which becomes one of them when it is given its start."""

    def __init__(self, noun: str, *, program: tuple[str, ...], cgroups: TaskCgroups, limits: Limits) -> None:
        self._noun, self._program = noun, program
        self._cgroups, self._limits = cgroups, limits
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, key: str) -> asyncio.Lock:
        """Held by whoever calls about the key."""
        return self._locks.setdefault(key, asyncio.Lock())

    async def ensure(self, key: str, start: str, open_sockets: OpenSockets) -> None:
        """One runs that was started with this. Preconditions: the key's lock is held."""
        if await self._is_running(key, start):
            return
        await self.remove(key)
        await self._cgroups.ensure_cgroup(key, self._limits)
        await self._cgroups.ensure_cpu_quota(key, self._limits)
        sockets = await open_sockets()
        try:
            await asyncio.to_thread(self._spawn, key, start, sockets)
        finally:
            for each in sockets:
                each.close()
        await self._wait_running(key, start)

    async def remove(self, key: str) -> None:
        """None runs any more. Repeatable. Preconditions: the key's lock is held."""
        await self._cgroups.remove_cgroup(key)

    async def read(self) -> set[str]:
        """Keys that have anything of such a process here."""
        return await self._cgroups.read_cgroups()

    async def _is_running(self, key: str, start: str) -> bool:
        wanted = [os.fsencode(word) for word in (*self._program, start)]
        running = await self._cgroups.read_processes(key)
        return [_arguments_of(pid) for pid in running] == [wanted]

    async def _wait_running(self, key: str, start: str) -> None:
        """Until the process is the program: from then on its arguments tell what it is."""
        for _ in range(int(STARTED_S / POLL_S)):
            if await self._is_running(key, start):
                return
            await asyncio.sleep(POLL_S)
        raise Unavailable(self._noun, key, why=f"the {self._noun} of {key} does not start")

    def _spawn(self, key: str, start: str, sockets: list[socket.socket]) -> None:
        """In its group from the first moment, by a parent that ends at once: no child to be waited for."""
        numbers = [each.fileno() for each in sockets]
        files = map(str, self._cgroups.procs_files(key))
        done = subprocess.run(
            ["sh", "-c", JOIN, "sh", *files, "--", *self._program, start],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=numbers,
            cwd="/",
            env={SOCKETS: ",".join(map(str, numbers)), "LANG": "C.UTF-8", "PATH": os.defpath},
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable(self._noun, key, why=f"the {self._noun} of {key} could not be started")


def _arguments_of(pid: int) -> list[bytes]:
    """Of a process as the kernel has them; none of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []
