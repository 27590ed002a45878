"""Story: two containers share a volume, and what the image has at its path is in it from the start."""

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real


def test_two_containers_share_what_came_from_the_image(bastide: Installation) -> None:
    writer = shell(
        "writer",
        "cat /www/index.html; stat -c '%a %u' /www; echo added > /www/added",
        essential=False,
        mountPoints=[{"sourceVolume": "pages", "containerPath": "/www"}],
    )
    reader = shell(
        "reader",
        "until cat /pages/added 2>/dev/null; do sleep 0.1; done; cat /pages/index.html; "
        "echo mine 2>/dev/null > /pages/more || echo refused",
        mountPoints=[{"sourceVolume": "pages", "containerPath": "/pages", "readOnly": True}],
    )
    borrower = shell(
        "borrower",
        "until cat /www/added 2>/dev/null; do sleep 0.1; done; touch /www/x 2>/dev/null || echo refused",
        essential=False,
        volumesFrom=[{"sourceContainer": "writer", "readOnly": True}],
    )
    arn = bastide.register("shared", writer, reader, borrower, volumes=[{"name": "pages", "host": {}}])
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    name = task.rsplit("/", 1)[-1]
    assert bastide.log_lines(f"t/writer/{name}") == ["<h1>Hello from Bastide</h1>", "755 0"]
    assert bastide.log_lines(f"t/reader/{name}") == ["added", "<h1>Hello from Bastide</h1>", "refused"]
    assert bastide.log_lines(f"t/borrower/{name}")[:1] in (["added"], [])  # it may be stopped before it looks
