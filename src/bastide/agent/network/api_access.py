"""The API in every VPC that has an interface on this host: at an address of its own, and at VPC endpoints."""

from collections.abc import Sequence

from bastide.host.ports import ApiProxies
from bastide.model.assignment import Assignment
from bastide.model.network import VpcState


class ApiAccess:
    """`VpcService`: whoever passes connections on to the API. `has_address`: not at VPC endpoints alone."""

    def __init__(self, proxies: ApiProxies, *, has_address: bool) -> None:
        self._proxies, self._has_address = proxies, has_address

    async def ensure(self, vpc_id: str, state: VpcState | None, specs: Sequence[Assignment]) -> None:
        """It listens, or is about to, at each address that stands for the API, and at no other."""
        if state is None:
            return
        if self._has_address:
            await self._proxies.ensure_api_proxy(vpc_id)
        wanted = {one.id: one for one in state.interfaces.values() if one.endpoint_id}
        for eni_id, of in (await self._proxies.read_endpoints()).items():
            if of == vpc_id and eni_id not in wanted:
                await self._proxies.remove_endpoint(vpc_id, eni_id)
        for interface in wanted.values():
            await self._proxies.ensure_endpoint(interface)

    async def remove(self, vpc_id: str) -> None:
        """It goes with the VPC's last task."""
        for eni_id, of in (await self._proxies.read_endpoints()).items():
            if of == vpc_id:
                await self._proxies.remove_endpoint(vpc_id, eni_id)
        await self._proxies.remove_api_proxy(vpc_id)

    async def read(self) -> set[str]:
        """VPCs that have one; what an earlier agent had begun and no more goes at once."""
        endpoints = await self._proxies.read_endpoints()
        for eni_id, of in endpoints.items():
            if not of:
                await self._proxies.remove_endpoint(of, eni_id)
        return await self._proxies.read_api_proxies() | {of for of in endpoints.values() if of}
