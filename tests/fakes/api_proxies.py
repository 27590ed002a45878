"""API proxies in memory: which VPC has one, and where. tests/contract holds it to the real ones."""

from collections.abc import Container

from bastide.host.ports import ApiProxies
from bastide.model.faults import NotFound
from bastide.model.network import Interface
from tests.fakes.resolvers import ANYTHING


class FakeApiProxies(ApiProxies):
    """`proxies` and `endpoints` are the whole state; `vpcs` are those that have a namespace."""

    def __init__(self, vpcs: Container[str] = ANYTHING) -> None:
        self.proxies: set[str] = set()
        self.endpoints: dict[str, str] = {}
        self.vpcs = vpcs

    async def ensure_api_proxy(self, vpc_id: str) -> None:
        if vpc_id not in self.vpcs:
            raise NotFound("network namespace", vpc_id)
        self.proxies.add(vpc_id)

    async def remove_api_proxy(self, vpc_id: str) -> None:
        self.proxies.discard(vpc_id)

    async def read_api_proxies(self) -> set[str]:
        return set(self.proxies)

    async def ensure_endpoint(self, interface: Interface) -> None:
        self.endpoints[interface.id] = interface.vpc_id

    async def remove_endpoint(self, vpc_id: str, eni_id: str) -> None:
        self.endpoints.pop(eni_id, None)

    async def read_endpoints(self) -> dict[str, str]:
        return dict(self.endpoints)
