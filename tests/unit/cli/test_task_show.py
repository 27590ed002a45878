"""What `bastide task show` says of health checks and restarts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bastide.cli.operator.text import render_task
from bastide.model.container.health import HealthReport, HealthResult, HealthStatus, render_health

AT = datetime(2026, 1, 1, tzinfo=UTC)


def shown(**members: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "app:1", "lastStatus": "RUNNING", "healthStatus": "UNHEALTHY"}
    task = {
        "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/default/0123",
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/default",
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/app:1",
        "group": "family:app",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "version": 3,
        "healthStatus": "UNHEALTHY",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "cpu": "256",
        "memory": "512",
        "ephemeralStorage": {"sizeInGiB": 20},
        "attachments": [{"details": []}],
        "containers": [container],
    }
    nothing: dict[str, Any] = {"host": None, "tags": [], "retirement": None, "events": []}
    return {"task": task, "health": {}, "restarts": {}, "pulls": {}, **nothing, **members}


def test_the_last_checks_are_shown_and_their_output_cannot_act_on_the_terminal() -> None:
    results = tuple(
        HealthResult(started_at=AT, ended_at=AT + timedelta(seconds=5), exit_code=code, output=output)
        for code, output in ((1, "no\x1b[2Jroute\n"), (None, "Health check exceeded timeout (5s)\n"))
    )
    report = HealthReport(since=AT, status=HealthStatus.UNHEALTHY, failures=3, results=results)
    text = "\n".join(render_task(shown(health={"app": render_health(report)})))
    assert "health of app: UNHEALTHY since 2026-01-01 00:00:00Z, 3 failures in a row; last checks" in text
    assert "2026-01-01 00:00:05Z  exit 1\n    no\N{REPLACEMENT CHARACTER}[2Jroute\n" in text
    assert "2026-01-01 00:00:05Z  no exit code\n    Health check exceeded timeout (5s)" in text


def test_restarts_are_counted_where_there_is_a_policy() -> None:
    rows = [line.split()[:4] for line in render_task(shown(restarts={"app": 2}))]
    assert ["app", "RUNNING", "UNHEALTHY", "2"] in rows
