"""Where a task goes: which host takes it, and which of its subnets are tried. Pure.

Memory of a host is never promised twice; CPU may be, by a factor. A task that no host could hold even when
empty is refused; one that merely finds no room now waits.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A host whose agent is connected, and what the tasks placed on it take."""

    id: str
    cpu_units: int
    memory_mib: int
    used_cpu_units: int = 0
    used_memory_mib: int = 0


class Wait(StrEnum):
    """Why a task has no host."""

    NO_HOST = "no host is connected"
    NO_ROOM = "every host is full"
    TOO_LARGE = "no host is large enough"  # final: the task stops


def choose_host(
    hosts: Sequence[Host], *, cpu_units: int, memory_mib: int, cpu_overcommit: float
) -> Host | Wait:
    """The host with the most free memory that can take the task, or why there is none."""
    if not hosts:
        return Wait.NO_HOST
    able = [
        host
        for host in hosts
        if memory_mib <= host.memory_mib and cpu_units <= host.cpu_units * cpu_overcommit
    ]
    if not able:
        return Wait.TOO_LARGE
    free = [
        host
        for host in able
        if host.used_memory_mib + memory_mib <= host.memory_mib
        and host.used_cpu_units + cpu_units <= host.cpu_units * cpu_overcommit
    ]
    if not free:
        return Wait.NO_ROOM
    return max(free, key=lambda host: (host.memory_mib - host.used_memory_mib, host.id))


def order_subnets(subnets: Sequence[str], *, first: str) -> list[str]:
    """The subnets as they are tried: from the one the task was promised on."""
    at = subnets.index(first) if first in subnets else 0
    return [*subnets[at:], *subnets[:at]]
