"""A network in memory: who has an interface, what was put back. tests/contract holds it to the real one."""

from bastide.host.ports import Network
from bastide.model.assignment import Eni
from bastide.model.faults import NotFound


class FakeNetwork(Network):
    """`enis` by task id is the whole state; `resets` counts reset_addresses by task id."""

    def __init__(self) -> None:
        self.enis: dict[str, Eni] = {}
        self.resets: dict[str, int] = {}

    async def ensure_eni(self, eni: Eni, *, task_id: str) -> str:
        self.enis[task_id] = eni
        return f"/fake/netns/{task_id}"

    async def reset_addresses(self, eni: Eni, *, task_id: str) -> None:
        if task_id not in self.enis:
            raise NotFound("network namespace", task_id)
        self.resets[task_id] = self.resets.get(task_id, 0) + 1

    async def remove_eni(self, task_id: str) -> None:
        self.enis.pop(task_id, None)

    async def read_enis(self) -> set[str]:
        return set(self.enis)
