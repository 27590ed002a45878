"""What RunTask overrides is what the task gets, and what DescribeTasks shows."""

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real


def test_a_task_runs_as_its_overrides_say(bastide: Installation) -> None:
    for role in ("registered", "overridden"):
        bastide.make_role(role)
    script = "grep MemTotal /proc/meminfo; df -k / | tail -1; echo $COLOUR $SHAPE"
    definition = bastide.register(
        "overridden",
        shell("app", "echo as registered", environment=[{"name": "COLOUR", "value": "blue"}], memory=128),
        taskRoleArn="arn:aws:iam::000000000000:role/registered",
    )
    environment = [{"name": "COLOUR", "value": "red"}, {"name": "SHAPE", "value": "round"}]
    command = ["sh", "-c", script]
    container = {"name": "app", "command": command, "environment": environment, "cpu": 64, "memory": 200}
    overrides = {
        "cpu": "512",
        "memory": "1 GB",
        "taskRoleArn": "arn:aws:iam::000000000000:role/overridden",
        "ephemeralStorage": {"sizeInGiB": 21},
        "containerOverrides": [container],
    }
    tasks = bastide.run_task(definition, overrides=overrides, enableExecuteCommand=True, count=2)
    assert len(tasks) == 2
    stopped, _ = [bastide.wait(task, "STOPPED") for task in tasks]
    total, disk, words = bastide.log_lines(f"t/app/{tasks[0].rsplit('/', 1)[-1]}")
    assert 900 * 1024 < int(total.split()[1]) <= 1024 * 1024
    assert 20 * 1024 * 1024 < int(disk.split()[1]) <= 21 * 1024 * 1024
    assert words == "red round"
    assert (stopped["cpu"], stopped["memory"]) == ("512", "1024")
    assert stopped["ephemeralStorage"] == {"sizeInGiB": 21}
    assert (stopped["containers"][0]["cpu"], stopped["containers"][0]["memory"]) == ("64", "200")
    assert stopped["overrides"]["containerOverrides"] == [container]
    assert stopped["overrides"]["taskRoleArn"] == overrides["taskRoleArn"]
    assert stopped["enableExecuteCommand"] is True
