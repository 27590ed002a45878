"""Two installations on one host: neither notices the other come and go, and the host is what it was."""

import pytest

from tests.host_snapshot import take_steady_snapshot, wait_as_before
from tests.installation import Installation, shell, until
from tests.installation_fixture import start_installation

pytestmark = [pytest.mark.real, pytest.mark.alone]


def test_two_instances_do_not_touch_each_other(bastide: Installation) -> None:
    script = shell(
        "app", "echo twin > /tmp/index.html; exec httpd -f -p 80 -h /tmp", log=False, stopTimeout=2
    )
    mine = bastide.register("mine", script)
    (first,) = bastide.run_task(mine)
    bastide.wait(first, "RUNNING")  # it makes what an installation keeps
    bastide.stop(first)
    assert until(lambda: bastide.leftovers() == [])
    before = take_steady_snapshot()
    for other in start_installation("btwin"):
        ours = bastide.run_task(mine)[0]
        theirs = other.run_task(other.register("theirs", script))[0]
        bastide.wait(ours, "RUNNING")
        other.wait(theirs, "RUNNING")
        assert other.aws("ecs", "list-tasks")["taskArns"] == [theirs]
        other.bastide("down", "--stop-tasks")
        assert bastide.describe(ours)[0]["lastStatus"] == "RUNNING"
        bastide.stop(ours)
    assert until(lambda: bastide.leftovers() == [])
    wait_as_before(before)
