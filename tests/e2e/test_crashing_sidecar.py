"""A sidecar that crashes is run again in its place, and the task never notices."""

import time

import pytest

from tests.installation import Installation, shell, until

pytestmark = [pytest.mark.real, pytest.mark.long]

POLICY = {"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [5]}  # 60 s is ECS's least


def statuses_of(bastide: Installation, task: str) -> dict[str, str]:
    return {one["name"]: one["lastStatus"] for one in bastide.describe(task)[0]["containers"]}


def test_a_crashing_sidecar_is_run_again_and_keeps_what_it_wrote(bastide: Installation) -> None:
    script = "echo run >> /runs; echo run $(wc -l < /runs); sleep {}; printf bye; exit {}"
    app = shell("app", "exec sleep 1000", stopTimeout=2)
    sidecars = [
        shell("crashes", script.format(61, 1), essential=False, stopTimeout=2, restartPolicy=POLICY),
        shell("at-once", script.format(0, 1), essential=False, restartPolicy=POLICY),
        shell("on-purpose", script.format(61, 5), essential=False, restartPolicy=POLICY),
    ]
    task = bastide.run_task(bastide.register("crashing-sidecar", app, *sidecars))[0]
    bastide.wait(task, "RUNNING")
    task_id = task.rsplit("/", 1)[-1]
    time.sleep(55)
    lines = until(
        lambda: (got := bastide.log_lines(f"t/crashes/{task_id}")) and len(got) == 3 and got, timeout_s=60
    )
    assert lines == ["run 1", "bye", "run 2"]
    expected = {"app": "RUNNING", "crashes": "RUNNING", "at-once": "STOPPED", "on-purpose": "STOPPED"}
    until(lambda: statuses_of(bastide, task) == expected)
    shown = {container["name"]: container for container in bastide.describe(task)[0]["containers"]}
    assert (shown["at-once"]["exitCode"], shown["on-purpose"]["exitCode"]) == (1, 5)
    assert bastide.log_lines(f"t/at-once/{task_id}") == ["run 1"]
    assert bastide.describe(task)[0]["lastStatus"] == "RUNNING"
    rows = [line.split()[:4] for line in bastide.bastide("task", "show", task).splitlines()]
    assert ["crashes", "RUNNING", "UNKNOWN", "1"] in rows
    bastide.stop(task)
