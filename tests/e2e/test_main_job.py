"""`bastide demo`: the main job, as `make up` shows it."""

import os

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.real


def test_the_demo_runs_a_real_task(bastide: Installation) -> None:
    text = bastide.bastide("demo", timeout_s=180)
    for command in (
        *("ecs register-task-definition", "ecs run-task", "ecs wait tasks-running", "ecs describe-tasks"),
        *("logs get-log-events", "ecs stop-task", "ecs wait tasks-stopped"),
    ):
        assert f"$ aws {command}" in text
    assert "localhost says: hello from a sandbox of its own" in text
    assert "Starting gVisor" in text
    assert os.uname().release in text
    assert "how long it took" in text
