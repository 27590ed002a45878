"""Proportional memory a task costs above its own, by kind of process.

"Its own" is what the containers' processes use: gVisor keeps it in memory files, apart from what it needs
itself. Measured while twenty tasks run: a page of a program that all of them map counts a twentieth for each.
"""

from collections.abc import Sequence

from benchmarks.figures import Figure, figure
from benchmarks.processes import Memory, read_memory, read_task_processes
from tests.installation import Installation

NOTHING = Memory(0.0, 0.0)


def measure_memory(arns: Sequence[str]) -> list[Figure]:
    """A sample a task, for each kind and in all. Preconditions: the tasks run."""
    kinds: dict[str, list[float]] = {}
    above: list[float] = []
    own: list[float] = []
    for arn in arns:
        found = _read_kinds(arn.rsplit("/", 1)[-1])
        for kind, memory in found.items():
            kinds.setdefault(kind, []).append(memory.all_mib - memory.shared_mib)
        total = sum(found.values(), NOTHING)
        above.append(total.all_mib - total.shared_mib)
        own.append(total.shared_mib)
    figures = [figure(f"memory a task costs: {kind}", "MiB", values) for kind, values in kinds.items()]
    return [
        *figures,
        figure("memory a task costs above its own, all", "MiB", above),
        figure("memory of the task's own", "MiB", own),
    ]


def measure_control_plane(installation: Installation) -> list[Figure]:
    """What the three processes use, however many tasks there are."""
    names = ("server", "agent", "containerd")
    return [
        figure(f"memory of the {name}", "MiB", [read_memory(installation.pid(name)).all_mib])
        for name in names
    ]


def _read_kinds(task_id: str) -> dict[str, Memory]:
    kinds: dict[str, Memory] = {}
    for pid, kind in read_task_processes(task_id).items():
        kinds[kind] = kinds.get(kind, NOTHING) + read_memory(pid)
    return kinds
