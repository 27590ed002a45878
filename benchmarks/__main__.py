"""`make bench`: everything in one run, on an installation of its own. docs/performance.md has figures.

    python -m benchmarks [--rounds N] [idle] [task] [twenty] [limits] [registry] [pull] [exec]
        [large] [logs] [api]

With names only those parts run. It needs root, and a machine that does nothing else.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bastide.cli.processes.containerd import find_programs
from bastide.config import parse_settings
from benchmarks.api import measure_api
from benchmarks.exec import measure_exec
from benchmarks.figures import Figure, figure, render_table
from benchmarks.idle import measure_idle
from benchmarks.large import measure_large
from benchmarks.limits import measure_limits
from benchmarks.logs import measure_logs
from benchmarks.machine import read_machine
from benchmarks.memory import measure_control_plane, measure_memory
from benchmarks.pulls import measure_pulls
from benchmarks.registry import measure_registry
from benchmarks.starts import Sides
from benchmarks.tasks import Tasks
from tests import roles
from tests.installation import Installation, until

INSTANCE = "bbench"
PARTS = ("idle", "task", "twenty", "limits", "registry", "pull", "exec", "api")
LONG_PARTS = ("large", "logs")
TOGETHER = 20
ROUNDS = 10


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="part",
        help=f"{', '.join(PARTS)}: all without a name; or {', '.join(LONG_PARTS)}",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of a single task; the others take fewer")
    asked = parser.parse_args()
    parts = set(asked.parts or PARTS)
    if unknown := parts.difference(PARTS, LONG_PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    if os.geteuid() != 0:
        print("The benchmarks start tasks: run them as root.", file=sys.stderr)
        return 1
    machine = read_machine()
    folder = Path(tempfile.mkdtemp(prefix=f"bastide-{INSTANCE}-", dir="/var/tmp"))
    folder.chmod(0o755)  # the server's user passes through
    installation = Installation(INSTANCE, folder)
    figures: list[Figure] = []
    try:
        for part in measure(installation, parts, rounds=asked.rounds):
            figures += part
            print(render_table(part), flush=True)
    finally:
        installation.remove()
        shutil.rmtree(folder)
    print(f"\n{machine}\n\n{render_table(figures)}")
    return 0


def measure(installation: Installation, parts: set[str], *, rounds: int) -> Iterator[list[Figure]]:
    """The figures, part by part."""
    started_at = time.perf_counter()
    installation.up()
    yield [figure("bastide up, first", "s", [time.perf_counter() - started_at])]
    installation.make_role(roles.NAME)
    installation.bastide("image", "import", str(installation.demo_archive()))
    if "idle" in parts:
        yield measure_idle(installation, "no task")
    tasks = Tasks(installation)
    if parts & {"task", "twenty"}:
        yield from measure_starts(installation, tasks, parts, rounds=rounds)
    if "limits" in parts:
        yield from measure_limits(installation)
    if "registry" in parts:
        yield from measure_registry(installation, rounds=max(3, rounds // 2))
    if "pull" in parts:
        yield measure_pulls(installation, rounds=max(3, rounds // 3))
    if "exec" in parts:
        yield measure_exec(installation, rounds=max(3, rounds // 3))
    if "large" in parts:
        yield measure_large(installation)
    if "logs" in parts:
        yield from measure_logs(installation, rounds=max(3, rounds // 2))
    if "api" in parts:
        os.kill(installation.pid("agent"), signal.SIGTERM)
        until(lambda: not installation.is_up("agent"))
        yield measure_api(installation, tasks, rounds=max(3, rounds // 2))


def measure_starts(
    installation: Installation, tasks: Tasks, parts: set[str], *, rounds: int
) -> Iterator[list[Figure]]:
    """One task and twenty, against the references; memory and idling while the twenty run."""
    sides = Sides(installation, tasks, runsc=_find_runsc(installation))
    yield [sides.first]
    try:
        if "task" in parts:
            yield sides.measure(1, rounds=rounds)
        if "twenty" in parts:
            meanwhile: list[Figure] = []

            def look(arns: list[str]) -> None:
                meanwhile.extend(measure_memory(arns) + measure_control_plane(installation))
                meanwhile.extend(measure_idle(installation, f"{TOGETHER} tasks"))

            yield sides.measure(TOGETHER, rounds=max(3, rounds // 2), while_running=look)
            yield meanwhile
    finally:
        sides.close()


def _find_runsc(installation: Installation) -> Path:
    frozen = installation.folder / "run" / installation.instance / "settings.json"
    return find_programs(parse_settings(frozen.read_bytes()))["runsc"]


if __name__ == "__main__":
    sys.exit(main())
