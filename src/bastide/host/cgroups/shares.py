"""A group below a task's for each of its containers, for the processor alone.

gVisor runs all containers of a task in one sandbox, but each of their processes in a process of the host that
has nothing but its memory ("stub"). Which container it is of can be read off the files it has mapped: every
container's root is a filesystem of its own. A stub that has ended is used again for another container's
process, so busy ones are looked at each time. The sandbox itself and its file servers stay in the task's
group.

On cgroup v2 the groups are threaded ones: the task's memory and processes stay where they are counted.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from bastide.host.cgroups.files import read, write
from bastide.host.cgroups.hierarchies import Hierarchies
from bastide.host.ports import TaskCpu

PROC = Path("/proc")
BUSY_TICKS = 2  # of the 100 in a second: who used less since the last time may stay where it is
UNITS_PER_CPU = 1024
SCALE = 16  # the sandbox's threads weigh 1,024 each beside a container of 64 units, and those are to yield
SHARES_MAX, WEIGHT_MAX = 262_144, 10_000
NO_CAP = {True: "max", False: "-1"}


class Shares:
    """The containers' groups of one task."""

    def __init__(self, at: Hierarchies, name: str) -> None:
        self._is_unified = at.unified is not None
        self._cpu = (at.unified or at.legacy["cpu"]) / name
        account = at.unified or at.legacy.get("cpuacct", at.legacy["cpu"])
        self._account = account / name
        self._ticks: dict[int, int] = {}

    def read(self) -> TaskCpu | None:
        """What was counted until now; None when the task has no group."""
        try:
            counts = _counts(self._cpu / "cpu.stat")
            names = [folder.name for folder in self._cpu.iterdir() if folder.is_dir()]
            caps = {name: self._cap_us(name) for name in names}
            return TaskCpu(
                periods=counts["nr_periods"],
                held_back=counts["nr_throttled"],
                used_us=self._used_us(self._account),
                containers={name: self._used_us(self._account / name) for name in names},
                caps={name: cap for name, cap in caps.items() if cap is not None},
            )
        except OSError:  # it is being removed: not there, or, if it was open already, no device
            return None

    def sort(self, roots: Mapping[str, tuple[Path, int]]) -> None:
        """Put each busy stub into its container's group; `roots` has root and CPU units by name."""
        devices: dict[str, str] = {}
        for name, (root, units) in roots.items():
            self._ensure_group(name, units)
            device = root.stat().st_dev
            devices[f"{os.major(device):02x}:{os.minor(device):02x}"] = name
        before, self._ticks = self._ticks, {}
        below = () if self._is_unified else tuple(self._cpu / name for name in roots)
        for folder in (self._cpu, *below):  # of threaded groups, the task's own lists all processes
            for pid in _pids(folder):
                stub = _read_stub(pid)
                if stub is None:
                    continue
                self._ticks[pid], parent = stub
                if self._ticks[pid] - before.get(pid, 0) < BUSY_TICKS:
                    continue
                name = devices.get(_find_device(pid, devices), "")
                if name and folder.name != name:
                    self._move(pid, name)
                    if _read_stub(parent) is not None:  # it begins the threads of the same process
                        self._move(parent, name)

    def cap(self, caps: Mapping[str, int | None], *, period_us: int) -> None:
        """Let each use so much of a period; None: as much as the task."""
        for name, cap_us in caps.items():
            value = NO_CAP[self._is_unified] if cap_us is None else str(cap_us)
            if self._is_unified:
                write(self._cpu / name / "cpu.max", f"{value} {period_us}")
            else:
                write(self._cpu / name / "cpu.cfs_quota_us", value)

    def _ensure_group(self, name: str, units: int) -> None:
        group = self._cpu / name
        for folder in (self._cpu, self._account):
            (folder / name).mkdir(exist_ok=True)
        if self._is_unified:
            if read(group / "cgroup.type").strip() != "threaded":
                write(group / "cgroup.type", "threaded")
            write(self._cpu / "cgroup.subtree_control", "+cpu")
            write(group / "cpu.weight", min(WEIGHT_MAX, max(1, units * SCALE * 100 // UNITS_PER_CPU)))
        else:
            write(group / "cpu.shares", min(SHARES_MAX, max(2, units * SCALE)))

    def _move(self, pid: int, name: str) -> None:
        for folder in dict.fromkeys((self._account, self._cpu)):
            try:
                write(folder / name / "cgroup.procs", pid)
            except ProcessLookupError:  # it ended meanwhile
                return

    def _cap_us(self, name: str) -> int | None:
        text = read(self._cpu / name / ("cpu.max" if self._is_unified else "cpu.cfs_quota_us")).split()[0]
        return None if text == NO_CAP[self._is_unified] else int(text)

    def _used_us(self, group: Path) -> int:
        if self._is_unified:
            return _counts(group / "cpu.stat")["usage_usec"]
        return int(read(group / "cpuacct.usage")) // 1000


def _counts(file: Path) -> dict[str, int]:
    return {key: int(value) for key, value in (line.split() for line in read(file).splitlines())}


def _pids(group: Path) -> Iterator[int]:
    for word in read(group / "cgroup.procs").split():
        yield int(word)


def _read_stub(pid: int) -> tuple[int, int] | None:
    """Ticks it has used and its parent; None for anything but a stub, which alone has no arguments."""
    try:
        if read(PROC / str(pid) / "cmdline"):
            return None
        fields = read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[11]) + int(fields[12]), int(fields[1])


def _find_device(pid: int, devices: Mapping[str, str]) -> str:
    """The first of the devices that the process has a file of mapped."""
    try:
        with (PROC / str(pid) / "maps").open() as lines:
            return next((word for line in lines if (word := line.split(None, 4)[3]) in devices), "")
    except (FileNotFoundError, ProcessLookupError):
        return ""
