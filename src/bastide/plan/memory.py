"""When the memory of containers with a hard limit is looked at again, and which of them are beyond it. Pure.

A look at the task's group is cheap and says how much its containers hold together. The sandbox knows how
much each has, and is asked only when one of them could be beyond its limit by now: what the task has grown by
since the last answer may all be one container's. As another may have given back as much, answers get old.
"""

from collections.abc import Mapping

MIB = 1024 * 1024
FASTEST_BYTES_S = 1024 * MIB  # assumed of a process that does nothing but allocate
SOONEST_S, LATEST_S = 0.02, 0.1  # between two looks
TRUST_S = 3.0  # how old an answer of the sandbox may be


def find_excess(limits: Mapping[str, int], used: Mapping[str, int]) -> frozenset[str]:
    """Names of the containers that use more than they may."""
    return frozenset(name for name, limit in limits.items() if used.get(name, 0) > limit)


def find_room(limits: Mapping[str, int], used: Mapping[str, int], held: int) -> int:
    """By how much the task may grow before any container can be beyond its limit.

    `used` lacks those whose limit is above all that the task holds.
    """
    return min(limit - used.get(name, held) for name, limit in limits.items())


def seconds_to_look(room: int, growth_bytes_s: float) -> float:
    """The sooner the less room is left and the faster it shrinks: half of it may go until then."""
    return min(LATEST_S, max(SOONEST_S, room / 2 / max(growth_bytes_s, FASTEST_BYTES_S)))
