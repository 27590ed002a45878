"""One control group a task, at `/<instance>/<task>` of every hierarchy that limits something.

Works on cgroup v1, hybrid and v2: which controller lies where is read from mountinfo. What runsc makes
beside it in other v1 hierarchies carries the same name and goes with it. The `<instance>` group has no
limits of its own and goes with its last task.
"""

import asyncio
import contextlib
import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from bastide.host import names
from bastide.host.cgroups.files import read, write, write_if_there
from bastide.host.cgroups.hierarchies import CONTROLLERS, Hierarchies, find_hierarchies
from bastide.host.cgroups.kills import read_own_kills, read_victims
from bastide.host.cgroups.removal import kill_all, remove_tree
from bastide.host.cgroups.shares import Shares
from bastide.host.mounts import read_mounts
from bastide.host.ports import Limits, TaskCpu
from bastide.model.faults import InUse, NotFound, Unavailable

T = TypeVar("T")
PERIOD_US = 100_000
QUOTA_MIN_US = 1_000  # the kernel takes no smaller one
UNITS_PER_CPU = 1024
BOOT_CPUS_MIN = 2
WEIGHT_MAX = 10_000
MIB = 1024**2
MAKE_TRIES = 8  # the parent may go with another task's group between two calls


def boot_quota_us(limits: Limits) -> int:
    """Whole CPUs, as many as the sandbox is to see: runsc reads them off the quota at its start.

    It shows two at the least, and with two its boot is not throttled.
    """
    return max(BOOT_CPUS_MIN, -(-limits.cpu_units // UNITS_PER_CPU)) * PERIOD_US


class TaskCgroups:
    """`ports.Cgroups` on this kernel. `dies_whole`: without memory, with every process, as a sandbox does."""

    def __init__(
        self, instance: str, *, dies_whole: bool = True, hierarchies: Hierarchies | None = None
    ) -> None:
        self._instance = instance
        self._dies_whole = dies_whole
        self._at = hierarchies or find_hierarchies(read_mounts())
        self._pids_max = _read_pid_space() // 2  # no task takes more than half of what the host has
        self._shares: dict[str, Shares] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure_cgroup(self, task_id: str, limits: Limits) -> str:
        """Memory and pids limited, CPU in whole CPUs yet (less throttles the boot); the path for the spec."""

        def ensure() -> None:
            for root in self._at.folders:
                self._make(root, task_id)
            if self._at.unified:
                _limit_unified(self._group(self._at.unified, task_id), limits, dies_whole=self._dies_whole)
                write(self._group(self._at.unified, task_id) / "pids.max", self._pids(limits))
            else:
                self._limit_legacy(task_id, limits)
            self._limit_cpu(task_id, limits, boot_quota_us(limits))

        await self._locked(task_id, ensure)
        return f"/{names.cgroup_name(self._instance, task_id)}"

    async def ensure_cpu_quota(self, task_id: str, limits: Limits) -> None:
        """Narrow the CPU to the task's size, once its containers have started."""
        quota = max(QUOTA_MIN_US, limits.cpu_units * PERIOD_US // UNITS_PER_CPU)
        await self._locked(task_id, lambda: self._limit_cpu(task_id, limits, quota))

    def _limit_cpu(self, task_id: str, limits: Limits, quota: int) -> None:
        if self._at.unified:
            group = self._group(self._at.unified, task_id)
            write(group / "cpu.weight", min(WEIGHT_MAX, max(1, limits.cpu_units * 100 // UNITS_PER_CPU)))
            write(group / "cpu.max", f"{quota} {PERIOD_US}")
        else:
            group = self._group(self._at.legacy["cpu"], task_id)
            write(group / "cpu.shares", max(2, limits.cpu_units))
            write(group / "cpu.cfs_period_us", PERIOD_US)
            write(group / "cpu.cfs_quota_us", quota)

    async def remove_cgroup(self, task_id: str) -> None:
        """Repeatable; whatever still runs in it is killed first."""

        def remove() -> None:
            groups = [group for root in self._at.every if (group := self._group(root, task_id)).is_dir()]
            kill_all(groups)
            for group in groups:
                remove_tree(group)
            for root in self._at.every:
                with contextlib.suppress(OSError):
                    (root / self._instance).rmdir()

        await self._locked(task_id, remove)
        self._shares.pop(task_id, None)

    async def read_cgroups(self) -> set[str]:
        """Task ids that have a cgroup on this host."""

        def list_groups() -> set[str]:
            return {
                group.name
                for root in self._at.every
                for group in (root / self._instance).glob("*")
                if group.is_dir()
            }

        return await asyncio.to_thread(list_groups)

    def procs_files(self, task_id: str) -> tuple[Path, ...]:
        """Where a process that is to be in the group writes itself."""
        return tuple(self._group(root, task_id) / "cgroup.procs" for root in self._at.folders)

    async def read_processes(self, task_id: str) -> list[int]:
        """Ids of the processes in it; none when there is no such group."""

        def read_pids() -> list[int]:
            try:
                return [int(word) for word in read(self._memory(task_id) / "cgroup.procs").split()]
            except FileNotFoundError:
                return []

        return await asyncio.to_thread(read_pids)

    async def read_oom_kills(self, task_id: str) -> int:
        """How often the kernel killed something in it for memory; 0 when there is no such group."""
        return await asyncio.to_thread(read_own_kills, self._memory(task_id))

    async def read_oom_victims(self, task_id: str) -> frozenset[str]:
        """Ids of containers in whose own group the kernel killed something for memory."""
        return await asyncio.to_thread(read_victims, self._memory(task_id))

    async def read_cpu(self, task_id: str) -> TaskCpu | None:
        """What the task and its containers have used; None when it has no group."""
        return await asyncio.to_thread(self._new_shares(task_id).read)

    async def sort_processes(self, task_id: str, roots: Mapping[str, tuple[Path, int]]) -> None:
        """Let what each container runs be weighed and counted by itself; root and CPU units by its name."""
        shares = self._shares.get(task_id) or self._new_shares(task_id)
        await self._locked(task_id, lambda: shares.sort(roots))
        self._shares[task_id] = shares  # it knows what each process had used

    async def cap_containers(self, task_id: str, caps: Mapping[str, int | None]) -> None:
        """Let each use so many microseconds of a period of the quota; None: as many as the task."""
        shares = self._new_shares(task_id)
        await self._locked(task_id, lambda: shares.cap(caps, period_us=PERIOD_US))

    def _new_shares(self, task_id: str) -> Shares:
        return Shares(self._at, names.cgroup_name(self._instance, task_id))

    async def read_held_bytes(self, floors: Mapping[str, int]) -> dict[str, int]:
        """By task: what it holds at most; the page cache is left out where that is above its floor."""

        def read_each() -> dict[str, int]:
            found = ((task_id, self._read_held(task_id, floor)) for task_id, floor in floors.items())
            return {task_id: held for task_id, held in found if held is not None}

        return await asyncio.to_thread(read_each)

    def _read_held(self, task_id: str, floor: int) -> int | None:
        group = self._memory(task_id)
        try:
            all_of_it = int(read(group / ("memory.current" if self._at.unified else "memory.usage_in_bytes")))
            if all_of_it <= floor:
                return all_of_it
            counts = dict(line.split() for line in read(group / "memory.stat").splitlines())
        except OSError:  # it is being removed: not there, or, if it was open already, no device
            return None
        # The memory of a sandbox's containers is a file in memory, which the kernel counts as shared.
        kinds = ("anon", "shmem") if self._at.unified else ("total_rss", "total_shmem")
        return sum(int(counts[kind]) for kind in kinds)

    def _limit_legacy(self, task_id: str, limits: Limits) -> None:
        memory = self._memory(task_id)
        _narrow_memory(memory, limits.memory_mib * MIB)
        write(self._group(self._at.legacy["pids"], task_id) / "pids.max", self._pids(limits))

    def _pids(self, limits: Limits) -> int:
        return min(limits.pids, self._pids_max)

    def _make(self, root: Path, task_id: str) -> None:
        for tries_left in reversed(range(MAKE_TRIES)):
            try:
                (root / self._instance).mkdir(exist_ok=True)
                if root == self._at.unified:
                    for parent in (root, root / self._instance):
                        _delegate(parent)
                self._group(root, task_id).mkdir(exist_ok=True)
                return
            except FileNotFoundError:
                if not tries_left:
                    raise

    def _memory(self, task_id: str) -> Path:
        return self._group(self._at.unified or self._at.legacy["memory"], task_id)

    def _group(self, root: Path, task_id: str) -> Path:
        return root / names.cgroup_name(self._instance, task_id)

    async def _locked(self, task_id: str, work: Callable[[], T]) -> T:
        async with self._locks.setdefault(task_id, asyncio.Lock()):
            # Shielded: a cancelled caller must not let the next call in while this one still writes.
            working = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:
                await asyncio.wait([working])
                raise
            except FileNotFoundError as error:
                raise NotFound("cgroup", task_id) from error
            except OSError as error:
                fault = InUse if error.errno == errno.EBUSY else Unavailable
                why = f"cgroup: {error.strerror}: {error.filename}"
                raise fault("cgroup", task_id, why=why) from error


def _limit_unified(group: Path, limits: Limits, *, dies_whole: bool) -> None:
    write(group / "memory.max", limits.memory_mib * MIB)
    write_if_there(group / "memory.swap.max", 0)
    write_if_there(group / "memory.oom.group", int(dies_whole))


def _narrow_memory(group: Path, limit_bytes: int) -> None:
    """Memory, and memory with swap, to one value: the kernel wants the second never below the first."""
    limit, with_swap = group / "memory.limit_in_bytes", group / "memory.memsw.limit_in_bytes"
    if int(read(limit)) == limit_bytes:
        return
    if with_swap.exists() and int(read(with_swap)) < limit_bytes:
        write(with_swap, limit_bytes)
    write(limit, limit_bytes)
    if with_swap.exists():
        write(with_swap, limit_bytes)
    else:
        write_if_there(group / "memory.swappiness", 0)


def _read_pid_space() -> int:
    """How many processes and threads this kernel has room for."""
    return min(int(read(Path("/proc/sys/kernel") / name)) for name in ("pid_max", "threads-max"))


def _delegate(group: Path) -> None:
    """Let the groups below have the controllers."""
    enabled = read(group / "cgroup.subtree_control").split()
    missing = [f"+{name}" for name in CONTROLLERS if name not in enabled]
    if missing:
        write(group / "cgroup.subtree_control", " ".join(missing))
