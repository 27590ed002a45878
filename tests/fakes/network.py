"""A network in memory: who has an interface. tests/contract holds it to the real one."""

from collections.abc import Mapping

from bastide.host.ports import Network
from bastide.model.assignment import Eni
from bastide.model.faults import Unavailable
from bastide.model.network import VpcState
from bastide.model.network.flows import CountedFlows
from bastide.model.usage import Traffic


class FakeNetwork(Network):
    """`enis` by task id is the whole state."""

    def __init__(self) -> None:
        self.enis: dict[str, Eni] = {}
        self.states: dict[str, VpcState] = {}
        self.flows: dict[str, CountedFlows] = {}
        self.traffic = Traffic(**dict.fromkeys(Traffic.__struct_fields__, 0))
        self.renewed: set[str] = set()  # their links were lost, and no sandbox knows the new ones

    def know(self, states: Mapping[str, VpcState]) -> None:
        self.states = dict(states)

    async def ensure_vpc(self, vpc_id: str) -> bool:
        return any(eni.vpc_id == vpc_id for eni in self.enis.values())

    async def ensure_eni(self, eni: Eni, *, task_id: str) -> str:
        if eni.vpc_id not in self.states or eni.id not in self.states[eni.vpc_id].interfaces:
            raise Unavailable("network interface", eni.id)
        self.enis[task_id] = eni
        return f"/fake/netns/{task_id}"

    async def remove_eni(self, task_id: str) -> None:
        self.enis.pop(task_id, None)

    async def remove_unused(self) -> None:
        """Nothing is held for a VPC that has no interface."""

    async def is_taken_over(self, task_id: str) -> bool:
        return task_id in self.enis and task_id not in self.renewed

    def take_renewed(self) -> set[str]:
        return set(self.renewed)

    async def read_flows(self, vpc_id: str) -> CountedFlows:
        return self.flows.get(vpc_id, CountedFlows({}, {}))

    async def read_traffic(self, vpc_id: str, task_id: str) -> Traffic | None:
        return self.traffic if task_id in self.enis else None

    async def read_enis(self) -> set[str]:
        return set(self.enis)
