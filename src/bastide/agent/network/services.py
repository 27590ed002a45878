"""Keeps what serves a VPC's tasks from inside it, in every VPC that has an interface on this host.

Looked at when its tasks or its parts change, and every few seconds, so that what died or was killed is back
soon. Used from the agent's event loop only.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from bastide.loop import Loop
from bastide.model.assignment import Assignment
from bastide.model.faults import NotFound
from bastide.model.network import VpcState
from bastide.model.status import TaskStatus
from bastide.model.task_state import TaskState

LOOK_S = 2.0


class VpcService(Protocol):
    """Something that tasks find at an address of their VPC's own."""

    async def ensure(self, vpc_id: str, state: VpcState | None, specs: Sequence[Assignment]) -> None:
        """It serves these tasks; `state` is None until the VPC is known. NotFound: the VPC is not here."""

    async def remove(self, vpc_id: str) -> None:
        """The VPC has no task here any more. Repeatable."""

    async def read(self) -> set[str]:
        """VPCs that have anything of it on this host."""


class VpcServices:
    """Of every VPC with a task here."""

    def __init__(self, *services: VpcService) -> None:
        self._services = services
        self._tasks: dict[str, Assignment] = {}
        self._states: Mapping[str, VpcState] = {}
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Work until cancelled; first of all look at what an earlier agent left."""
        for service in self._services:
            for vpc_id in await service.read():
                self._loop.wake(vpc_id)
        await self._loop.run()

    def know(self, states: Mapping[str, VpcState]) -> None:
        """From now on these are the VPCs, by id."""
        before, self._states = self._states, states
        for vpc_id in {spec.eni.vpc_id for spec in self._tasks.values()}:
            if before.get(vpc_id) != states.get(vpc_id):
                self._loop.wake(vpc_id)

    def follow(self, spec: Assignment, state: TaskState) -> None:
        """The task is as its memory says: its interface counts until it has stopped. Repeatable."""
        if state.status is TaskStatus.STOPPED:
            self._tasks.pop(spec.task_id, None)
        elif spec.task_id not in self._tasks:
            self._tasks[spec.task_id] = spec
        else:
            return
        self._loop.wake(spec.eni.vpc_id)

    async def ensure(self, vpc_id: str) -> None:
        """The VPC's services answer, or are about to. Raises NotFound when the VPC is not here."""
        specs = self._specs_in(vpc_id)
        if specs:
            for service in self._services:
                await service.ensure(vpc_id, self._states.get(vpc_id), specs)

    async def leave(self, task_id: str) -> None:
        """The task's interface is to go, and with a VPC's last one its services. Repeatable."""
        spec = self._tasks.pop(task_id, None)
        if spec is not None:
            await self.reconcile(spec.eni.vpc_id)

    async def reconcile(self, vpc_id: str) -> float | None:
        """One look at one VPC; when to look again at the latest."""
        if not self._specs_in(vpc_id):
            for service in self._services:
                await service.remove(vpc_id)
            return None
        with contextlib.suppress(NotFound):  # no interface of it has been made yet
            await self.ensure(vpc_id)
        return LOOK_S

    def _specs_in(self, vpc_id: str) -> list[Assignment]:
        return [spec for spec in self._tasks.values() if spec.eni.vpc_id == vpc_id]
