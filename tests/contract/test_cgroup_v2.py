"""What is written on a machine with cgroup v2, in a folder that looks like it: this kernel may have v1."""

from pathlib import Path

import pytest

from bastide.host.cgroups import TaskCgroups, find_hierarchies
from bastide.host.mounts import Mount
from bastide.host.ports import Limits, TaskCpu
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


async def test_a_containers_group_is_threaded_weighed_and_capped(unified: Path, tmp_path: Path) -> None:
    cgroups = TaskCgroups("i", hierarchies=find_hierarchies([mount_of(unified)]))
    group = unified / "i" / TASK
    (group / "small").mkdir()
    (group / "small" / "cgroup.type").write_text("domain\n")
    (group / "cgroup.procs").touch()
    counts = "usage_usec 70\nuser_usec 60\nsystem_usec 10\nnr_periods 5\nnr_throttled 2\nthrottled_usec 9\n"
    for folder in (group, group / "small"):
        (folder / "cpu.stat").write_text(counts)
    await cgroups.sort_processes(TASK, {"small": (tmp_path, 64)})
    await cgroups.cap_containers(TASK, {"small": 5_000})
    assert (group / "small" / "cgroup.type").read_text() == "threaded"
    assert (group / "cgroup.subtree_control").read_text() == "+cpu"
    assert (group / "small" / "cpu.weight").read_text() == "100"
    assert (group / "small" / "cpu.max").read_text() == "5000 100000"
    await cgroups.cap_containers(TASK, {"small": None})
    assert (group / "small" / "cpu.max").read_text() == "max 100000"
    seen = await cgroups.read_cpu(TASK)
    assert seen == TaskCpu(periods=5, held_back=2, used_us=70, containers={"small": 70})


async def test_containers_with_a_group_each_do_not_die_together(unified: Path) -> None:
    found = find_hierarchies([mount_of(unified)])
    cgroups = TaskCgroups("i", dies_whole=False, hierarchies=found)
    await cgroups.ensure_cgroup(TASK, Limits(cpu_units=512, memory_mib=1024, pids=100))
    group = unified / "i" / TASK
    assert (group / "memory.oom.group").read_text() == "0"
    for name, kills in (("hog", 1), ("neighbour", 0)):
        (group / name).mkdir()
        (group / name / "memory.events.local").write_text(f"oom_kill {kills}\n")
    (group / "memory.events").write_text("oom_kill 1\n")  # those below are in it
    (group / "memory.events.local").write_text("oom_kill 0\n")
    assert await cgroups.read_oom_kills(TASK) == 0
    assert await cgroups.read_oom_victims(TASK) == {"hog"}


async def test_kills_for_memory_are_counted(unified: Path) -> None:
    cgroups = TaskCgroups("i", hierarchies=find_hierarchies([mount_of(unified)]))
    events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n"
    (unified / "i" / TASK / "memory.events").write_text(events)
    assert await cgroups.read_oom_kills(TASK) == 2


def test_a_machine_without_the_controllers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    with pytest.raises(Unsupported):
        find_hierarchies([mount_of(tmp_path)])
