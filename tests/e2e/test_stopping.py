"""`bastide down --stop-tasks` when a process that would do it is dead: tasks stop all the same."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.installation import PROGRAMS, CommandError, Installation, shell, until
from tests.installation_fixture import start_installation

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def bastide() -> Iterator[Installation]:
    """An installation of its own: it loses processes."""
    yield from start_installation("bstop")


@pytest.mark.parametrize("dead", [("server",), ("containerd", "server", "agent")])
def test_tasks_stop_without_it_and_the_server_hears_at_the_next_up(
    bastide: Installation, dead: tuple[str, ...]
) -> None:
    bastide.up()
    script = "trap 'exit 7' TERM; while true; do sleep 0.1; done"
    task = bastide.run_task(bastide.register("stops", shell("app", script)))[0]
    bastide.wait(task, "RUNNING")
    for name in dead:
        os.kill(bastide.pid(name), signal.SIGKILL)
    until(lambda: not any(bastide.is_up(name) for name in dead))
    assert "not answering" in bastide.bastide("down", "--stop-tasks")
    assert [line for line in bastide.leftovers() if "/agent/tasks/" not in line] == []
    bastide.up()
    until(lambda: bastide.describe(task)[0]["lastStatus"] == "STOPPED")
    described = bastide.describe(task)[0]
    assert described["stopCode"] == "UserInitiated"
    assert "bastide down --stop-tasks" in described["stoppedReason"]
    assert described["containers"][0]["exitCode"] == 7
    until(lambda: bastide.leftovers() == [])


def test_everything_starts_though_nobody_reads_on(bastide: Installation) -> None:
    bastide.bastide("down")
    command = (str(PROGRAMS / "bastide"), "up")
    with subprocess.Popen(command, env=bastide.environment, stdout=subprocess.PIPE) as starting:
        assert starting.stdout is not None
        starting.stdout.close()
    assert starting.returncode == 0
    assert all(bastide.is_up(name) for name in ("containerd", "server", "agent"))


def test_another_instance_with_the_same_public_addresses_is_refused(bastide: Installation) -> None:
    bastide.up()
    own = ("--instance", "bstop2", "--port", "24998", "--metrics-port", "24999")
    with pytest.raises(CommandError, match=r"the instance bstop\S* has 198\.1[89]\..*--public-pool"):
        bastide.bastide("up", *own, "--public-pool", "198.18.0.0/15")
    assert not (bastide.folder / "run" / "bstop2").exists()
