"""Holds containers to their own part of their task.

gVisor leaves that to whoever looks after a sandbox; where each container has a group of its own the kernel
does it.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from bastide.agent.limits.cpu import CpuWatch
from bastide.agent.limits.memory import MemoryWatch
from bastide.host.ports import Cgroups, Disks, Runtime
from bastide.model.assignment import Assignment
from bastide.model.task_state import TaskState


class Limits(Protocol):
    """What the tasks need of either way."""

    def follow(self, spec: Assignment, state: TaskState) -> None:
        """The task is as its memory says: hold its running containers, and no others any more. Repeatable."""

    def forget(self, task_id: str) -> None:
        """Hold nothing of the task any more. Repeatable."""

    def excess(self, task_id: str) -> frozenset[str]:
        """Names of its running containers that were seen to use more memory than they may."""

    async def run(self, wake: Callable[[str], None]) -> None:
        """Look until cancelled; `wake` is called with the id of a task one of whose containers is beyond."""


class KernelLimits:
    """Nothing is watched: the groups' own limits hold, and tell whom the kernel hit."""

    def follow(self, spec: Assignment, state: TaskState) -> None:
        """Nothing."""

    def forget(self, task_id: str) -> None:
        """Nothing."""

    def excess(self, task_id: str) -> frozenset[str]:
        """Nobody is let that far."""
        return frozenset()

    async def run(self, wake: Callable[[str], None]) -> None:
        """Nothing."""


class ContainerLimits:
    """Both watches over every task of this host; used from the agent's event loop only."""

    def __init__(self, runtime: Runtime, cgroups: Cgroups, disks: Disks) -> None:
        self._memory = MemoryWatch(runtime, cgroups)
        self._cpu = CpuWatch(cgroups, disks)

    def follow(self, spec: Assignment, state: TaskState) -> None:
        """The task is as its memory says: hold its running containers, and no others any more. Repeatable."""
        self._memory.follow(spec, state)
        self._cpu.follow(spec, state)

    def forget(self, task_id: str) -> None:
        """Hold nothing of the task any more. Repeatable."""
        self._memory.forget(task_id)
        self._cpu.forget(task_id)

    def excess(self, task_id: str) -> frozenset[str]:
        """Names of its running containers that were seen to use more memory than they may."""
        return self._memory.excess(task_id)

    async def run(self, wake: Callable[[str], None]) -> None:
        """Look until cancelled; `wake` is called with the id of a task one of whose containers is beyond."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._memory.run(wake))
            group.create_task(self._cpu.run())
