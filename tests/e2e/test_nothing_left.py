"""After a hundred tasks the host is what it was, byte for byte."""

from collections.abc import Iterator

import pytest

from tests.host_snapshot import take_steady_snapshot, wait_as_before
from tests.installation import Installation, shell, until
from tests.installation_fixture import start_installation

pytestmark = pytest.mark.real

TASKS = 100
SOAK_TASKS = 1000
AT_ONCE = 10


@pytest.fixture(scope="module")
def bastide() -> Iterator[Installation]:
    """An installation of its own: nobody else's tasks come and go."""
    yield from start_installation("bleft")


def test_a_hundred_tasks_leave_nothing(bastide: Installation) -> None:
    play(bastide, TASKS)


@pytest.mark.soak
def test_a_thousand_tasks_leave_nothing(bastide: Installation) -> None:
    play(bastide, SOAK_TASKS)


def play(bastide: Installation, tasks: int) -> None:
    """Run and end them, ten at once, and compare the host before and after."""
    quick = bastide.register("quick", shell("app", "echo done"), memory="512")
    bastide.stop(*bastide.run_task(quick))  # the log group, the layers, the service's own files: made once
    assert until(lambda: bastide.leftovers() == [])
    before = take_steady_snapshot()
    for _ in range(tasks // AT_ONCE):
        started = bastide.run_task(quick, count=AT_ONCE, public=True)
        for task in started:
            assert bastide.wait(task, "STOPPED")["containers"][0]["exitCode"] == 0
    assert until(lambda: bastide.leftovers() == [])
    wait_as_before(before)
