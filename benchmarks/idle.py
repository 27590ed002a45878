"""What the control plane uses of a processor while nothing is asked of it."""

from benchmarks.figures import Figure, figure
from benchmarks.processes import measure_cpu_percent
from tests.installation import Installation

NAMES = ("server", "agent", "containerd")
WINDOW_S = 10.0
WINDOWS = 3


def measure_idle(installation: Installation, when: str) -> list[Figure]:
    """Half a minute, in three windows. Preconditions: nobody calls the API meanwhile."""
    pids = [installation.pid(name) for name in NAMES]
    windows = [measure_cpu_percent(pids, duration_s=WINDOW_S) for _ in range(WINDOWS)]
    return [
        figure(f"idle {name}, {when}", "% of one CPU", values)
        for name, values in zip(NAMES, zip(*windows, strict=True), strict=True)
    ]
