"""A task that forks without end meets its limits; the API and its neighbour answer all the while."""

import statistics
import time
import urllib.request

import pytest

from tests.installation import Installation, ask, shell, until

pytestmark = [pytest.mark.real, pytest.mark.alone]

BOMB = "b() { b | b & }; b; while true; do sleep 1; done"
SERVE = "echo well > /tmp/index.html; exec httpd -f -p 80 -h /tmp"
WATCHED_S = 8.0
# On a still machine with two processors: 5 ms and 2 ms in the middle, 40 ms at the most.
API_MEDIAN_S, API_MOST_S, NEIGHBOUR_MEDIAN_S = 0.25, 5.0, 0.25


def test_forking_fails_inside_where_the_limit_is_reached(bastide: Installation) -> None:
    """A fork beyond the limit fails with EAGAIN, as anywhere else, and the task goes on."""
    script = "ulimit -u; ulimit -u 40; for i in $(seq 60); do sleep 5 & done; echo unreached"
    arn = bastide.register("processes", shell("app", f"({script}) 2>&1; ulimit -u; echo on"))
    task = bastide.run_task(arn)[0]
    stopped = bastide.wait(task, "STOPPED")
    assert stopped["containers"][0]["exitCode"] == 0
    lines = bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")
    assert lines[0] == "32768"
    assert "can't fork: Resource temporarily unavailable" in lines[1]
    assert lines[-2:] == ["32768", "on"]


def test_a_fork_bomb_leaves_host_and_neighbour_responsive(bastide: Installation) -> None:
    neighbour = bastide.run_task(
        bastide.register("beside-a-bomb", shell("app", SERVE, log=False, stopTimeout=2)), public=True
    )[0]
    address = f"http://{bastide.public_address(bastide.wait(neighbour, 'RUNNING'))}/"
    assert until(lambda: ask(address)) == "well\n"
    bomb = bastide.run_task(bastide.register("bomb", shell("app", BOMB, log=False, stopTimeout=2)))[0]
    bastide.wait(bomb, "RUNNING")
    api_s: list[float] = []
    neighbour_s: list[float] = []
    until_s = time.monotonic() + WATCHED_S
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        bastide.describe(bomb)
        api_s.append(time.monotonic() - began_s)
        began_s = time.monotonic()
        with urllib.request.urlopen(address, timeout=5) as answer:
            assert answer.read() == b"well\n"
        neighbour_s.append(time.monotonic() - began_s)
        time.sleep(0.05)
    print(
        f"api {statistics.median(api_s):.4f} {max(api_s):.4f} neighbour {statistics.median(neighbour_s):.4f}"
    )
    assert statistics.median(api_s) < API_MEDIAN_S
    assert max(api_s) < API_MOST_S
    assert statistics.median(neighbour_s) < NEIGHBOUR_MEDIAN_S
    if bastide.describe(bomb)[0]["lastStatus"] == "RUNNING":
        bastide.stop(bomb)
    else:  # its memory was used up first
        reason = bastide.wait(bomb, "STOPPED")["containers"][0]["reason"]
        assert reason == "OutOfMemoryError: Container killed due to memory usage"
    assert bastide.describe(neighbour)[0]["lastStatus"] == "RUNNING"
    bastide.stop(neighbour)
