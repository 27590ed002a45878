"""An operator's day: up, status, logs, down, reset."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import CommandError, Installation, shell, until
from tests.installation_fixture import start_installation

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def bastide() -> Iterator[Installation]:
    """An installation of its own: it goes down and up."""
    yield from start_installation("bday")


def test_up_leaves_alone_what_runs_and_starts_what_died(bastide: Installation) -> None:
    before = {name: bastide.pid(name) for name in ("server", "agent", "containerd")}
    bastide.up()
    assert {name: bastide.pid(name) for name in before} == before
    os.kill(before["agent"], signal.SIGKILL)
    until(lambda: not bastide.is_up("agent"))
    bastide.up()
    assert bastide.pid("agent") != before["agent"]
    assert bastide.pid("server") == before["server"]


def test_the_server_has_no_privileges(bastide: Installation) -> None:
    status = Path(f"/proc/{bastide.pid('server')}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert 0 not in [int(uid) for uid in fields["Uid"].split()]
    assert fields["CapEff"] == fields["CapPrm"] == "0" * 16
    assert fields["NoNewPrivs"] == "1"


def test_status_and_logs_say_what_runs(bastide: Installation) -> None:
    status = bastide.bastide("status")
    for word in ("server", "agent", "containerd", "running"):
        assert word in status
    for name in ("server", "agent", "containerd"):
        assert bastide.bastide("logs", name)


def test_down_leaves_tasks_running_and_up_finds_them(bastide: Installation) -> None:
    arn = bastide.register("stays", shell("app", "exec httpd -f -p 80 -h /tmp", log=False, stopTimeout=2))
    task = bastide.run_task(arn)[0]
    started = bastide.wait(task, "RUNNING")["startedAt"]
    bastide.bastide("down")
    with pytest.raises(CommandError):
        bastide.aws("ecs", "list-tasks")
    bastide.up()
    assert bastide.wait(task, "RUNNING")["startedAt"] == started
    bastide.bastide("down", "--stop-tasks")
    assert bastide.leftovers() == []
    bastide.up()
    assert bastide.describe(task)[0]["lastStatus"] == "STOPPED"


def test_configure_writes_a_profile_the_cli_takes(bastide: Installation) -> None:
    bastide.bastide("configure")
    hidden = {
        name: bastide.environment.pop(name) for name in list(bastide.environment) if name.startswith("AWS_A")
    }
    endpoint = bastide.environment.pop("AWS_ENDPOINT_URL")
    try:
        identity = bastide.aws("sts", "get-caller-identity", "--profile", "bastide")
    finally:
        bastide.environment.update(hidden, AWS_ENDPOINT_URL=endpoint)
    assert identity["Account"] == "000000000000"


def test_doctor_finds_this_host_fit(bastide: Installation) -> None:
    assert "sandbox" in bastide.bastide("doctor", timeout_s=120)


def test_an_unknown_setting_names_the_nearest(bastide: Installation) -> None:
    bastide.environment["BASTIDE_POTR"] = "1"
    try:
        with pytest.raises(CommandError, match="BASTIDE_PORT"):
            bastide.bastide("status")
    finally:
        del bastide.environment["BASTIDE_POTR"]
