"""A sidecar's part in a task: the app starts when it is healthy, and one that crashes is run again."""

import pytest

from tests.installation import Installation, shell, until

pytestmark = pytest.mark.real


def test_the_app_starts_when_its_sidecar_is_healthy(bastide: Installation) -> None:
    sidecar = shell(
        "sidecar",
        "sleep 7; touch /tmp/ready; exec sleep 1000",
        essential=False,
        stopTimeout=2,
        healthCheck={"command": ["CMD-SHELL", "test -e /tmp/ready"], "interval": 5, "retries": 5},
    )
    app = shell(
        "app",
        "echo started; exec sleep 1000",
        stopTimeout=2,
        dependsOn=[{"containerName": "sidecar", "condition": "HEALTHY"}],
    )
    task = bastide.run_task(bastide.register("sidecar-ready", app, sidecar))[0]
    until(lambda: by_name(bastide, task)["sidecar"]["lastStatus"] == "RUNNING")
    assert by_name(bastide, task)["app"]["lastStatus"] == "PENDING"
    assert bastide.describe(task)[0]["lastStatus"] == "ACTIVATING"
    running = bastide.wait(task, "RUNNING")
    shown = {container["name"]: container["healthStatus"] for container in running["containers"]}
    assert shown == {"sidecar": "HEALTHY", "app": "UNKNOWN"}
    assert running["healthStatus"] == "UNKNOWN"  # the sidecar is not essential, and the app has no check
    bastide.stop(task)


def by_name(bastide: Installation, task: str) -> dict[str, dict[str, str]]:
    return {container["name"]: container for container in bastide.describe(task)[0]["containers"]}
