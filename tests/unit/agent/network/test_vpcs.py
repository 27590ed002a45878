"""When a VPC of this host is looked at: never before all is known, then whenever a part of it changes."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from bastide.agent.network.vpcs import CHECK_S, RETRY_S, Vpcs
from bastide.model.faults import Unavailable
from bastide.model.network import SecurityGroup, VpcState
from tests.assignments import ENI, TASK_ID
from tests.fakes.network import FakeNetwork
from tests.vpcs import open_parts

PARTS = open_parts({TASK_ID: ENI})


class Looked(FakeNetwork):
    """Notes which VPCs were looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[str] = []
        self.woken: list[str] = []
        self.is_broken = False

    async def ensure_vpc(self, vpc_id: str) -> bool:
        self.looks.append(vpc_id)
        if self.is_broken:
            raise Unavailable("packet rules", vpc_id)
        return await super().ensure_vpc(vpc_id)


@pytest.fixture
def network() -> Looked:
    return Looked()


@pytest.fixture
async def vpcs(network: Looked) -> AsyncIterator[Vpcs]:
    made = Vpcs(network, wake=network.woken.append)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_known_before_the_whole_is_here(vpcs: Vpcs, network: Looked) -> None:
    vpcs.take(PARTS, ())
    await settled()
    assert (network.states, network.looks) == ({}, [])
    vpcs.sync([part.id for part in PARTS])
    assert ENI.id in network.states[ENI.vpc_id].interfaces  # at once: a task may come in the same breath
    await settled()
    assert network.looks == [ENI.vpc_id]


async def test_others_are_told_what_the_network_is(network: Looked) -> None:
    told: list[Mapping[str, VpcState]] = []
    vpcs = Vpcs(network, told.append, wake=network.woken.append)
    vpcs.take(PARTS, ())
    assert told == []
    vpcs.sync([part.id for part in PARTS])
    assert told == [network.states]


async def test_a_task_whose_link_was_lost_is_looked_at(vpcs: Vpcs, network: Looked) -> None:
    vpcs.take(PARTS, ())
    network.renewed = {TASK_ID}
    vpcs.sync([part.id for part in PARTS])
    await settled()
    assert network.woken == [TASK_ID]


async def test_a_vpc_is_looked_at_when_a_part_of_it_changes(vpcs: Vpcs, network: Looked) -> None:
    vpcs.take(PARTS, ())
    vpcs.sync([part.id for part in PARTS])
    await settled()
    vpcs.take([SecurityGroup(id="sg-other", vpc_id="vpc-of-nobody")], ())
    vpcs.take(PARTS, ())
    await settled()
    assert network.looks == [ENI.vpc_id]
    vpcs.take([SecurityGroup(id="sg-new", vpc_id=ENI.vpc_id)], ())
    await settled()
    vpcs.take((), ["sg-new"])
    await settled()
    assert network.looks == [ENI.vpc_id] * 3


async def test_what_a_later_whole_lacks_is_gone(vpcs: Vpcs, network: Looked) -> None:
    vpcs.take(PARTS, ())
    vpcs.sync([part.id for part in PARTS])
    vpcs.sync([part.id for part in PARTS if part.id != ENI.id])
    assert ENI.id not in network.states[ENI.vpc_id].interfaces


async def test_it_is_looked_at_again_for_damage_and_sooner_after_trouble(vpcs: Vpcs, network: Looked) -> None:
    vpcs.take(PARTS, ())
    vpcs.sync([part.id for part in PARTS])
    assert await vpcs.reconcile(ENI.vpc_id) == CHECK_S
    network.is_broken = True
    assert await vpcs.reconcile(ENI.vpc_id) == RETRY_S
    vpcs.sync([])
    network.is_broken = False
    assert await vpcs.reconcile(ENI.vpc_id) is None
