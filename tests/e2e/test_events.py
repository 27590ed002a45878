"""An operator follows what happens to tasks, takes Spot capacity back and retires a task."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import PROGRAMS, CommandError, Installation, shell, until

pytestmark = pytest.mark.real

STATES = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING"]
POLITE = "trap 'exit 7' TERM; while true; do sleep 0.1; done"


@contextlib.contextmanager
def following(bastide: Installation, seen: Path) -> Iterator[None]:
    """`bastide events -f --json` in the background, from now on; what it remarks is in another file."""
    command = [str(PROGRAMS / "bastide"), "events", "-f", "--json", "-n", "0"]
    with seen.open("wb") as file, seen.with_suffix(".remarks").open("wb") as remarks:
        process = subprocess.Popen(command, env=bastide.environment, stdout=file, stderr=remarks)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def events_of(seen: Path, task: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in seen.read_text().splitlines()]
    return [event["detail"] for event in events if event["resources"] == [task]]


def test_spot_is_taken_back_and_every_state_is_told_once_over_a_restart(
    bastide: Installation, tmp_path: Path
) -> None:
    bastide.aws("ecs", "create-cluster", "--cluster-name", "spot", "--capacity-providers", "FARGATE_SPOT")
    definition = bastide.register("spot", shell("app", POLITE, log=False))
    subnet = bastide.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    network = f"awsvpcConfiguration={{subnets=[{subnet}]}}"
    seen = tmp_path / "events"

    def describe() -> dict[str, Any]:
        answer: dict[str, Any] = bastide.client("ecs").describe_tasks(cluster="spot", tasks=[task])
        found: dict[str, Any] = answer["tasks"][0]
        return found

    with following(bastide, seen):
        until(lambda: _is_followed(bastide))
        answer = bastide.aws(
            *("ecs", "run-task", "--cluster", "spot", "--task-definition", definition),
            *("--capacity-provider-strategy", "capacityProvider=FARGATE_SPOT,weight=1"),
            *("--network-configuration", network),
        )
        task = answer["tasks"][0]["taskArn"]
        assert answer["tasks"][0]["version"] == 1
        until(lambda: describe()["lastStatus"] == "RUNNING", timeout_s=60)
        os.kill(bastide.pid("server"), signal.SIGKILL)
        until(lambda: not bastide.is_up("server"))
        bastide.up()
        bastide.bastide("task", "interrupt-spot", task)
        until(lambda: describe()["lastStatus"] == "STOPPED")
        until(lambda: events_of(seen, task)[-1]["lastStatus"] == "STOPPED")
    stopped = describe()
    assert (stopped["capacityProviderName"], stopped["launchType"]) == ("FARGATE_SPOT", "FARGATE")
    assert stopped["stopCode"] == "SpotInterruption"
    assert stopped["stoppedReason"] == "Your Spot Task was interrupted."
    assert stopped["containers"][0]["exitCode"] == 7
    told = events_of(seen, task)
    assert [event["version"] for event in told] == list(range(1, stopped["version"] + 1))
    states = list(dict.fromkeys(event["lastStatus"] for event in told))
    assert states[-1] == "STOPPED"
    assert states == [state for state in [*STATES, "STOPPED"] if state in states]
    assert {"PROVISIONING", "RUNNING"} <= set(states)
    assert told[-1]["attachments"][0]["type"] == "eni"


def _is_followed(bastide: Installation) -> bool:
    """Whether a command is connected to the operators' socket."""
    socket = str(bastide.folder / "run" / bastide.instance / "server" / "operator.sock")
    connections = Path("/proc/net/unix").read_text().splitlines()
    return sum(line.endswith(socket) for line in connections) > 1


def test_a_task_is_retired_after_its_notice(bastide: Installation) -> None:
    task = bastide.run_task(bastide.register("retired", shell("app", POLITE, log=False)))[0]
    bastide.wait(task, "RUNNING")
    bastide.bastide("task", "retire", task)
    assert "retires" in bastide.bastide("task", "show", task)
    said = bastide.bastide("task", "retire", task[-32:], "--notice", "0.5")
    assert "will be stopped at" in said
    stopped = bastide.wait(task, "STOPPED")
    reason = "ECS is performing maintenance on the underlying infrastructure hosting the task"
    assert stopped["stoppedReason"] == reason
    shown = json.loads(bastide.bastide("task", "show", task, "--json"))
    assert shown["task"]["stoppedReason"] == reason
    assert shown["events"][-1]["detail"]["lastStatus"] == "STOPPED"
    assert task[-32:][:12] in bastide.bastide("task", "list", "--all")
    with pytest.raises(CommandError, match="already: ECS is performing maintenance"):
        bastide.bastide("task", "retire", task)
    with pytest.raises(CommandError, match="Only a task of the capacity provider FARGATE_SPOT"):
        bastide.bastide("task", "interrupt-spot", task)


def test_a_standalone_task_cannot_be_protected(bastide: Installation) -> None:
    task = bastide.run_task(bastide.register("protected", shell("app", POLITE, log=False)))[0]
    asked = ("--cluster", "default", "--tasks", task)
    answer = bastide.aws("ecs", "update-task-protection", *asked, "--protection-enabled")
    assert answer["protectedTasks"] == []
    assert [(one["arn"], one["reason"]) for one in answer["failures"]] == [(task, "TASK_NOT_VALID")]
    assert bastide.aws("ecs", "get-task-protection", *asked)["failures"][0]["reason"] == "TASK_NOT_VALID"
    unknown = task[:-32] + "0" * 32
    answer = bastide.aws("ecs", "get-task-protection", "--cluster", "default", "--tasks", unknown)
    assert answer["failures"] == [{"arn": unknown, "reason": "MISSING"}]
    bastide.stop(task)
