"""`pidMode: task`: the containers of a task see and signal each other's processes; otherwise they do not."""

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real


@pytest.mark.parametrize(("fields", "code"), [({"pidMode": "task"}, 0), ({}, 4)])
def test_a_sidecar_tells_the_app_to_read_its_settings_again(
    bastide: Installation, fields: dict[str, str], code: int
) -> None:
    app = shell("app", "trap 'exit 0' HUP; n=0; while [ $n -lt 80 ]; do sleep 0.1; n=$((n+1)); done; exit 4")
    find = "grep -l 'trap.*HU[P]' /proc/[0-9]*/cmdline | cut -d/ -f3 | head -1"
    sidecar = shell(
        "sidecar",
        f"for n in 1 2 3 4 5; do pid=$({find}); [ $pid ] && kill -HUP $pid && exit; sleep 1; done",
        essential=False,
        dependsOn=[{"containerName": "app", "condition": "START"}],
    )
    task = bastide.run_task(bastide.register("pid-mode", app, sidecar, **fields))[0]
    stopped = bastide.wait(task, "STOPPED")
    assert stopped["containers"][0]["exitCode"] == code
