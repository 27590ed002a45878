"""How large a task is: the spellings of `cpu` and `memory`, and the pairs that Fargate runs.

CPU is in units (1024 to a vCPU), memory in MiB. Origin of the pairs and of the spellings: ECS developer
guide, "Task CPU and memory" and "Troubleshoot invalid CPU or memory errors".
"""

import re
from fractions import Fraction

CPU_UNITS_PER_VCPU = 1024
MIB_PER_GB = 1024
CPU_UNITS_MIN, CPU_UNITS_MAX = 128, 196608  # any task; Fargate narrows it to the pairs below
MEMORY_MIB_MIN = 4  # Docker's own lower limit
STORAGE_GIB_DEFAULT = 20
STORAGE_GIB_MIN, STORAGE_GIB_MAX = 21, 200  # of `ephemeralStorage`; 20 is what one gets without it

_NUMBER = r"([0-9]+|[0-9]*\.[0-9]+)"
_VCPU = re.compile(_NUMBER + r" ?vcpu", re.IGNORECASE)
_GB = re.compile(_NUMBER + r" ?gb", re.IGNORECASE)
_INTEGER = re.compile(r"[0-9]{1,9}")
_SPELLING_MAX_CHARS = 32

FARGATE_MEMORY_MIB: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
WINDOWS_CPU_UNITS = frozenset({1024, 2048, 4096})
LARGE_CPU_UNITS = 8192  # from here on platform version 1.4.0 is needed


def parse_cpu(text: str) -> int | None:
    """CPU units of `1024`, `1 vCPU` or `.5 vcpu`; None when it is no CPU size of any task."""
    units = _parse(text, _VCPU, CPU_UNITS_PER_VCPU)
    return units if units is not None and CPU_UNITS_MIN <= units <= CPU_UNITS_MAX else None


def parse_memory(text: str) -> int | None:
    """MiB of `2048`, `2GB` or `.5 gb`; None when it is no memory size of any task."""
    mib = _parse(text, _GB, MIB_PER_GB)
    return mib if mib is not None and mib >= MEMORY_MIB_MIN else None


def is_fargate_size(cpu_units: int, memory_mib: int, *, windows: bool = False) -> bool:
    """Whether the pair is one that Fargate runs."""
    if windows and cpu_units not in WINDOWS_CPU_UNITS:
        return False
    return memory_mib in FARGATE_MEMORY_MIB.get(cpu_units, ())


def _parse(text: str, spelled: re.Pattern[str], scale: int) -> int | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    found = spelled.fullmatch(text) if len(text) <= _SPELLING_MAX_CHARS else None
    if found is None:
        return None
    size = Fraction(found[1]) * scale
    return int(size) if size.denominator == 1 else None
