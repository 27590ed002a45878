"""What holding containers costs, and how host and neighbour fare beside a fork bomb.

Watching: five tasks of ten containers, each with a hard limit of memory, all asleep; the agent's processor
time is measured. Bomb: DescribeTasks and a neighbour's page are asked for in turn, before and meanwhile.
"""

import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import Figure, figure
from benchmarks.processes import measure_cpu_percent
from tests.installation import Installation, ask, shell, until

TASKS, CONTAINERS = 5, 10
WATCHED_S = 20.0
BOMB_S = 10.0
BOMB = "b() { b | b & }; b; while true; do sleep 1; done"
SERVE = "echo well > /tmp/index.html; exec httpd -f -p 80 -h /tmp"


def measure_limits(installation: Installation) -> Iterator[list[Figure]]:
    """The figures, part by part."""
    yield _measure_watching(installation)
    yield _measure_bomb(installation)


def _measure_watching(installation: Installation) -> list[Figure]:
    figures = []
    for name, limit in (("no", {}), ("a", {"memory": 64})):
        containers = [
            shell(f"c{number}", "exec sleep 86400", log=False, stopTimeout=2, **limit)
            for number in range(CONTAINERS)
        ]
        definition = installation.register("watched", *containers, memory="2048", cpu="256")
        tasks = installation.run_task(definition, count=TASKS)
        for task in tasks:
            installation.wait(task, "RUNNING", timeout_s=300)
        time.sleep(5)
        percent = measure_cpu_percent([installation.pid("agent")], duration_s=WATCHED_S)
        what = f"agent's CPU, {TASKS * CONTAINERS} containers asleep with {name} hard limit of memory"
        figures.append(figure(what, "%", percent))
        installation.stop(*tasks)
    return figures


def _measure_bomb(installation: Installation) -> list[Figure]:
    serving = installation.register("neighbour", shell("app", SERVE, log=False, stopTimeout=2))
    neighbour = installation.run_task(serving, public=True)[0]
    url = f"http://{installation.public_address(installation.wait(neighbour, 'RUNNING'))}/"
    until(lambda: ask(url))
    figures = _measure_latencies(installation, neighbour, url, "before")
    bomb = installation.run_task(installation.register("bomb", shell("app", BOMB, log=False, stopTimeout=2)))
    installation.wait(bomb[0], "RUNNING")
    figures += _measure_latencies(installation, neighbour, url, "beside a fork bomb")
    installation.stop(neighbour)
    if installation.describe(bomb[0])[0]["lastStatus"] != "STOPPED":
        installation.stop(*bomb)
    return figures


def _measure_latencies(installation: Installation, task: str, url: str, when: str) -> list[Figure]:
    api: list[float] = []
    page: list[float] = []
    until_s = time.monotonic() + BOMB_S
    while time.monotonic() < until_s:
        api.append(_time(lambda: installation.describe(task)))
        page.append(_time(lambda: urllib.request.urlopen(url, timeout=10).read()))
        time.sleep(0.02)
    return [
        figure(f"DescribeTasks {when}, half", "ms", [_percentile(api, 50)]),
        figure(f"DescribeTasks {when}, 99 of 100", "ms", [_percentile(api, 99)]),
        figure(f"a neighbour's page {when}, half", "ms", [_percentile(page, 50)]),
        figure(f"a neighbour's page {when}, 99 of 100", "ms", [_percentile(page, 99)]),
    ]


def _time(call: Any) -> float:
    began_at = time.perf_counter()
    call()
    return (time.perf_counter() - began_at) * 1000


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
