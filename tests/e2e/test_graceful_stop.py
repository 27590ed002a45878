"""An app that needs ten seconds to end its work is given them, dependants first."""

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real


def test_sigterm_is_handled_in_ten_seconds(bastide: Installation) -> None:
    script = "trap 'echo told; sleep 8; echo done; exit 0' TERM; echo up; while true; do sleep 0.1; done"
    proxy = shell("proxy", "trap 'date +%s; exit 0' TERM; while true; do sleep 0.1; done", stopTimeout=5)
    app = shell("app", script, stopTimeout=20, dependsOn=[{"containerName": "proxy", "condition": "START"}])
    task = bastide.run_task(bastide.register("graceful", proxy, app))[0]
    bastide.wait(task, "RUNNING")
    bastide.stop(task, reason="deploying")
    stopped = bastide.describe(task)[0]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "deploying")
    assert [container["exitCode"] for container in stopped["containers"]] == [0, 0]
    task_id = task.rsplit("/", 1)[-1]
    assert bastide.log_lines(f"t/app/{task_id}") == ["up", "told", "done"]
    told_s = int(bastide.log_lines(f"t/proxy/{task_id}")[0])
    assert told_s - stopped["stoppingAt"].timestamp() >= 7, "the proxy serves until the app is done"


def test_an_init_passes_the_signal_on(bastide: Installation) -> None:
    script = "trap 'exit 9' TERM; while true; do sleep 0.1; done"
    app = shell("app", script, stopTimeout=20, linuxParameters={"initProcessEnabled": True})
    task = bastide.run_task(bastide.register("init-signal", app))[0]
    bastide.wait(task, "RUNNING")
    bastide.stop(task)
    assert bastide.describe(task)[0]["containers"][0]["exitCode"] == 9


def test_what_does_not_catch_the_signal_ends_with_143(bastide: Installation) -> None:
    app = shell("app", "true") | {"command": ["sleep", "1000"]}
    task = bastide.run_task(
        bastide.register("init-143", app | {"linuxParameters": {"initProcessEnabled": True}})
    )[0]
    bastide.wait(task, "RUNNING")
    bastide.stop(task)
    assert bastide.describe(task)[0]["containers"][0]["exitCode"] == 143
