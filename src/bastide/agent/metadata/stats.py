"""Statistics of tasks that ask for them: counted when they are asked for, and no more than once a second.

Two samples make a rate. A task that has not asked for a while waits for the second one, as a caller of Docker
does; one that asks again and again gets what lies between its questions.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

from bastide.host.machine.processors import read_host_cpu
from bastide.host.ports import Cgroups, Disks, Network, Runtime
from bastide.model.assignment import Assignment, Container
from bastide.model.container.runs import run_id
from bastide.model.task_state import TaskState
from bastide.model.usage import ContainerUsage, Sample

GAP = timedelta(seconds=1)  # between two samples at the least: what Docker and the ECS agent take
OLD = timedelta(minutes=1)
pause = asyncio.sleep  # a test waits by another clock


class TaskStats:
    """Of every task here; used from the agent's event loop only."""

    def __init__(
        self,
        runtime: Runtime,
        network: Network,
        disks: Disks,
        cgroups: Cgroups,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._runtime, self._network, self._disks, self._cgroups = runtime, network, disks, cgroups
        self._now = now
        self._held: dict[str, tuple[Sample, Sample]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(self, spec: Assignment, state: TaskState) -> tuple[Sample, Sample]:
        """Two samples, the later one at most a second old. Raises the host's faults."""
        async with self._locks.setdefault(spec.task_id, asyncio.Lock()):
            held = self._held.get(spec.task_id)
            if held is not None and self._now() - held[1].at < GAP:
                return held
            if held is None or self._now() - held[1].at > OLD:
                before = await self._take(spec, state)
                await pause(GAP.total_seconds())
            else:
                before = held[1]
            self._held[spec.task_id] = before, await self._take(spec, state)
            return self._held[spec.task_id]

    async def read_storage_mib(self, task_id: str) -> int | None:
        """What of its disk the task uses."""
        disk = await self._disks.read_use(task_id)
        return None if disk is None else disk.used_mib

    def forget(self, task_id: str) -> None:
        """The task is gone. Repeatable."""
        self._held.pop(task_id, None)

    async def _take(self, spec: Assignment, state: TaskState) -> Sample:
        used, traffic, disk, cpu = await asyncio.gather(
            asyncio.gather(*(self._read(each, state) for each in spec.containers)),
            self._network.read_traffic(spec.eni.vpc_id, spec.task_id),
            self._disks.read_use(spec.task_id),
            self._cgroups.read_cpu(spec.task_id),
        )
        named = zip((each.name for each in spec.containers), used, strict=True)
        return Sample(
            at=self._now(),
            host_cpu=read_host_cpu(),
            containers={name: each for name, each in named if each is not None},
            traffic=traffic,
            disk=disk,
            cpu_periods=cpu.periods if cpu else 0,
            cpu_held_back=cpu.held_back if cpu else 0,
        )

    async def _read(self, container: Container, state: TaskState) -> ContainerUsage | None:
        restarts = max(0, state.container(container.name).restarts)
        return await self._runtime.read_usage(run_id(container.runtime_id, restarts))
