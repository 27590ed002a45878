"""After a hundred tasks the host is what it was, byte for byte, and so are agent and server after more."""

import os
from pathlib import Path

import pytest

from tests.host_snapshot import take_steady_snapshot, wait_as_before
from tests.installation import Installation, shell, until

pytestmark = [pytest.mark.real, pytest.mark.alone]

TASKS = 100
SOAK_TASKS = 300
AT_ONCE = 20
WARM_TASKS = 100  # until then caches fill
GROWTH_MAX = 1.10  # of memory, from there on


def test_a_hundred_tasks_leave_nothing(bastide: Installation) -> None:
    play(bastide, TASKS)


@pytest.mark.soak
def test_three_hundred_tasks_more_leave_no_memory_behind(bastide: Installation) -> None:
    play(bastide, WARM_TASKS)
    before = resident_mib(bastide)
    play(bastide, SOAK_TASKS)
    after = resident_mib(bastide)
    print(f"resident MiB after {WARM_TASKS} tasks {before}, after {SOAK_TASKS} more {after}")
    for name, mib in after.items():
        assert mib < before[name] * GROWTH_MAX, (name, before, after)


def resident_mib(bastide: Installation) -> dict[str, float]:
    """Of agent and server."""
    pages = {
        name: int(Path(f"/proc/{bastide.pid(name)}/statm").read_text().split()[1])
        for name in ("agent", "server")
    }
    return {name: count * os.sysconf("SC_PAGE_SIZE") / 1024**2 for name, count in pages.items()}


def play(bastide: Installation, tasks: int) -> None:
    """Run and end them, twenty at once, and compare the host before and after."""
    quick = bastide.register("quick", shell("app", "echo done"), memory="512")
    (first,) = bastide.run_task(quick)
    bastide.wait(first, "STOPPED")  # the log group, the layers, the runtime's own files: made once
    assert until(lambda: bastide.leftovers() == [])
    before = take_steady_snapshot()
    for _ in range(tasks // AT_ONCE):
        started = [
            each for _ in range(2) for each in bastide.run_task(quick, count=AT_ONCE // 2, public=True)
        ]
        for task in started:
            assert bastide.wait(task, "STOPPED")["containers"][0]["exitCode"] == 0
    assert until(lambda: bastide.leftovers() == [])
    wait_as_before(before)
