"""What the kernel killed for memory, told by the group the victim was in, whosever limit it was."""

from pathlib import Path

from bastide.host.cgroups.files import read

# v2's memory.events counts all below too; local, if there, is the group's own, as v1's file is.
FILES = ("memory.events.local", "memory.events", "memory.oom_control")


def read_own_kills(group: Path) -> int:
    """How often in the group itself; 0 when there is no such group."""
    for name in FILES:
        try:
            counts = dict(line.split() for line in read(group / name).splitlines())
        except OSError:
            continue
        return int(counts.get("oom_kill", 0))
    return 0


def read_victims(group: Path) -> frozenset[str]:
    """Names of the groups right below in which it happened: a container's each, with a shared kernel."""
    try:
        below = [each for each in group.iterdir() if each.is_dir()]
    except OSError:
        return frozenset()
    return frozenset(each.name for each in below if read_own_kills(each))
