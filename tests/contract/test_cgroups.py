"""What `ports.Cgroups` promises, on the fake and on this kernel."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.host.cgroups import TaskCgroups, find_hierarchies
from bastide.host.mounts import read_mounts
from bastide.host.ports import Cgroups, Limits
from bastide.model.faults import NotFound
from tests.fakes.cgroups import FakeCgroups
from tests.real_host import instance_name, nothing_left, require_root

TASK, OTHER = "1" * 32, "2" * 32
QUARTER = Limits(cpu_units=256, memory_mib=64, pids=20)
SPINNER = "import time; end = time.monotonic() + 1.0\nwhile time.monotonic() < end: pass"


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def cgroups(request: pytest.FixtureRequest) -> Cgroups:
    if request.param == "fake":
        return FakeCgroups()
    made: Cgroups = request.getfixturevalue("real")
    return made


@pytest.fixture
async def real() -> AsyncIterator[TaskCgroups]:
    require_root()
    instance = instance_name("g")
    with nothing_left(f"/{instance}"):
        made = TaskCgroups(instance)
        yield made
        for task_id in (TASK, OTHER):
            await made.remove_cgroup(task_id)


async def test_a_group_is_there_until_it_is_removed(cgroups: Cgroups) -> None:
    path = await cgroups.ensure_cgroup(TASK, QUARTER)
    assert path.endswith(f"/{TASK}")
    assert await cgroups.ensure_cgroup(TASK, QUARTER) == path
    assert await cgroups.read_cgroups() == {TASK}
    await cgroups.remove_cgroup(TASK)
    await cgroups.remove_cgroup(TASK)
    assert await cgroups.read_cgroups() == set()


async def test_removing_one_leaves_the_other(cgroups: Cgroups) -> None:
    for task_id in (TASK, OTHER):
        await cgroups.ensure_cgroup(task_id, QUARTER)
    await cgroups.remove_cgroup(TASK)
    assert await cgroups.read_cgroups() == {OTHER}
    await cgroups.remove_cgroup(OTHER)


async def test_a_quota_needs_a_group(cgroups: Cgroups) -> None:
    with pytest.raises(NotFound):
        await cgroups.ensure_cpu_quota(TASK, QUARTER)


async def test_nothing_was_killed_in_a_new_group_or_in_none(cgroups: Cgroups) -> None:
    assert await cgroups.read_oom_kills(TASK) == 0
    await cgroups.ensure_cgroup(TASK, QUARTER)
    assert await cgroups.read_oom_kills(TASK) == 0
    await cgroups.remove_cgroup(TASK)


async def test_containers_are_counted_each_for_itself_once_they_are_sorted(
    cgroups: Cgroups, tmp_path: Path
) -> None:
    roots = {"small": (tmp_path, 64), "large": (tmp_path, 192)}
    assert await cgroups.read_cpu(TASK) is None
    with pytest.raises(NotFound):
        await cgroups.sort_processes(TASK, roots)
    await cgroups.ensure_cgroup(TASK, QUARTER)
    for _ in range(2):
        await cgroups.sort_processes(TASK, roots)
        await cgroups.cap_containers(TASK, {"small": 5_000, "large": None})
    seen = await cgroups.read_cpu(TASK)
    assert seen is not None
    assert seen.containers == {"small": 0, "large": 0}
    assert seen.caps == {"small": 5_000}
    await cgroups.cap_containers(TASK, {"small": None, "large": None})
    seen = await cgroups.read_cpu(TASK)
    assert seen is not None
    assert seen.caps == {}
    await cgroups.remove_cgroup(TASK)
    assert await cgroups.read_cgroups() == set()


async def test_what_a_task_holds_is_told_for_those_that_have_a_group(cgroups: Cgroups) -> None:
    await cgroups.ensure_cgroup(TASK, QUARTER)
    assert await cgroups.read_held_bytes({TASK: 1 << 20, OTHER: 1 << 20}) == {TASK: 0}
    await cgroups.remove_cgroup(TASK)


@pytest.mark.real
async def test_file_pages_are_not_held_by_a_task(real: TaskCgroups, tmp_path: Path) -> None:
    path = await real.ensure_cgroup(TASK, Limits(cpu_units=256, memory_mib=256))
    code = (
        f"open({str(tmp_path / 'file')!r}, 'wb').write(bytes(64 << 20)); kept = b'x' * (32 << 20)\n"
        "print(flush=True); import time; time.sleep(600)"
    )
    with _run_in(path, code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        held = (await real.read_held_bytes({TASK: 1 << 20}))[TASK]
        assert 32 << 20 <= held < 64 << 20
        process.kill()


@pytest.mark.real
async def test_cpu_is_wide_until_it_is_narrowed(real: TaskCgroups) -> None:
    path = await real.ensure_cgroup(TASK, QUARTER)
    _cpu_seconds(path, SPINNER)
    assert _throttled(path) == 0
    await real.ensure_cpu_quota(TASK, QUARTER)
    assert _cpu_seconds(path, SPINNER) < 0.4
    assert _throttled(path) > 0


@pytest.mark.real
async def test_memory_beyond_the_limit_is_killed_and_counted(real: TaskCgroups) -> None:
    path = await real.ensure_cgroup(TASK, QUARTER)
    assert _finished(path, "bytearray(16 << 20)") == 0
    assert _finished(path, "bytearray(256 << 20)") == -signal.SIGKILL
    assert await real.read_oom_kills(TASK) >= 1


@pytest.mark.real
async def test_processes_beyond_the_limit_are_refused(real: TaskCgroups) -> None:
    path = await real.ensure_cgroup(TASK, QUARTER)
    fork = "import os, time\nfor _ in range(30):\n    if os.fork() == 0: time.sleep(30)"
    with _run_in(path, fork) as process:
        assert process.wait() != 0
    await real.remove_cgroup(TASK)


@pytest.mark.real
async def test_a_limit_can_be_changed_both_ways(real: TaskCgroups) -> None:
    for mib in (64, 512, 32):
        path = await real.ensure_cgroup(TASK, Limits(cpu_units=256, memory_mib=mib))
        fits = _finished(path, f"bytearray({mib // 2} << 20)")
        assert fits == 0
        assert _finished(path, f"bytearray({mib * 2} << 20)") == -signal.SIGKILL


@pytest.mark.real
async def test_what_still_runs_is_killed_with_its_group(real: TaskCgroups) -> None:
    path = await real.ensure_cgroup(TASK, QUARTER)
    with _run_in(path, "print(flush=True); import time; time.sleep(600)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"  # it is in
        for folder in _folders(path):
            (folder / "below").mkdir()
        await real.remove_cgroup(TASK)
        assert process.wait(timeout=5) == -signal.SIGKILL


@pytest.mark.real
async def test_groups_of_other_hierarchies_go_too(real: TaskCgroups) -> None:
    """runsc makes groups of the same name in every v1 hierarchy there is."""
    path = await real.ensure_cgroup(TASK, QUARTER)
    for root in find_hierarchies(read_mounts()).every:
        (root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    await real.remove_cgroup(TASK)
    assert await real.read_cgroups() == set()


def _folders(path: str) -> list[Path]:
    return [root / path.lstrip("/") for root in find_hierarchies(read_mounts()).folders]


def _run_in(path: str, code: str) -> subprocess.Popen[bytes]:
    """Python code, run in the group from its first line on."""
    joins = "".join(f"open('{folder}/cgroup.procs', 'w').write('0')\n" for folder in _folders(path))
    argv = [sys.executable, "-W", "ignore", "-c", joins + code]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _finished(path: str, code: str) -> int:
    with _run_in(path, code) as process:
        return process.wait(timeout=30)


def _cpu_seconds(path: str, code: str) -> float:
    before = os.times()
    assert _finished(path, code) == 0
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _throttled(path: str) -> int:
    """In how many periods the quota held the group back."""
    files = [folder / "cpu.stat" for folder in _folders(path)]
    text = next(text for file in files if file.exists() and "nr_throttled" in (text := file.read_text()))
    return int(dict(line.split() for line in text.splitlines())["nr_throttled"])
