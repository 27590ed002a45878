"""Which controller lies where on this machine: cgroup v1, hybrid or v2, read from its mounts."""

from pathlib import Path

import msgspec

from bastide.host.cgroups.files import read
from bastide.host.mounts import Mount
from bastide.model.faults import Unsupported

CONTROLLERS = ("cpu", "memory", "pids")
ACCOUNTING = (
    "cpuacct",
    "freezer",
)  # v1 only: made beside the others, so that they measure the same processes


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
        available = read(root / "cgroup.controllers").split()
        if all(name in available for name in CONTROLLERS):
            return Hierarchies(unified=root, legacy={}, every=every)
    raise Unsupported("cgroup", why=f"this machine has no cgroup hierarchy with {', '.join(CONTROLLERS)}")
