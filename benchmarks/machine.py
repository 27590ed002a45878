"""What the figures were measured on and with."""

import os
import platform
import re
from pathlib import Path

from bastide import __version__


def read_machine() -> str:
    """One line: processors, memory, kernel, and how busy the machine was with other things."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    processor = found[1] if found else platform.machine()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    release = platform.release().partition("-")[0]
    processors = len(os.sched_getaffinity(0))
    return (
        f"Bastide {__version__}, Python {platform.python_version()}; {processors} processors"
        f" ({processor}), {memory_gib:.0f} GiB, Linux {release}; load before: {os.getloadavg()[0]:.1f}"
    )
