"""One control group a task, at `/<instance>/<task>` of every hierarchy that limits something.

Works on cgroup v1, hybrid and v2: which controller lies where is read from mountinfo. What runsc makes
beside it in other v1 hierarchies carries the same name and goes with it. The `<instance>` group has no
limits of its own and goes with its last task.
"""

import asyncio
import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

import msgspec

from bastide.host import names
from bastide.host.mounts import Mount, read_mounts
from bastide.host.ports import Limits
from bastide.model.faults import InUse, NotFound, Unavailable, Unsupported

T = TypeVar("T")
CONTROLLERS = ("cpu", "memory", "pids")
ACCOUNTING = (
    "cpuacct",
    "freezer",
)  # v1 only: made beside the others, so that they measure the same processes
PERIOD_US = 100_000
QUOTA_MIN_US = 1_000  # the kernel takes no smaller one
UNITS_PER_CPU = 1024
BOOT_CPUS_MIN = 2
WEIGHT_MAX = 10_000
MIB = 1024**2
KILL_DEADLINE_S = 5.0
MAKE_TRIES = 8  # the parent may go with another task's group between two calls


class Hierarchies(msgspec.Struct, frozen=True, kw_only=True):
    """Where this machine's controllers are mounted."""

    unified: Path | None  # v2, when it has our controllers
    legacy: dict[str, Path]  # v1, by controller
    every: tuple[Path, ...]  # each mount of either kind

    @property
    def folders(self) -> tuple[Path, ...]:
        """The mounts a task's group is made in, each once."""
        if self.unified:
            return (self.unified,)
        wanted = (self.legacy[name] for name in (*CONTROLLERS, *ACCOUNTING) if name in self.legacy)
        return tuple(dict.fromkeys(wanted))


def find_hierarchies(mounts: list[Mount]) -> Hierarchies:
    """From the machine's mounts; Unsupported when a controller we need is nowhere."""
    legacy: dict[str, Path] = {}
    unified: list[Path] = []
    for mount in mounts:
        if mount.type == "cgroup2":
            unified.append(Path(mount.target))
        elif mount.type == "cgroup":
            for option in mount.options.split(","):
                legacy.setdefault(option, Path(mount.target))
    every = tuple(dict.fromkeys(Path(m.target) for m in mounts if m.type in ("cgroup", "cgroup2")))
    if all(name in legacy for name in CONTROLLERS):
        return Hierarchies(unified=None, legacy=legacy, every=every)
    for root in unified:
        available = _read(root / "cgroup.controllers").split()
        if all(name in available for name in CONTROLLERS):
            return Hierarchies(unified=root, legacy={}, every=every)
    raise Unsupported("cgroup", why=f"this machine has no cgroup hierarchy with {', '.join(CONTROLLERS)}")


