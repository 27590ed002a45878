"""Resolvers in memory: which VPC has one and what it knows. tests/contract holds it to the real ones."""

from collections.abc import Container

from bastide.host.ports import Resolvers
from bastide.model.faults import NotFound
from bastide.model.network.names import VpcNames


class _Anything(Container[str]):
    def __contains__(self, item: object) -> bool:
        return True


ANYTHING = _Anything()


class FakeResolvers(Resolvers):
    """`names` by VPC is the whole state; `vpcs` are those that have a namespace."""

    def __init__(self, vpcs: Container[str] = ANYTHING) -> None:
        self.names: dict[str, VpcNames] = {}
        self.vpcs = vpcs

    async def ensure_resolver(self, names: VpcNames) -> None:
        if not names.has_support:
            self.names.pop(names.vpc_id, None)
            return
        if names.vpc_id not in self.vpcs:
            raise NotFound("network namespace", names.vpc_id)
        self.names[names.vpc_id] = names

    async def remove_resolver(self, vpc_id: str) -> None:
        self.names.pop(vpc_id, None)

    async def read_resolvers(self) -> set[str]:
        return set(self.names)
