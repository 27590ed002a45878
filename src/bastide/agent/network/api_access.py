"""The API at an address of its own in every VPC that has an interface on this host."""

from collections.abc import Sequence

from bastide.host.ports import ApiProxies
from bastide.model.assignment import Assignment
from bastide.model.network import VpcState


class ApiAccess:
    """`VpcService`: whoever passes connections on to the API."""

    def __init__(self, proxies: ApiProxies) -> None:
        self._proxies = proxies

    async def ensure(self, vpc_id: str, state: VpcState | None, specs: Sequence[Assignment]) -> None:
        """It listens, or is about to."""
        if state is not None:
            await self._proxies.ensure_api_proxy(vpc_id)

    async def remove(self, vpc_id: str) -> None:
        """It goes with the VPC's last interface."""
        await self._proxies.remove_api_proxy(vpc_id)

    async def read(self) -> set[str]:
        """VPCs that have one."""
        return await self._proxies.read_api_proxies()
