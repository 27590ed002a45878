"""A network in memory: who has an interface. tests/contract holds it to the real one."""

from bastide.host.ports import Network
from bastide.model.assignment import Eni


class FakeNetwork(Network):
    """`enis` by task id is the whole state."""

    def __init__(self) -> None:
        self.enis: dict[str, Eni] = {}

    async def ensure_eni(self, eni: Eni, *, task_id: str) -> str:
        self.enis[task_id] = eni
        return f"/fake/netns/{task_id}"

    async def remove_eni(self, task_id: str) -> None:
        self.enis.pop(task_id, None)

    async def read_enis(self) -> set[str]:
        return set(self.enis)