def boot_quota_us(limits: Limits) -> int:
    """Whole CPUs, as many as the sandbox is to see: runsc reads them off the quota at its start.

    It shows two at the least, and with two its boot is not throttled.
    """
    return max(BOOT_CPUS_MIN, -(-limits.cpu_units // UNITS_PER_CPU)) * PERIOD_US


class TaskCgroups:
    """`ports.Cgroups` on this kernel."""

    def __init__(self, instance: str, *, hierarchies: Hierarchies | None = None) -> None:
        self._instance = instance
        self._at = hierarchies or find_hierarchies(read_mounts())
        self._pids_max = _read_pid_space() // 2  # no task takes more than half of what the host has
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure_cgroup(self, task_id: str, limits: Limits) -> str:
        """Memory and pids limited, CPU in whole CPUs yet (less throttles the boot); the path for the spec."""

        def ensure() -> None:
            for root in self._at.folders:
                self._make(root, task_id)
            if self._at.unified:
                _limit_unified(self._group(self._at.unified, task_id), limits)
                _write(self._group(self._at.unified, task_id) / "pids.max", self._pids(limits))
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
            _write(group / "cpu.weight", min(WEIGHT_MAX, max(1, limits.cpu_units * 100 // UNITS_PER_CPU)))
            _write(group / "cpu.max", f"{quota} {PERIOD_US}")
        else:
            group = self._group(self._at.legacy["cpu"], task_id)
            _write(group / "cpu.shares", max(2, limits.cpu_units))
            _write(group / "cpu.cfs_period_us", PERIOD_US)
            _write(group / "cpu.cfs_quota_us", quota)

    async def remove_cgroup(self, task_id: str) -> None:
        """Repeatable; whatever still runs in it is killed first."""

        def remove() -> None:
            groups = [group for root in self._at.every if (group := self._group(root, task_id)).is_dir()]
            _kill(groups)
            for group in groups:
                _remove_tree(group)
            for root in self._at.every:
                with contextlib.suppress(OSError):
                    (root / self._instance).rmdir()

        await self._locked(task_id, remove)

    async def read_cgroups(self) -> set[str]:
        """Task ids that have a cgroup on this host."""

        def read() -> set[str]:
            return {
                group.name
                for root in self._at.every
                for group in (root / self._instance).glob("*")
                if group.is_dir()
            }

        return await asyncio.to_thread(read)

    async def read_oom_kills(self, task_id: str) -> int:
        """How often the kernel killed something in it for memory; 0 when there is no such group."""
        if self._at.unified:
            file = self._group(self._at.unified, task_id) / "memory.events"
        else:
            file = self._group(self._at.legacy["memory"], task_id) / "memory.oom_control"
        try:
            text = await asyncio.to_thread(_read, file)
        except OSError:
            return 0
        counts = dict(line.split() for line in text.splitlines())
        return int(counts.get("oom_kill", 0))

    def _limit_legacy(self, task_id: str, limits: Limits) -> None:
        memory = self._group(self._at.legacy["memory"], task_id)
        _narrow_memory(memory, limits.memory_mib * MIB)
        _write(self._group(self._at.legacy["pids"], task_id) / "pids.max", self._pids(limits))

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


def _limit_unified(group: Path, limits: Limits) -> None:
    _write(group / "memory.max", limits.memory_mib * MIB)
    _write_if_there(group / "memory.swap.max", 0)
    _write_if_there(group / "memory.oom.group", 1)  # a task dies whole, as its sandbox does


def _narrow_memory(group: Path, limit_bytes: int) -> None:
    """Memory, and memory with swap, to one value: the kernel wants the second never below the first."""
    limit, with_swap = group / "memory.limit_in_bytes", group / "memory.memsw.limit_in_bytes"
    if int(_read(limit)) == limit_bytes:
        return
    if with_swap.exists() and int(_read(with_swap)) < limit_bytes:
        _write(with_swap, limit_bytes)
    _write(limit, limit_bytes)
    if with_swap.exists():
        _write(with_swap, limit_bytes)
    else:
        _write_if_there(group / "memory.swappiness", 0)


def _read_pid_space() -> int:
    """How many processes and threads this kernel has room for."""
    return min(int(_read(Path("/proc/sys/kernel") / name)) for name in ("pid_max", "threads-max"))


def _delegate(group: Path) -> None:
    """Let the groups below have the controllers."""
    enabled = _read(group / "cgroup.subtree_control").split()
    missing = [f"+{name}" for name in CONTROLLERS if name not in enabled]
    if missing:
        _write(group / "cgroup.subtree_control", " ".join(missing))


def _kill(groups: list[Path]) -> None:
    """Kill every process in the groups and below, and wait until none is left."""
    deadline = time.monotonic() + KILL_DEADLINE_S
    while pids := {pid for group in groups for pid in _pids(group)}:
        for group in groups:
            _write_if_there(group / "cgroup.kill", 1)  # v2, Linux 5.14: no fork escapes it
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise OSError(errno.EBUSY, f"{len(pids)} processes outlive SIGKILL", str(groups[0]))
        time.sleep(0.005)


def _pids(group: Path) -> Iterator[int]:
    for folder, _, _ in os.walk(group):
        with contextlib.suppress(OSError):
            # 0 is a process of another pid namespace, which is nobody's task.
            yield from (pid for word in _read(Path(folder) / "cgroup.procs").split() if (pid := int(word)))


def _remove_tree(group: Path) -> None:
    """A cgroup's files cannot be deleted and need not be: its folders go, the deepest first."""
    deadline = time.monotonic() + KILL_DEADLINE_S
    for folder, _, _ in os.walk(group, topdown=False):
        while True:
            try:
                Path(folder).rmdir()
                break
            except FileNotFoundError:
                break
            except OSError as error:  # a killed process leaves its group a moment after it is gone
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.002)


def _read(file: Path) -> str:
    return file.read_text()


def _write(file: Path, value: int | str) -> None:
    file.write_text(str(value))


def _write_if_there(file: Path, value: int | str) -> None:
    """For what this kernel may not have."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, str(value).encode())
        finally:
            os.close(descriptor)
