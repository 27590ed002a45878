"""How much time the host's processors have spent, as Docker counts it for its statistics."""

import os
from pathlib import Path

from bastide.model.usage import HostCpu

STAT = Path("/proc/stat")
KINDS = 7  # user, nice, system, idle, iowait, irq, softirq: what moby adds up
NS_PER_S = 1_000_000_000


def read_host_cpu() -> HostCpu:
    """Since the host was started."""
    first = STAT.read_text().partition("\n")[0].split()
    ticks = sum(int(word) for word in first[1 : 1 + KINDS])
    return HostCpu(
        total_ns=ticks * NS_PER_S // os.sysconf("SC_CLK_TCK"),
        processors=os.sysconf("SC_NPROCESSORS_ONLN"),
    )
