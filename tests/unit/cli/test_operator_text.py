"""What an operator reads of a task."""

from typing import Any

from bastide.cli.operator.events import render_event
from bastide.cli.operator.text import render_table, render_task, render_task_list

ID = "0123456789abcdef0123456789abcdef"


def task(**members: Any) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:us-east-1:000000000000:task/web/{ID}",
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/web",
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/app:3",
        "containers": [
            {"name": "app", "lastStatus": "RUNNING", "image": "app:1", "healthStatus": "HEALTHY"},
            {"name": "side", "lastStatus": "STOPPED", "exitCode": 0, "image": "side:1"},
        ],
        "attachments": [{"details": [{"name": "privateIPv4Address", "value": "172.31.0.4"}]}],
        "cpu": "256",
        "memory": "512",
        "ephemeralStorage": {"sizeInGiB": 20},
        "createdAt": 1767323045.0,
        "desiredStatus": "RUNNING",
        "lastStatus": "RUNNING",
        "healthStatus": "HEALTHY",
        "group": "family:app",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "version": 4,
        **members,
    }


def shown(of: dict[str, Any], **members: Any) -> str:
    nothing: dict[str, Any] = {"tags": [], "health": {}, "restarts": {}, "pulls": {}, "retirement": None}
    nothing["events"] = []
    return "\n".join(render_task({"task": of, "host": "host-1"} | nothing | members))


def test_a_list_has_a_line_a_task() -> None:
    head, line = render_task_list([task(capacityProviderName="FARGATE_SPOT")])
    assert head.split() == ["task", "cluster", "definition", "status", "provider", "created", "containers"]
    assert line.split()[:5] == ["0123456789ab", "web", "app:3", "RUNNING", "FARGATE_SPOT"]
    assert line.endswith("2026-01-02 03:04:05Z  app RUNNING, side STOPPED 0")


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    assert list(render_table([("a", "b"), ("long", "")])) == ["a     b", "long"]


def test_how_far_a_pull_is_is_told_by_container() -> None:
    pulls = {"app": {"what": "download", "doneBytes": 1024**2 * 3 // 2, "totalBytes": 1024**2 * 400}}
    assert "app: download of its image, 1.5 of 400.0 MiB" in shown(task(lastStatus="PENDING"), pulls=pulls)


def test_a_task_on_its_way_out_says_so_and_a_stopped_one_why() -> None:
    leaving = task(desiredStatus="STOPPED", stopCode="UserInitiated", stoppedReason="enough")
    assert "RUNNING, to be stopped, version 4" in shown(leaving)
    assert "UserInitiated: enough" in shown(leaving)
    over = shown(leaving | {"lastStatus": "STOPPED"})
    assert "STOPPED, version 4" in over
    assert "to be" not in over


def test_a_retirement_is_shown() -> None:
    retirement = {"noticedAt": 1767323045.0, "retiresAt": 1767927845.0}
    assert "2026-01-09 03:04:05Z, noticed 2026-01-02 03:04:05Z" in shown(task(), retirement=retirement)


def test_nothing_that_a_user_wrote_acts_on_the_terminal() -> None:
    odd = task(updatedAt="t", stoppedReason="\x1b[2Jgone\nété\r")
    assert render_event({"detail": odd}).endswith("  \ufffd[2Jgone\ufffdété\ufffd")


def test_an_event_is_one_line() -> None:
    detail = task(updatedAt="2026-01-02T03:04:05.678Z", stoppedReason="enough", desiredStatus="STOPPED")
    assert render_event({"detail": detail}) == (
        "2026-01-02T03:04:05.678Z  0123456789ab  web app:3  v4  RUNNING, to be stopped  "
        "app RUNNING, side STOPPED 0  enough"
    )
