"""`kill -9` of server, agent, containerd, or all of them, at any moment of a task's life."""

import functools
import os
import random
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.installation import Installation, ask, shell, until
from tests.installation_fixture import start_installation

pytestmark = pytest.mark.real

PROCESSES = ("server", "agent", "containerd")
ROUNDS = 10
SOAK_ROUNDS = 100
COUNTER = (
    "n=0; echo $n > /tmp/n; (while true; do n=$((n+1)); echo $n > /tmp/n; sleep 0.1; done) & "
    "exec httpd -f -p 80 -h /tmp"
)


@pytest.fixture(scope="module")
def bastide() -> Iterator[Installation]:
    """An installation of its own: it is killed over and over."""
    yield from start_installation("bkill")


def counter(bastide: Installation, described: dict[str, Any]) -> int:
    """The running task's own count, asked over its address."""
    address = bastide.public_address(described)
    return int(until(functools.partial(ask, f"http://{address}/n")))


def kill_and_mend(bastide: Installation, victims: tuple[str, ...]) -> None:
    for name in victims:
        os.kill(bastide.pid(name), signal.SIGKILL)
    until(lambda: not any(bastide.is_up(name) for name in victims))
    bastide.up()


def play(bastide: Installation, rounds: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    arn = bastide.register("counter", shell("app", COUNTER, log=False, stopTimeout=2))
    steady = bastide.run_task(arn, public=True)[0]
    before = bastide.wait(steady, "RUNNING")
    address = before["containers"][0]["networkInterfaces"][0]
    count = counter(bastide, before)
    for number in range(rounds):
        victims = PROCESSES if number % 4 == 3 else (PROCESSES[number % 4],)
        starting = bastide.run_task(arn)[0]
        time.sleep(chance.uniform(0, 1.5))
        if chance.random() < 0.3:
            bastide.aws("ecs", "stop-task", "--task", starting)
            time.sleep(chance.uniform(0, 1.0))
        written = bastide.register(f"written-{number}", shell("app", "true", log=False))
        kill_and_mend(bastide, victims)

        after = bastide.describe(steady)[0]
        assert after["lastStatus"] == "RUNNING", victims
        assert after["startedAt"] == before["startedAt"]
        assert after["containers"][0]["networkInterfaces"][0] == address
        later = counter(bastide, after)
        assert later > count, victims
        count = later

        ended = until(functools.partial(settled, bastide, starting), timeout_s=90)
        assert ended["lastStatus"] == "RUNNING" or ended["stoppedReason"]
        described = bastide.aws("ecs", "describe-task-definition", "--task-definition", written)
        assert described["taskDefinition"]["status"] == "ACTIVE"
        if ended["lastStatus"] == "RUNNING":
            bastide.stop(starting)
    bastide.stop(steady)
    assert until(lambda: bastide.leftovers() == [], timeout_s=30)


def settled(bastide: Installation, task: str) -> dict[str, Any] | None:
    described = bastide.describe(task)[0]
    wanted = "STOPPED" if described["desiredStatus"] == "STOPPED" else "RUNNING"
    return described if described["lastStatus"] in (wanted, "STOPPED") else None


def test_killed_at_random_moments_nothing_is_lost(bastide: Installation) -> None:
    play(bastide, ROUNDS)


@pytest.mark.soak
def test_killed_a_hundred_times_nothing_is_lost(bastide: Installation) -> None:
    play(bastide, SOAK_ROUNDS)


def test_a_reboot_stops_tasks_with_its_reason(bastide: Installation) -> None:
    """What a reboot leaves: the data folder, no process of the task, another boot id."""
    arn = bastide.register("rebooted", shell("app", "exec sleep 1000", log=False, stopTimeout=2))
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "RUNNING")
    bastide.bastide("down")
    bastide.forge_reboot(task.rsplit("/", 1)[-1])
    bastide.up()
    stopped = bastide.wait(task, "STOPPED")
    assert stopped["stopCode"] == "TerminationNotice"
    assert stopped["stoppedReason"] == "Host terminated."
    assert until(lambda: bastide.leftovers() == [], timeout_s=30)
