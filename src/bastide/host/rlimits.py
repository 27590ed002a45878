"""What this machine lets a process of root's raise its own limits to."""

import resource
from pathlib import Path

CAP_SYS_RESOURCE = 24  # linux/capability.h


def read_nofile_max() -> int:
    """The most open files a container can be given: without CAP_SYS_RESOURCE, as many as we may have."""
    most = int(Path("/proc/sys/fs/nr_open").read_text())
    if _has_capability(CAP_SYS_RESOURCE):
        return most
    return min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def _has_capability(number: int) -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(line for line in lines if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> number & 1)
