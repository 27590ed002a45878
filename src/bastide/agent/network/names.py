"""Keeps a resolver in every VPC that has an interface on this host, and tells it what it has to know.

What a VPC's names are follows from its parts, whether somebody asks for them from its tasks. Looked at when
either changes, and every few seconds, so that a resolver that died or was killed is back soon. Until the
VPCs are known nothing is made: what an earlier agent started goes on. Used from the agent's event loop only.
"""

import contextlib
from collections.abc import Mapping
from ipaddress import IPv4Network

from bastide.host.ports import Resolvers
from bastide.loop import Loop
from bastide.model.arn import parse_arn
from bastide.model.assignment import Assignment
from bastide.model.faults import NotFound
from bastide.model.network import VpcState
from bastide.model.network.names import VpcNames
from bastide.model.status import TaskStatus
from bastide.model.task_state import TaskState

LOOK_S = 2.0


class Names:
    """Of every VPC with a task here."""

    def __init__(self, resolvers: Resolvers, pool: IPv4Network) -> None:
        self._resolvers, self._pool = resolvers, pool
        self._tasks: dict[str, Assignment] = {}
        self._states: Mapping[str, VpcState] = {}
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Work until cancelled; first of all look at what an earlier agent left."""
        for vpc_id in await self._resolvers.read_resolvers():
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
        """The VPC's resolver answers, or is about to. Raises NotFound when the VPC is not here."""
        names = self._names_of(vpc_id)
        if names is not None:
            await self._resolvers.ensure_resolver(names)

    async def leave(self, task_id: str) -> None:
        """The task's interface is to go, and with a VPC's last one its resolver. Repeatable."""
        spec = self._tasks.pop(task_id, None)
        if spec is not None:
            await self.reconcile(spec.eni.vpc_id)

    async def reconcile(self, vpc_id: str) -> float | None:
        """One look at one VPC; when to look again at the latest."""
        if not self._specs_in(vpc_id):
            await self._resolvers.remove_resolver(vpc_id)
            return None
        with contextlib.suppress(NotFound):  # no interface of it has been made yet
            await self.ensure(vpc_id)
        return LOOK_S

    def _names_of(self, vpc_id: str) -> VpcNames | None:
        specs, state = self._specs_in(vpc_id), self._states.get(vpc_id)
        if not specs or state is None:
            return None
        addresses = (address for one in state.interfaces.values() for address in one.addresses)
        return VpcNames(
            vpc_id=vpc_id,
            cidrs=state.vpc.cidrs,
            region=_region_of(specs[0]),
            pool=str(self._pool),
            has_support=state.vpc.has_dns_support,
            has_hostnames=state.vpc.has_dns_hostnames,
            private_by_public={one.public_ip: one.private_ip for one in addresses if one.public_ip},
        )

    def _specs_in(self, vpc_id: str) -> list[Assignment]:
        return [spec for spec in self._tasks.values() if spec.eni.vpc_id == vpc_id]


def _region_of(spec: Assignment) -> str:
    arn = parse_arn(spec.task_arn)
    return arn.region if arn else ""
