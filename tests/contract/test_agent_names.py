"""A resolver in every VPC with a task here, and in no other: what the agent sees to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from bastide.agent.network import services
from bastide.agent.network.names import Names
from bastide.model.assignment import Assignment
from bastide.model.network import VpcState, public_pool
from bastide.model.network.names import VpcNames
from bastide.model.status import TaskStatus
from bastide.model.task_state import TaskState
from tests.assignments import ENI, assignment
from tests.contract.agent_rig import APP, Rig
from tests.contract.agent_rig import rig as rig
from tests.fakes.resolvers import FakeResolvers
from tests.vpcs import open_vpcs

POOL = public_pool("bastide")
HERE = TaskState(boot_id="boot", status=TaskStatus.RUNNING)
OVER = TaskState(boot_id="boot", status=TaskStatus.STOPPED)


def task(number: int, *, vpc: str = "vpc-a", public_ip: str | None = None) -> Assignment:
    eni = replace(ENI, id=f"eni-{number}", vpc_id=vpc, private_ip=f"172.31.0.{number}", public_ip=public_ip)
    return assignment(task_id=f"{number}" * 32, eni=eni)


def vpcs_of(*specs: Assignment) -> dict[str, VpcState]:
    return open_vpcs({spec.task_id: spec.eni for spec in specs})


@pytest.fixture
def vpcs() -> set[str]:
    return {"vpc-a", "vpc-b"}


@pytest.fixture
def resolvers(vpcs: set[str]) -> FakeResolvers:
    return FakeResolvers(vpcs)


@pytest.fixture
async def names(resolvers: FakeResolvers) -> AsyncIterator[services.VpcServices]:
    made = services.VpcServices(Names(resolvers, POOL))
    working = asyncio.create_task(made.run())
    yield made
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_vpc_knows_the_public_addresses_of_its_own_tasks(
    names: services.VpcServices, resolvers: FakeResolvers
) -> None:
    tasks = task(5, public_ip="198.18.7.5"), task(6), task(7, vpc="vpc-b", public_ip="198.18.7.7")
    names.know(vpcs_of(*tasks))
    for one in tasks:
        names.follow(one, HERE)
    await settled()
    assert resolvers.names["vpc-a"].private_by_public == {"198.18.7.5": "172.31.0.5"}
    assert resolvers.names["vpc-b"].private_by_public == {"198.18.7.7": "172.31.0.7"}
    assert resolvers.names["vpc-a"].region == "us-east-1"


async def test_until_the_vpcs_are_known_an_earlier_agents_resolver_goes_on(resolvers: FakeResolvers) -> None:
    await resolvers.ensure_resolver(VpcNames(vpc_id="vpc-a", cidrs=(), region="", pool=""))
    before = dict(resolvers.names)
    later = services.VpcServices(Names(resolvers, POOL))
    later.follow(task(5), HERE)
    await later.reconcile("vpc-a")
    assert resolvers.names == before
    later.know(vpcs_of(task(5)))
    await later.reconcile("vpc-a")
    assert resolvers.names["vpc-a"].region == "us-east-1"


async def test_what_the_vpc_is_told_to_do_about_names_is_done_at_once(
    names: services.VpcServices, resolvers: FakeResolvers
) -> None:
    names.know(vpcs_of(task(5)))
    names.follow(task(5), HERE)
    await settled()
    assert resolvers.names["vpc-a"].has_hostnames
    state = vpcs_of(task(5))["vpc-a"]
    cidrs = (*state.vpc.cidrs, "10.9.0.0/24")
    vpc = replace(state.vpc, has_dns_hostnames=False, cidrs=cidrs)
    names.know({"vpc-a": replace(state, vpc=vpc)})
    await settled()
    assert not resolvers.names["vpc-a"].has_hostnames
    assert resolvers.names["vpc-a"].cidrs == cidrs
    names.know({"vpc-a": replace(state, vpc=replace(vpc, has_dns_support=False))})
    await settled()
    assert resolvers.names == {}


async def test_the_last_task_of_a_vpc_takes_its_resolver_along(
    names: services.VpcServices, resolvers: FakeResolvers
) -> None:
    first, second = task(5, public_ip="198.18.7.5"), task(6)
    names.know(vpcs_of(first, second))
    names.follow(first, HERE)
    names.follow(second, HERE)
    names.follow(first, OVER)
    names.know(vpcs_of(second))
    await settled()
    assert resolvers.names["vpc-a"].private_by_public == {}
    await names.leave(second.task_id)
    assert resolvers.names == {}


async def test_what_an_earlier_agent_left_goes(resolvers: FakeResolvers) -> None:
    await resolvers.ensure_resolver(VpcNames(vpc_id="vpc-b", cidrs=(), region="", pool=""))
    later = services.VpcServices(Names(resolvers, POOL))
    working = asyncio.create_task(later.run())
    await settled()
    assert resolvers.names == {}
    working.cancel()


async def test_one_that_died_is_back_with_the_next_look(
    names: services.VpcServices, resolvers: FakeResolvers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "LOOK_S", 0.01)
    names.know(vpcs_of(task(5)))
    names.follow(task(5), HERE)
    await settled()
    resolvers.names.clear()
    async with asyncio.timeout(5):
        while not resolvers.names:
            await asyncio.sleep(0.01)


async def test_before_the_vpc_is_here_nothing_is_wrong(
    names: services.VpcServices, resolvers: FakeResolvers, vpcs: set[str]
) -> None:
    vpcs.clear()
    names.know(vpcs_of(task(5)))
    names.follow(task(5), HERE)
    await settled()
    assert resolvers.names == {}
    vpcs.add("vpc-a")
    await names.ensure("vpc-a")
    assert set(resolvers.names) == {"vpc-a"}


async def test_a_task_has_its_resolver_before_its_containers_and_none_after(rig: Rig) -> None:
    resolvers = rig.host.resolvers
    rig.sync(assignment(APP))
    await rig.until(TaskStatus.RUNNING)
    assert await resolvers.read_resolvers() == {ENI.vpc_id}
    rig.tasks.release(assignment(APP).task_id)
    await rig.until_clean()
    assert await resolvers.read_resolvers() == set()
