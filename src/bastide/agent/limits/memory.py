"""Watches the memory of containers that have a hard limit of their own; who is beyond it is told to the plan.

gVisor's containers share one control group, so the kernel holds only their task. A task's group is read with
all others' in one go, many times a second; only when it holds more than a container may is the sandbox asked
which container has what. Nothing is decided here: `excess` is what the task's next pass sees, and acts on.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bastide.host.ports import Cgroups, Runtime
from bastide.model.assignment import Assignment
from bastide.model.container.runs import run_id
from bastide.model.faults import Fault
from bastide.model.task_state import TaskState
from bastide.plan.memory import MIB, TRUST_S, find_excess, find_room, seconds_to_look

log = logging.getLogger(__name__)

TOGETHER_S = 0.02  # what is due so soon is read along with what is due now: a look costs more than a task
AGAIN_S = 1.0  # after what could not be read, and between two looks at a container that is being killed


@dataclass
class _Watched:
    """One task that has containers with a limit running."""

    limits: dict[str, int]  # bytes, by the container's name
    ids: dict[str, str]  # of the present runs
    due_at: float = 0.0  # of the monotonic clock
    held: tuple[float, int] = (0.0, 0)  # the task's memory at the last look, and when that was
    growth_bytes_s: float = 0.0
    excess: frozenset[str] = frozenset()
    asking: asyncio.Task[None] | None = field(default=None, compare=False)

    safe: int = 0  # while the task holds no more, none of them is beyond, by the sandbox's last answer
    asked_at: float = 0.0

    def ceiling(self, now: float) -> int:
        """While the task holds no more, none of them is beyond, by all that is known."""
        least = min(self.limits.values())
        return max(least, self.safe) if now < self.asked_at + TRUST_S else least


class MemoryWatch:
    """Of every task of this host; used from the agent's event loop only."""

    def __init__(self, runtime: Runtime, cgroups: Cgroups) -> None:
        self._runtime = runtime
        self._cgroups = cgroups
        self._watched: dict[str, _Watched] = {}
        self._changed = asyncio.Event()

    def follow(self, spec: Assignment, state: TaskState) -> None:
        """Watch the task's running containers, and no others any more. Repeatable."""
        limits, ids = {}, {}
        for container in spec.containers:
            memory, limit_mib = state.container(container.name), container.memory_mib
            is_running = memory.run_started_at is not None and memory.stopped_at is None
            # A limit as large as the task's own is the kernel's to hold.
            if is_running and limit_mib is not None and limit_mib < spec.memory_mib:
                limits[container.name] = limit_mib * MIB
                ids[container.name] = run_id(container.runtime_id, memory.restarts)
        held = self._watched.get(spec.task_id)
        if not limits:
            self.forget(spec.task_id)
        elif held is None or (held.limits, held.ids) != (limits, ids):
            self._watched[spec.task_id] = _Watched(limits, ids)
            self._changed.set()

    def forget(self, task_id: str) -> None:
        """Watch nothing of the task any more. Repeatable."""
        self._watched.pop(task_id, None)

    def excess(self, task_id: str) -> frozenset[str]:
        """Names of its running containers that were seen to use more than they may."""
        watched = self._watched.get(task_id)
        return watched.excess if watched is not None else frozenset()

    async def run(self, wake: Callable[[str], None]) -> None:
        """Look until cancelled; `wake` is called with the id of a task one of whose containers is beyond."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._look(group, wake)
                self._changed.clear()
                due_at = min((each.due_at for each in self._watched.values()), default=None)
                try:
                    async with asyncio.timeout(None if due_at is None else due_at - time.monotonic()):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def _look(self, group: asyncio.TaskGroup, wake: Callable[[str], None]) -> None:
        now = time.monotonic()
        due = {task_id: each for task_id, each in self._watched.items() if each.due_at <= now + TOGETHER_S}
        if not due:
            return
        ceilings = {task_id: each.ceiling(now) for task_id, each in due.items()}
        held = await self._cgroups.read_held_bytes(ceilings)
        for task_id, watched in due.items():
            watched.due_at = now + AGAIN_S
            if task_id not in held:
                continue
            _note(watched, now, held[task_id])
            room = ceilings[task_id] - held[task_id]
            if room >= 0:
                watched.excess = frozenset()
                watched.due_at = now + seconds_to_look(room, watched.growth_bytes_s)
            elif watched.asking is None or watched.asking.done():
                watched.asking = group.create_task(self._ask(task_id, watched, held[task_id], wake))

    async def _ask(self, task_id: str, watched: _Watched, held: int, wake: Callable[[str], None]) -> None:
        """Which of the containers has what; those whose limit is above all of it need not be asked for."""
        used: dict[str, int] = {}
        try:
            for name, limit in watched.limits.items():
                if limit < held:
                    used[name] = await self._runtime.read_memory_bytes(watched.ids[name]) or 0
        except (Fault, OSError) as error:
            log.warning("memory not read", extra={"task": task_id, "why": str(error)})
            return
        before, watched.excess = watched.excess, find_excess(watched.limits, used)
        if watched.excess:
            if watched.excess != before:
                log.info("beyond its memory", extra={"task": task_id, "containers": sorted(watched.excess)})
            wake(task_id)
            return
        room = find_room(watched.limits, used, held)
        watched.asked_at, watched.safe = time.monotonic(), held + room
        watched.due_at = watched.asked_at + seconds_to_look(room, watched.growth_bytes_s)
        self._changed.set()  # it may be due before the others


def _note(watched: _Watched, now: float, held: int) -> None:
    then, before = watched.held
    watched.growth_bytes_s = max(0.0, (held - before) / (now - then)) if then else 0.0
    watched.held = (now, held)
