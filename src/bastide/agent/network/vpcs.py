"""Makes each VPC that is used on this host what its parts say, and mends it when somebody damages it.

Owns what this host knows of the network: parts come from the server, all of them after each connection and
one by one then. Nothing is made or undone before the first whole set is here: what runs keeps its rules.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

from bastide.host.ports import Network
from bastide.loop import Loop
from bastide.model.faults import NotFound, Unavailable
from bastide.model.network import AnyPart, VpcState, assemble_vpcs

log = logging.getLogger(__name__)

CHECK_S = 2.0  # between two looks at a VPC that is used here: damage is to be mended within five seconds
RETRY_S = 0.5
Know = Callable[[Mapping[str, VpcState]], None]


class Vpcs:
    """Every VPC this host knows of; used from the agent's event loop only.

    `others` are told what the VPCs are whenever one of them changes, as the network is. `wake` hears of each
    task whose link had to be made again: its sandbox may have lost the one it knew.
    """

    def __init__(self, network: Network, *others: Know, wake: Callable[[str], None]) -> None:
        self._network, self._others, self._wake = network, others, wake
        self._parts: dict[str, AnyPart] = {}
        self._states: dict[str, VpcState] = {}
        self._is_whole = False
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._loop.run()

    def take(self, parts: Iterable[AnyPart], gone: Iterable[str]) -> None:
        """These are new or changed, those are gone."""
        self._parts |= {part.id: part for part in parts}
        for part_id in gone:
            self._parts.pop(part_id, None)
        if self._is_whole:
            self._assemble()

    def sync(self, part_ids: Iterable[str]) -> None:
        """These are all there are, each taken before."""
        wanted = frozenset(part_ids)
        self._parts = {part_id: part for part_id, part in self._parts.items() if part_id in wanted}
        self._is_whole = True
        self._assemble()

    async def reconcile(self, vpc_id: str) -> float | None:
        """One look at one VPC; when to look again."""
        try:
            await self._network.ensure_vpc(vpc_id)
        except (NotFound, Unavailable) as fault:
            log.warning("cannot keep a VPC whole", extra={"vpc": vpc_id, "why": str(fault)})
            return RETRY_S
        finally:
            for task_id in self._network.take_renewed():
                self._wake(task_id)
        return CHECK_S if vpc_id in self._states else None

    def _assemble(self) -> None:
        before, self._states = self._states, assemble_vpcs(self._parts.values())
        for know in (self._network.know, *self._others):
            know(self._states)
        for vpc_id, state in self._states.items():
            if before.get(vpc_id) != state:
                self._loop.wake(vpc_id)
