"""What this machine lets a process of root's raise its own limits to, and the agent's own."""

import resource
from pathlib import Path

CAP_SYS_RESOURCE = 24  # linux/capability.h
OPEN_FILES = 65536  # no more: programs we start may close, one by one, all that they could have


def read_nofile_max() -> int:
    """The most open files a container can be given: without CAP_SYS_RESOURCE, as many as we may have."""
    most = int(Path("/proc/sys/fs/nr_open").read_text())
    if _has_capability(CAP_SYS_RESOURCE):
        return most
    return min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def raise_open_files() -> None:
    """As many as this process may need: shells give it 1024, and every layer on its way takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, OPEN_FILES)), hard))


def _has_capability(number: int) -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(line for line in lines if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> number & 1)
