"""A sidecar has to be ready before the app starts."""

from typing import Any

import pytest

from tests.installation import Installation, shell, until

pytestmark = pytest.mark.real


def test_the_app_starts_when_its_sidecar_is_healthy(bastide: Installation) -> None:
    sidecar = shell(
        "sidecar",
        "sleep 7; touch /tmp/ready; exec sleep 1000",
        essential=False,
        stopTimeout=2,
        healthCheck={
            "command": ["CMD-SHELL", "test -e /tmp/ready || { echo not yet; exit 1; }"],
            "interval": 5,
            "retries": 5,
        },
    )
    app = shell(
        "app",
        "touch /tmp/ready; exec sleep 1000",
        stopTimeout=2,
        healthCheck={"command": ["CMD", "ls", "/tmp/ready"], "interval": 5},
        dependsOn=[{"containerName": "sidecar", "condition": "HEALTHY"}],
    )
    task = bastide.run_task(bastide.register("sidecar-ready", app, sidecar))[0]
    until(lambda: by_name(bastide, task)["sidecar"]["lastStatus"] == "RUNNING")
    assert by_name(bastide, task)["app"]["lastStatus"] == "PENDING"
    assert bastide.describe(task)[0]["lastStatus"] == "ACTIVATING"
    running = bastide.wait(task, "RUNNING")
    assert by_name(bastide, task)["sidecar"]["healthStatus"] == "HEALTHY"
    assert running["healthStatus"] == "UNKNOWN"  # of the app nothing is known yet, and only it counts
    until(lambda: bastide.describe(task)[0]["healthStatus"] == "HEALTHY")
    shown = bastide.bastide("task", "show", task)
    assert "health of sidecar: HEALTHY since" in shown
    assert "exit 1\n    not yet\n" in shown
    bastide.stop(task)


def test_a_sidecar_that_never_gets_ready_stops_the_task_after_its_start_timeout(
    bastide: Installation,
) -> None:
    sidecar = shell(
        "sidecar",
        "exec sleep 1000",
        essential=False,
        stopTimeout=2,
        startTimeout=8,
        healthCheck={"command": ["CMD", "false"], "interval": 5, "retries": 1},
    )
    app = shell("app", "true", dependsOn=[{"containerName": "sidecar", "condition": "HEALTHY"}])
    task = bastide.run_task(bastide.register("sidecar-never-ready", app, sidecar))[0]
    until(lambda: by_name(bastide, task)["sidecar"]["healthStatus"] == "UNHEALTHY")
    stopped = bastide.wait(task, "STOPPED")
    containers = by_name(bastide, task)
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert containers["app"]["reason"] == (
        "CannotStartContainerError: dependency graph: container ordering dependency [sidecar] "
        "for target [app] has timed out."
    )
    assert containers["sidecar"]["exitCode"] in (137, 143)


def by_name(bastide: Installation, task: str) -> dict[str, dict[str, Any]]:
    return {container["name"]: container for container in bastide.describe(task)[0]["containers"]}
