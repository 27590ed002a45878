"""Story: `ping` works as on Fargate, and not in a container that has dropped NET_RAW."""

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real


def test_ping_needs_net_raw(bastide: Installation) -> None:
    pinged = shell("app", "exec sleep 1000", stopTimeout=2)
    neighbour = bastide.run_task(bastide.register("pinged", pinged))[0]
    container = bastide.wait(neighbour, "RUNNING")["containers"][0]
    address = container["networkInterfaces"][0]["privateIpv4Address"]
    script = f"ping -c 1 -W 5 {address} > /tmp/said 2>&1 && echo answered || tail -1 /tmp/said"
    able = shell("default", script, dependsOn=[{"containerName": "dropped", "condition": "COMPLETE"}])
    linux = {"capabilities": {"drop": ["NET_RAW"]}}
    unable = shell("dropped", script, essential=False, linuxParameters=linux)
    task = bastide.run_task(bastide.register("ping", able, unable))[0]
    bastide.wait(task, "STOPPED")
    name = task.rsplit("/", 1)[-1]
    assert bastide.log_lines(f"t/default/{name}") == ["answered"]
    assert bastide.log_lines(f"t/dropped/{name}") == ["ping: permission denied (are you root?)"]
    bastide.stop(neighbour)
