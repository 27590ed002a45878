"""VPCs around given interfaces: everything open, so that a test closes what it is about."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from bastide.host.ports import Network
from bastide.model.assignment import Eni
from bastide.model.network import (
    Address,
    AnyPart,
    Interface,
    InternetGateway,
    Route,
    RouteTable,
    RouteTarget,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
    VpcState,
    assemble_vpcs,
)
from bastide.model.network.flows import CountedFlows
from bastide.model.usage import Traffic

EVERYWHERE = "0.0.0.0/0"


def open_parts(enis: Mapping[str, Eni]) -> list[AnyPart]:
    """The parts of the VPCs the interfaces, by task id, are in: routed to the internet, open both ways."""
    parts: dict[str, AnyPart] = {}
    for task_id, eni in enis.items():
        vpc_id, tail = eni.vpc_id, eni.vpc_id.removeprefix("vpc-")
        way = Route(cidr=EVERYWHERE, target=RouteTarget.INTERNET_GATEWAY, target_id=f"igw-{tail}")
        made: list[AnyPart] = [
            Vpc(id=vpc_id, cidrs=(eni.vpc_cidr,)),
            InternetGateway(id=f"igw-{tail}", vpc_id=vpc_id),
            RouteTable(id=f"rtb-{tail}", vpc_id=vpc_id, is_main=True, routes=(way,)),
            Subnet(id=f"{eni.subnet_id}-{tail}", vpc_id=vpc_id, cidr=eni.subnet_cidr),
            SecurityGroup(id=f"sg-{tail}", vpc_id=vpc_id),
            *(
                SecurityGroupRule(
                    id=f"sgr-{tail}-{is_egress}", group_id=f"sg-{tail}", is_egress=is_egress, cidr=EVERYWHERE
                )
                for is_egress in (False, True)
            ),
            Interface(
                id=eni.id,
                vpc_id=vpc_id,
                subnet_id=f"{eni.subnet_id}-{tail}",
                mac=eni.mac,
                addresses=(Address(eni.private_ip, eni.public_ip),),
                group_ids=(f"sg-{tail}",),
                task_id=task_id,
            ),
        ]
        parts |= {part.id: part for part in made}
    return list(parts.values())


def open_vpcs(enis: Mapping[str, Eni]) -> dict[str, VpcState]:
    """The VPCs of `open_parts`."""
    return assemble_vpcs(open_parts(enis))


N = TypeVar("N", bound=Network)


class Told(Generic[N]):
    """A network told of every interface when it is asked for it, in a VPC of `open_parts`.

    Once it `is_told`, it knows what it was told and no more.
    """

    def __init__(self, network: N) -> None:
        self.network = network
        self.told: dict[str, Eni] = {}
        self.is_told = False

    def know(self, states: Mapping[str, VpcState]) -> None:
        self.network.know(states)

    async def ensure_vpc(self, vpc_id: str) -> bool:
        return await self.network.ensure_vpc(vpc_id)

    async def ensure_eni(self, eni: Eni, *, task_id: str) -> str:
        if not self.is_told:
            self.told[task_id] = eni
            self.know(open_vpcs(self.told))
        return await self.network.ensure_eni(eni, task_id=task_id)

    async def remove_eni(self, task_id: str) -> None:
        await self.network.remove_eni(task_id)
        if not self.is_told:
            self.told.pop(task_id, None)
            self.know(open_vpcs(self.told))

    async def remove_unused(self) -> None:
        await self.network.remove_unused()

    async def is_taken_over(self, task_id: str) -> bool:
        return await self.network.is_taken_over(task_id)

    def take_renewed(self) -> set[str]:
        return self.network.take_renewed()

    async def read_flows(self, vpc_id: str) -> CountedFlows:
        return await self.network.read_flows(vpc_id)

    async def read_traffic(self, vpc_id: str, task_id: str) -> Traffic | None:
        return await self.network.read_traffic(vpc_id, task_id)

    async def read_enis(self) -> set[str]:
        return await self.network.read_enis()
