"""Story: an app's output goes through the task's own log router, with the task's name on every line."""

import json
from typing import Any

import pytest

from tests.installation import Installation, shell, until
from tests.log_router.image import write_router_image

pytestmark = pytest.mark.real

IMAGE = "log-router:latest"
SCRIPT = """
echo "to $FLUENT_HOST:$FLUENT_PORT"
echo noise
printf '%020000d\\n' 7
echo wrong >&2
trap 'echo last; exit 0' TERM
while :; do sleep 0.2; done
"""


@pytest.fixture(scope="module")
def router(bastide: Installation) -> dict[str, Any]:
    """A log router's container, whose own output CloudWatch Logs gets."""
    archive = bastide.folder / "router.tar"
    write_router_image(archive, IMAGE)
    bastide.bastide("image", "import", str(archive))
    own = shell("log_router", "", stopTimeout=5)
    del own["command"]
    return own | {"image": IMAGE, "firelensConfiguration": {"type": "fluentbit"}}


def routed(name: str, script: str, **options: str) -> dict[str, Any]:
    container = shell(name, script, stopTimeout=5)
    container["logConfiguration"] = {"logDriver": "awsfirelens", "options": {"Name": "stdout", **options}}
    return container


def records(bastide: Installation, task: str) -> list[dict[str, Any]]:
    """What the router was sent, as it shows it."""
    lines = bastide.log_lines(f"t/log_router/{task.rsplit('/', 1)[-1]}")
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_an_apps_output_reaches_the_router_with_the_tasks_name(
    bastide: Installation, router: dict[str, Any]
) -> None:
    options = {"exclude-pattern": "^noise", "Format": "json_lines"}
    app = routed("app", SCRIPT, **options)
    definition = bastide.register("firelens", app, router)
    task = bastide.run_task(definition)[0]
    bastide.wait(task, "RUNNING")
    until(lambda: [one for one in records(bastide, task) if one["source"] == "stderr"])
    bastide.stop(task)
    found = records(bastide, task)
    task_id = task.rsplit("/", 1)[-1]
    out = [one for one in found if one["source"] == "stdout"]
    first, *parts, last = out
    assert first["log"] == "to 127.0.0.1:24224"
    assert (first["container_name"], first["container_id"][:32]) == ("app", task_id)
    assert {one["ecs_task_arn"] for one in found} == {task}
    assert {(one["ecs_cluster"], one["ecs_task_definition"]) for one in found} == {
        ("default", definition.rsplit("/", 1)[-1])
    }
    assert [one["log"] for one in parts] == ["0" * 16384, "0" * 3615 + "7"]
    assert [one["partial_last"] for one in parts] == ["false", "true"]
    assert len({one["partial_id"] for one in parts}) == 1
    assert last["log"] == "last"  # written while the task stopped: the router goes last
