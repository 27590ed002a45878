"""Where a task goes: which host takes it, and which address of which subnet it gets. Pure.

Memory of a host is never promised twice; CPU may be, by a factor. A task that no host could hold even when
empty is refused; one that merely finds no room now waits.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

import msgspec

RESERVED_FIRST, RESERVED_LAST = 4, 1  # of a subnet: VPC user guide, "Subnet sizing"


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


def count_usable(subnet: IPv4Network, *, reserved_first: int = RESERVED_FIRST) -> int:
    """How many addresses of the subnet an interface may get."""
    return max(subnet.num_addresses - reserved_first - RESERVED_LAST, 0)


def choose_address(
    subnet: IPv4Network,
    seed: str,
    is_free: Callable[[IPv4Address], bool],
    *,
    reserved_first: int = RESERVED_FIRST,
) -> IPv4Address | None:
    """A free address, looked for from a place that `seed` names; None when all are taken.

    Tasks that come one after another seldom get each other's place, so an address is not reused at once.
    """
    return next((a for a in _walk(subnet, seed, reserved_first=reserved_first) if is_free(a)), None)


def _walk(subnet: IPv4Network, seed: str, *, reserved_first: int) -> Iterator[IPv4Address]:
    size = count_usable(subnet, reserved_first=reserved_first)
    if size == 0:
        return
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") % size
    first = int(subnet.network_address) + reserved_first
    for offset in range(size):
        yield IPv4Address(first + (start + offset) % size)
