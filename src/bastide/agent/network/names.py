"""A resolver in every VPC that has an interface on this host, told what it has to know.

What a VPC's names are follows from its parts, whether somebody asks for them from its tasks. Until the VPCs
are known nothing is made: what an earlier agent started goes on.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

from bastide.host.ports import Resolvers
from bastide.model.arn import parse_arn
from bastide.model.assignment import Assignment
from bastide.model.network import VpcState
from bastide.model.network.names import VpcNames, Zone


class Names:
    """`VpcService`: the resolver."""

    def __init__(self, resolvers: Resolvers, pool: IPv4Network, *, registry_domain: str = "") -> None:
        self._resolvers, self._pool, self._registry_domain = resolvers, pool, registry_domain

    async def ensure(self, vpc_id: str, state: VpcState | None, specs: Sequence[Assignment]) -> None:
        """It answers, or is about to."""
        if state is not None:
            await self._resolvers.ensure_resolver(self._names_of(vpc_id, state, specs))

    async def remove(self, vpc_id: str) -> None:
        """It goes with the VPC's last interface."""
        await self._resolvers.remove_resolver(vpc_id)

    async def read(self) -> set[str]:
        """VPCs that have one."""
        return await self._resolvers.read_resolvers()

    def _names_of(self, vpc_id: str, state: VpcState, specs: Sequence[Assignment]) -> VpcNames:
        addresses = (address for one in state.interfaces.values() for address in one.addresses)
        return VpcNames(
            vpc_id=vpc_id,
            cidrs=state.vpc.cidrs,
            region=_region_of(specs[0]),
            pool=str(self._pool),
            registry_domain=self._registry_domain,
            zones=tuple(_zones_of(state)),
            has_support=state.vpc.has_dns_support,
            has_hostnames=state.vpc.has_dns_hostnames,
            private_by_public={one.public_ip: one.private_ip for one in addresses if one.public_ip},
        )


def _zones_of(state: VpcState) -> Iterator[Zone]:
    """The names of each VPC endpoint mean the addresses of its interfaces."""
    for endpoint in state.endpoints.values():
        found = (state.interfaces.get(eni_id) for eni_id in endpoint.interface_ids)
        addresses = tuple(each.addresses[0].private_ip for each in found if each)
        for name in endpoint.names:
            yield Zone(name=name.removeprefix("*."), addresses={name: addresses})


def _region_of(spec: Assignment) -> str:
    arn = parse_arn(spec.task_arn)
    return arn.region if arn else ""
