"""The mounts every container has, as Docker lays them out, what they hide, and a bind mount's form."""

import posixpath
from typing import Any

from bastide.model.faults import Invalid

SHM_SIZE = "65536k"  # Docker's default; Fargate rejects sharedMemorySize
# Docker's defaults.
MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def base_mounts() -> list[dict[str, Any]]:
    """Kernel filesystems, in the order they are mounted. No device of the host is among them."""
    hidden = ["nosuid", "noexec", "nodev"]
    return [
        _mount("proc", "/proc", "proc", hidden),
        _mount("tmpfs", "/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount(
            "devpts",
            "/dev/pts",
            "devpts",
            ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        _mount("sysfs", "/sys", "sysfs", [*hidden, "ro"]),
        _mount("cgroup", "/sys/fs/cgroup", "cgroup", [*hidden, "relatime", "ro"]),
        _mount("mqueue", "/dev/mqueue", "mqueue", hidden),
        _mount("shm", "/dev/shm", "tmpfs", [*hidden, "mode=1777", f"size={SHM_SIZE}"]),
    ]


def mount_path(path: str) -> str:
    """Where a volume is mounted, as a normal path; Invalid, in Docker's words, where it cannot be."""
    if not path.startswith("/"):
        raise Invalid("path", path, why=f"invalid mount path: '{path}' mount path must be absolute")
    normal = posixpath.normpath("/" + path.lstrip("/"))
    if normal == "/":
        raise Invalid("path", path, why="invalid specification: destination can't be '/'")
    return normal


def bind(source: str, target: str, *, read_only: bool) -> dict[str, Any]:
    """A folder or file of the host at a path of the container."""
    return _mount(source, target, "bind", ["rbind", "rprivate", "ro" if read_only else "rw"])


def _mount(source: str, target: str, kind: str, options: list[str]) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": source, "options": options}
