"""A migration has to succeed before the app starts; where it fails, the app never runs."""

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real

APP = shell(
    "app",
    "echo serving; exec sleep 1000",
    stopTimeout=2,
    dependsOn=[{"containerName": "migrate", "condition": "SUCCESS"}],
)


def test_the_app_runs_after_a_migration_that_succeeded(bastide: Installation) -> None:
    migrate = shell("migrate", "sleep 1; echo migrated", essential=False)
    task = bastide.run_task(bastide.register("migration", APP, migrate))[0]
    running = bastide.wait(task, "RUNNING")
    shown = {container["name"]: container for container in running["containers"]}
    assert (shown["migrate"]["lastStatus"], shown["migrate"]["exitCode"]) == ("STOPPED", 0)
    assert shown["app"]["lastStatus"] == "RUNNING"
    bastide.stop(task)


def test_a_migration_that_fails_stops_the_task(bastide: Installation) -> None:
    migrate = shell("migrate", "echo table is locked; exit 3", essential=False)
    task = bastide.run_task(bastide.register("migration-fails", APP, migrate))[0]
    stopped = bastide.wait(task, "STOPPED")
    app, shown = sorted(stopped["containers"], key=lambda container: str(container["name"]))
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert shown["exitCode"] == 3
    assert app["reason"].startswith("CannotStartContainerError: dependency graph: failed to resolve")
    assert "[migrate] for target [app] as dependency did not exit successfully" in app["reason"]
    assert app["exitCode"] == 143  # as ECS has it, though the app never ran
    assert bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}") == []
