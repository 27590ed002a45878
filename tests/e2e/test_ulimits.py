"""Story: every ulimit a task definition can set is seen inside, and those that gVisor acts on bite."""

from typing import Any

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real

# By the words of /proc/self/limits.
SEEN = {
    **{"core": "core file size", "cpu": "cpu time", "data": "data size", "fsize": "file size"},
    **{"locks": "file locks", "memlock": "locked memory", "msgqueue": "msgqueue size"},
    **{"nice": "nice priority", "nofile": "open files", "nproc": "processes", "rss": "resident set"},
    **{"rtprio": "realtime priority", "rttime": "realtime timeout", "sigpending": "pending signals"},
    **{"stack": "stack size"},
}
LIMITS = {name: (100_000 + number, 200_000 + number) for number, name in enumerate(SEEN)} | {
    "stack": (8 << 20, 16 << 20),
    "data": (1 << 29, 1 << 30),
    "fsize": (1 << 20, -1),
    "nproc": (1009, 2009),  # not above `pids_max`
}


def limits(**asked: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"name": name, "softLimit": soft, "hardLimit": hard} for name, (soft, hard) in asked.items()]


def bitten(name: str, script: str, **asked: tuple[int, int]) -> dict[str, Any]:
    return shell(name, script, ulimits=limits(**asked), essential=False, user="1000")


def test_all_fifteen_are_seen(bastide: Installation) -> None:
    container = shell("app", "cat /proc/self/limits", ulimits=limits(**LIMITS))
    task = bastide.run_task(bastide.register("ulimits", container))[0]
    bastide.wait(task, "STOPPED")
    lines = bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")
    for name, words in SEEN.items():
        (line,) = [line for line in lines if line.startswith(f"Max {words} ")]
        found = line.removeprefix(f"Max {words}").split()[:2]
        assert found == ["unlimited" if value < 0 else str(value) for value in LIMITS[name]], name


def test_those_that_gvisor_acts_on_bite(bastide: Installation) -> None:
    """`nofile` has a story of its own."""
    fork = "for n in 1 2 3 4 5 6; do sleep 1 & done; wait"
    containers = [
        bitten("nproc", fork, nproc=(3, 3)),
        bitten("fsize", "head -c 20000 /dev/zero > /tmp/x; stat -c %s /tmp/x", fsize=(10240, 10240)),
        bitten("cpu", "while :; do :; done", cpu=(1, 2)),
    ]
    waits = [{"containerName": each["name"], "condition": "COMPLETE"} for each in containers]
    task = bastide.run_task(bastide.register("biting", *containers, shell("last", "true", dependsOn=waits)))[
        0
    ]
    stopped = bastide.wait(task, "STOPPED")
    stream = "t/{}/" + task.rsplit("/", 1)[-1]
    assert bastide.log_lines(stream.format("nproc")) == ["sh: can't fork: Resource temporarily unavailable"]
    assert "10240" in bastide.log_lines(stream.format("fsize"))  # the signal is told on the other stream
    assert {c["name"]: c["exitCode"] for c in stopped["containers"]}["cpu"] == 128 + 24  # SIGXCPU
