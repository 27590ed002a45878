"""Divides a task's processor time between its containers by their `cpu`, while it does not suffice for all.

Once a second the groups of all tasks with several containers are read; that is all for one that its quota
does not hold back. For one that is held back the host sorts its processes by container, and plan/cpu decides
what each may use. Nothing is remembered: groups and caps are read where they are.
"""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from bastide.host.ports import Cgroups, Disks, TaskCpu
from bastide.model.assignment import Assignment
from bastide.model.faults import Fault
from bastide.model.task_state import TaskState
from bastide.plan.cpu import CpuUse, plan_caps

log = logging.getLogger(__name__)

LOOK_S = 1.0
HELD_BACK = 0.2  # of its periods: the task wants more than its quota
PERIOD_US = 100_000
UNITS_PER_CPU = 1024
UNITS_MIN = 2  # of a container that asks for none: ECS gives it the kernel's least weight


@dataclass
class _Divided:
    """One task with several containers."""

    quota_us: int
    roots: dict[str, tuple[Path, int]]  # root filesystem and CPU units by the container's name
    before: TaskCpu | None = None


class CpuWatch:
    """Of every task of this host; used from the agent's event loop only."""

    def __init__(self, cgroups: Cgroups, disks: Disks) -> None:
        self._cgroups = cgroups
        self._disks = disks
        self._tasks: dict[str, _Divided] = {}

    def follow(self, spec: Assignment, state: TaskState) -> None:
        """Divide between the task's containers while its quota holds. Repeatable."""
        if not state.has_cpu_quota or state.stop is not None or len(spec.containers) < 2:
            self.forget(spec.task_id)
        elif spec.task_id not in self._tasks:
            roots = {
                c.name: (self._disks.rootfs_path(spec.task_id, c.name), max(UNITS_MIN, c.cpu_units))
                for c in spec.containers
            }
            self._tasks[spec.task_id] = _Divided(spec.cpu_units * PERIOD_US // UNITS_PER_CPU, roots)

    def forget(self, task_id: str) -> None:
        """Leave the task as it is. Repeatable."""
        self._tasks.pop(task_id, None)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            for task_id, divided in list(self._tasks.items()):
                try:
                    await self._divide(task_id, divided)
                except (Fault, OSError) as error:
                    log.warning("processor time not divided", extra={"task": task_id, "why": str(error)})
                    self.forget(task_id)

    async def _divide(self, task_id: str, divided: _Divided) -> None:
        now, before = await self._cgroups.read_cpu(task_id), divided.before
        divided.before = now
        if now is None or before is None or now.periods <= before.periods:
            return  # not one period of the quota since: the task is idle
        periods = now.periods - before.periods
        held_back = (now.held_back - before.held_back) / periods
        if held_back < HELD_BACK and not now.caps:
            return
        await self._cgroups.sort_processes(task_id, divided.roots)
        used_us = {
            name: (used - before.containers.get(name, used)) / periods
            for name, used in now.containers.items()
        }
        containers = {
            name: CpuUse(weight=units, used_us=used_us.get(name, 0.0), cap_us=now.caps.get(name))
            for name, (_, units) in divided.roots.items()
        }
        others_us = max(0.0, (now.used_us - before.used_us) / periods - sum(used_us.values()))
        caps = plan_caps(divided.quota_us, others_us=others_us, containers=containers)
        if caps != {name: now.caps.get(name) for name in caps}:
            await self._cgroups.cap_containers(task_id, caps)
