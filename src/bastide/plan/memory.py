"""When the memory of containers with a hard limit is looked at again, and which of them are beyond it. Pure.

A look is cheap while all of the task's memory together is below every limit, and costs an answer of the
sandbox otherwise. Either way the next one comes the sooner the less room is left and the faster it shrinks:
half the room may go until then, at the speed seen or at one that is assumed, whichever is higher.
"""

from collections.abc import Mapping

MIB = 1024 * 1024
FASTEST_BYTES_S = (
    1024 * MIB
)  # a process that only allocates, on the machines measured: 0.6 to 1.1 GiB a second
CHEAP_LOOK_S = (0.02, 0.1)  # soonest and latest
ASKING_LOOK_S = (0.05, 1.0)  # for what the sandbox has to answer


def find_excess(limits: Mapping[str, int], used: Mapping[str, int]) -> frozenset[str]:
    """Names of the containers that use more than they may."""
    return frozenset(name for name, limit in limits.items() if used.get(name, 0) > limit)


def seconds_to_cheap_look(room: int, growth_bytes_s: float) -> float:
    """Until the task's memory is read again. Preconditions: it is below every limit by `room`."""
    return _between(CHEAP_LOOK_S, room, growth_bytes_s)


def seconds_to_asking_look(room: int, growth_bytes_s: float) -> float:
    """Until the sandbox is asked again; `room` is what its fullest container has left."""
    return _between(ASKING_LOOK_S, room, growth_bytes_s)


def _between(bounds: tuple[float, float], room: int, growth_bytes_s: float) -> float:
    soonest, latest = bounds
    return min(latest, max(soonest, room / 2 / max(growth_bytes_s, FASTEST_BYTES_S)))
