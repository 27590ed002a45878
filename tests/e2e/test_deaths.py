"""Sudden ends: a shim, a sandbox, a stop in the middle of a start. Each is seen at once; nothing is left."""

import os
import signal
import socket
import time

import pytest

from tests.installation import Installation, shell, until
from tests.task_processes import processes_of

pytestmark = pytest.mark.real

SEEN_WITHIN_S = 2.0


@pytest.mark.parametrize("kind", ["sandbox", "shim"])
def test_a_killed_shim_or_sandbox_is_seen_within_two_seconds(bastide: Installation, kind: str) -> None:
    script = "while true; do sleep 0.1; done"
    task, other = bastide.run_task(bastide.register("dies", shell("app", script, stopTimeout=2)), count=2)
    for each in (task, other):
        bastide.wait(each, "RUNNING")
    pids = processes_of(task, kind)
    assert pids, f"no {kind} found"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    until(lambda: bastide.describe(task)[0]["lastStatus"] != "RUNNING", every_s=0.05)
    took_s = time.monotonic() - began
    stopped = bastide.wait(task, "STOPPED")
    assert took_s < SEEN_WITHIN_S
    assert stopped["containers"][0]["reason"].startswith("ContainerRuntimeError: the ")
    assert "exitCode" not in stopped["containers"][0]
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert bastide.describe(other)[0]["lastStatus"] == "RUNNING"
    bastide.stop(other)
    until(lambda: bastide.leftovers() == [])
    assert processes_of(task, "runsc") == []


def test_a_stop_at_any_moment_of_a_start_is_heeded(bastide: Installation) -> None:
    side = shell("side", "exec sleep 1000", essential=False, stopTimeout=2)
    app = shell(
        "app", "exec sleep 1000", stopTimeout=2, dependsOn=[{"containerName": "side", "condition": "START"}]
    )
    arn = bastide.register("stopped-early", app, side)
    tasks = []
    for pause_s in (0.0, 0.1, 0.3, 0.6, 1.0):
        tasks.append(bastide.run_task(arn)[0])
        time.sleep(pause_s)
        bastide.client("ecs").stop_task(task=tasks[-1], reason="changed my mind")
    for task in tasks:
        stopped = bastide.wait(task, "STOPPED")
        assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "changed my mind")
    until(lambda: bastide.leftovers() == [])


def test_a_stop_during_a_pull_does_not_wait_for_the_registry(bastide: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never says a word
        image = f"127.0.0.1:{silent.getsockname()[1]}/slow:1"
        task = bastide.run_task(bastide.register("slow-pull", shell("app", "true", image=image)))[0]
        until(lambda: "pullStartedAt" in bastide.describe(task)[0])
        time.sleep(1)
        assert bastide.describe(task)[0]["lastStatus"] == "PENDING"
        began = time.monotonic()
        bastide.stop(task, reason="too slow")
    stopped = bastide.describe(task)[0]
    assert time.monotonic() - began < 10
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "too slow")
    assert "exitCode" not in stopped["containers"][0]
    until(lambda: bastide.leftovers() == [])


def test_ten_containers_start_one_after_another_and_end_with_the_last(bastide: Installation) -> None:
    """None but the last is essential."""
    containers = [
        shell(
            f"c{number}",
            "exit 0" if number == 9 else "exec sleep 1000",
            essential=number == 9,
            stopTimeout=2,
            dependsOn=[{"containerName": f"c{number - 1}", "condition": "START"}] if number else [],
        )
        for number in range(10)
    ]
    task = bastide.run_task(bastide.register("ten", *containers))[0]
    stopped = bastide.wait(task, "STOPPED", timeout_s=120)
    codes = {container["name"]: container["exitCode"] for container in stopped["containers"]}
    assert codes == {f"c{number}": 0 if number == 9 else 143 for number in range(10)}
