"""Where a machine's controllers are."""

from pathlib import Path

from bastide.host.cgroups import find_hierarchies
from bastide.host.mounts import Mount


def legacy(path: str, options: str) -> Mount:
    return Mount(target=path, root="/", type="cgroup", source="cgroup", options=options)


HYBRID = [
    legacy("/c/cpu,cpuacct", "rw,cpu,cpuacct"),
    legacy("/c/memory", "rw,memory"),
    legacy("/c/pids", "rw,pids"),
    legacy("/c/blkio", "rw,blkio"),
    legacy("/c/systemd", "rw,xattr,name=systemd"),
    Mount(target="/c/unified", root="/", type="cgroup2", source="cgroup2", options="rw"),
    Mount(target="/", root="/", type="ext4", source="/dev/vda", options="rw,memory"),
]


def test_controllers_mounted_together_are_one_folder() -> None:
    found = find_hierarchies(HYBRID)
    assert found.unified is None
    assert found.folders == (Path("/c/cpu,cpuacct"), Path("/c/memory"), Path("/c/pids"))


def test_every_hierarchy_is_looked_through_when_a_task_goes() -> None:
    assert Path("/c/blkio") in find_hierarchies(HYBRID).every
    assert Path("/c/unified") in find_hierarchies(HYBRID).every
    assert Path("/") not in find_hierarchies(HYBRID).every
