"""What is written on a machine with cgroup v2, in a folder that looks like it: this kernel may have v1."""

from pathlib import Path

import pytest

from bastide.host.cgroups import TaskCgroups, find_hierarchies
from bastide.host.mounts import Mount
from bastide.host.ports import Limits
from bastide.model.faults import Unsupported

TASK = "1" * 32


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("memory\n")
    (tmp_path / "i").mkdir()
    (tmp_path / "i" / "cgroup.subtree_control").write_text("")
    group = tmp_path / "i" / TASK
    group.mkdir()
    for optional in ("memory.swap.max", "memory.oom.group"):
        (group / optional).touch()
    return tmp_path


def mount_of(path: Path) -> Mount:
    return Mount(target=str(path), root="/", type="cgroup2", source="cgroup2", options="rw,nsdelegate")


async def test_limits_are_written_and_controllers_handed_down(unified: Path) -> None:
    cgroups = TaskCgroups("i", hierarchies=find_hierarchies([mount_of(unified)]))
    limits = Limits(cpu_units=512, memory_mib=1024, pids=100)
    assert await cgroups.ensure_cgroup(TASK, limits) == f"/i/{TASK}"
    await cgroups.ensure_cpu_quota(TASK, limits)
    group = unified / "i" / TASK
    assert (group / "memory.max").read_text() == str(1024**3)
    assert (group / "memory.swap.max").read_text() == "0"
    assert (group / "memory.oom.group").read_text() == "1"
    assert (group / "pids.max").read_text() == "100"
    assert (group / "cpu.max").read_text() == "50000 100000"
    assert (group / "cpu.weight").read_text() == "50"
    assert (unified / "cgroup.subtree_control").read_text() == "+cpu +pids"
    assert (unified / "i" / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


async def test_kills_for_memory_are_counted(unified: Path) -> None:
    cgroups = TaskCgroups("i", hierarchies=find_hierarchies([mount_of(unified)]))
    events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n"
    (unified / "i" / TASK / "memory.events").write_text(events)
    assert await cgroups.read_oom_kills(TASK) == 2


def test_a_machine_without_the_controllers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    with pytest.raises(Unsupported):
        find_hierarchies([mount_of(tmp_path)])
