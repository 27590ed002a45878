"""Story: a root that nothing is written to, with one volume that can be, and a working folder made for it."""

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real


def test_only_the_volume_can_be_written_to(bastide: Installation) -> None:
    places = "/ /etc /bin /tmp /var /data /data/made"
    container = shell(
        "app",
        f"pwd; for at in {places}; do touch $at/new 2>/dev/null && echo $at || true; done; "
        "echo x > /etc/hosts || echo refused",
        readonlyRootFilesystem=True,
        workingDirectory="/data/made",
        mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}],
    )
    arn = bastide.register("readonly-root", container, volumes=[{"name": "data"}])
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    lines = bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")
    assert [line for line in lines if "Read-only" not in line] == [
        "/data/made",
        "/data",
        "/data/made",
        "refused",
    ]
