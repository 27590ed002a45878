"""Start and stop side by side: Bastide's task, runsc alone with the same bundles, docker where there is one.

The sides take turns in every round, so that all of them see the machine in the same state.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.docker import Docker, Unreachable
from benchmarks.figures import Figure, figure, ratio
from benchmarks.runsc import Reference
from benchmarks.tasks import Tasks
from tests.installation import Installation

SETTLE_S = 1.0  # between two runs: the kernel frees namespaces and groups a moment after their end


class Sides:
    """Everything that starts containers here, and how long it took, by name."""

    def __init__(self, installation: Installation, tasks: Tasks, *, runsc: Path) -> None:
        self._tasks = tasks
        first_s, arns = tasks.measure_start()
        self.first = figure("RunTask to RUNNING, image never unpacked before", "s", [first_s])
        self._reference = Reference(installation, arns[0].rsplit("/", 1)[-1], runsc=runsc)
        self._docker: Docker | None = None
        try:
            self._docker = Docker(installation.folder, self._reference.app_root)
        except Unreachable as missing:
            print(f"SKIPPED, NOT MEASURED: docker run -d ({missing})", file=sys.stderr, flush=True)
        tasks.measure_stop(arns)

    def measure(
        self, count: int, *, rounds: int, while_running: Callable[[list[str]], None] | None = None
    ) -> list[Figure]:
        """So many at once, `rounds` times; `while_running` is called with the tasks of the last round."""
        found: dict[str, list[float]] = {"sandbox": [], "app": [], "docker": [], "running": [], "stopped": []}
        for number in range(rounds):
            sandbox_s, app_s = self._measure_runsc(count)
            found["sandbox"].append(sandbox_s)
            found["app"].append(app_s)
            if self._docker is not None:
                found["docker"].append(self._docker.measure_start(count))
            time.sleep(SETTLE_S)
            running_s, arns = self._tasks.measure_start(count)
            found["running"].append(running_s)
            if while_running is not None and number == rounds - 1:
                while_running(arns)
            found["stopped"].append(self._tasks.measure_stop(arns))
            time.sleep(SETTLE_S)
        return _figures(found, count)

    def close(self) -> None:
        """Nothing of the references stays."""
        self._reference.close()
        if self._docker is not None:
            self._docker.close()

    def _measure_runsc(self, count: int) -> tuple[float, float]:
        """Seconds until the sandbox is up, and until its app has started, in all of them at once."""
        prepared = [self._reference.prepare() for _ in range(count)]
        with ThreadPoolExecutor(count) as pool:
            try:
                results = list(pool.map(lambda one: one.start(), prepared))
            finally:
                list(pool.map(lambda one: one.remove(), prepared))
        return max(result[0] for result in results), max(result[1] for result in results)


def _figures(found: dict[str, list[float]], count: int) -> list[Figure]:
    many = "" if count == 1 else f"{count} at once: "
    running = figure(f"{many}RunTask to RUNNING", "s", found["running"])
    sandbox = figure(f"{many}runsc create + start, one bundle (pause)", "s", found["sandbox"])
    app = figure(f"{many}runsc create + start, both bundles (pause, app)", "s", found["app"])
    figures = [
        running,
        figure(f"{many}StopTask to STOPPED", "s", found["stopped"]),
        sandbox,
        app,
        ratio(f"{many}RunTask over runsc, one bundle", running, sandbox),
        ratio(f"{many}RunTask over runsc, both bundles", running, app),
    ]
    if found["docker"]:
        docker = figure(f"{many}docker run -d", "s", found["docker"])
        figures += [docker, ratio(f"{many}RunTask over docker run -d", running, docker)]
    return figures
