"""`kill -9` of server, agent, containerd, all three, a task's shim or its sandbox, at any moment."""

import contextlib
import functools
import json
import os
import random
import signal
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from bastide.model.status import TaskStatus
from tests.installation import Installation, ask, definition_of, shell, until
from tests.installation_fixture import start_installation
from tests.task_processes import processes_of

pytestmark = [pytest.mark.real, pytest.mark.long]

CONTROL_PLANE = ("server", "agent", "containerd")
VICTIMS = (*((name,) for name in CONTROL_PLANE), CONTROL_PLANE, ("shim",), ("sandbox",))
ROUNDS = 20
SOAK_ROUNDS = 300
OPEN_AT_MOST = 4  # tasks beside the steady one
# Each run of the migration leaves a line, which the application serves beside its own count.
MIGRATE = "echo migrated >> /shared/runs"
SERVE = (
    "n=0; echo $n > /shared/n; (while true; do n=$((n+1)); echo $n > /shared/n; sleep 0.1; done) & "
    "exec httpd -f -p 80 -h /shared"
)
CRASH = "sleep 61; exit 3"  # a run of a minute at the least is followed by another


@pytest.fixture(scope="module")
def bastide() -> Iterator[Installation]:
    """An installation of its own: it is killed over and over."""
    yield from start_installation("bkill")


def register(bastide: Installation) -> str:
    """A migration, an application that is looked after, and a sidecar that may crash again and again."""
    shared: dict[str, Any] = {
        "mountPoints": [{"sourceVolume": "shared", "containerPath": "/shared"}],
        "log": False,
    }
    check = {"command": ["CMD-SHELL", "wget -qO- http://localhost/n"], "interval": 5, "startPeriod": 10}
    migrated = [{"containerName": "migrate", "condition": "SUCCESS"}]
    healthy = [{"containerName": "app", "condition": "HEALTHY"}]
    return bastide.register(
        "under-fire",
        shell("migrate", MIGRATE, essential=False, **shared),
        shell("app", SERVE, stopTimeout=2, healthCheck=check, dependsOn=migrated, **shared),
        shell(
            *("side", CRASH),
            essential=False,
            stopTimeout=2,
            dependsOn=healthy,
            restartPolicy={"enabled": True, "restartAttemptPeriod": 60},
            **shared,
        ),
        volumes=[{"name": "shared"}],
    )


class Steady:
    """A task that has to outlive everything."""

    def __init__(self, bastide: Installation, definition: str) -> None:
        self._bastide = bastide
        self.task = bastide.run_task(definition, public=True)[0]
        self._before = bastide.wait(self.task, "RUNNING")
        self._address = f"http://{bastide.public_address(self._before)}"
        self._count = -1
        self.check()

    def check(self) -> None:
        """It runs as it did, its count has gone on, and its migration ran once."""
        after = self._bastide.describe(self.task)[0]
        assert after["lastStatus"] == "RUNNING"
        assert after["startedAt"] == self._before["startedAt"]
        interfaces = [each["containers"][0]["networkInterfaces"] for each in (self._before, after)]
        assert interfaces[0] == interfaces[1]
        assert after["healthStatus"] in ("HEALTHY", "UNKNOWN")
        count = int(until(functools.partial(ask, f"{self._address}/n")))
        assert count > self._count
        self._count = count
        assert ask(f"{self._address}/runs") == "migrated\n"


def kill(bastide: Installation, victims: tuple[str, ...], task: str) -> None:
    """All at once; a shim or sandbox is the task's."""
    if victims in (("shim",), ("sandbox",)):
        for pid in processes_of(task, victims[0]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return
    for name in victims:
        os.kill(bastide.pid(name), signal.SIGKILL)
    until(lambda: not any(bastide.is_up(name) for name in victims))
    bastide.up()


def play(bastide: Installation, rounds: int) -> None:
    """A kill a round, soon after a task was asked for; a few tasks start, stop and are hit by more kills."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    definition = register(bastide)
    subnet = bastide.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    steady = Steady(bastide, definition)
    tasks, open_tasks = [steady.task], deque[str]()
    for number in range(rounds):
        victims = VICTIMS[number % len(VICTIMS)]
        starting = ask_for_task(bastide, definition, subnet)
        tasks.append(starting)
        open_tasks.append(starting)
        time.sleep(chance.uniform(0, 2.0))
        if chance.random() < 0.3:
            bastide.client("ecs").stop_task(task=starting)
            time.sleep(chance.uniform(0, 1.0))
        family = f"written-{number}"
        written = definition_of(family, shell("app", "true", log=False))
        bastide.client("ecs").register_task_definition(**written)
        kill(bastide, victims, starting)
        steady.check()
        described = bastide.client("ecs").describe_task_definition(taskDefinition=family)
        assert described["taskDefinition"]["status"] == "ACTIVE"
        if len(open_tasks) == OPEN_AT_MOST:
            close(bastide, open_tasks.popleft())
    for task in open_tasks:
        close(bastide, task)
    bastide.stop(steady.task)
    until(lambda: bastide.leftovers() == [], timeout_s=30)
    check_events(bastide, set(tasks))


def ask_for_task(bastide: Installation, definition: str, subnet: str) -> str:
    """Not by the aws program, which takes too long beside the kills."""
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    answer = bastide.client("ecs").run_task(
        taskDefinition=definition, launchType="FARGATE", networkConfiguration=network
    )
    return str(answer["tasks"][0]["taskArn"])


def close(bastide: Installation, task: str) -> None:
    """Whatever hit the task, it runs by now or has stopped for a reason; one that runs is stopped."""
    ended = until(functools.partial(settled, bastide, task), timeout_s=90)
    assert ended["lastStatus"] == "RUNNING" or ended["stoppedReason"]
    if ended["lastStatus"] == "RUNNING":
        bastide.stop(task)


def settled(bastide: Installation, task: str) -> dict[str, Any] | None:
    described = bastide.describe(task)[0]
    wanted = "STOPPED" if described["desiredStatus"] == "STOPPED" else "RUNNING"
    return described if described["lastStatus"] in (wanted, "STOPPED") else None


def check_events(bastide: Installation, tasks: set[str]) -> None:
    """Of every task each change was told, and in none a status or a version went back."""
    lines = bastide.bastide("events", "--json", "-n", "100000").splitlines()
    history: dict[str, list[tuple[int, int]]] = {task: [] for task in tasks}
    for event in map(json.loads, lines):
        detail = event["detail"]
        if detail.get("taskArn") in tasks:
            history[detail["taskArn"]].append((detail["version"], TaskStatus[detail["lastStatus"]]))
    for task, steps in history.items():
        statuses = [status for _, status in steps]
        assert steps == sorted(steps), task
        assert statuses == sorted(statuses), task
        assert statuses[-1] == TaskStatus.STOPPED, task


def test_killed_at_random_moments_nothing_is_lost(bastide: Installation) -> None:
    play(bastide, ROUNDS)


@pytest.mark.soak
def test_killed_three_hundred_times_nothing_is_lost(bastide: Installation) -> None:
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
