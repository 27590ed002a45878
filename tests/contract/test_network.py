"""What `ports.Network` promises, on the fake and on this kernel."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bastide.host.ports import Network
from bastide.model.faults import Unavailable
from tests.contract.network_world import make_eni, make_network, words_of
from tests.fakes.network import FakeNetwork
from tests.real_host import instance_name, nothing_left, require_root
from tests.vpcs import Told, open_vpcs

ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def network(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Told[Any]]:
    if request.param == "fake":
        yield Told(FakeNetwork())
        return
    require_root("nft", "ip", "nsenter")
    instance = instance_name("n")
    with nothing_left(*words_of(instance)):
        yield make_network(instance, tmp_path)


async def test_an_interface_is_there_until_it_is_removed(network: Network) -> None:
    try:
        path = await network.ensure_eni(make_eni(1), task_id=ONE)
        assert ONE in path
        assert await network.read_enis() == {ONE}
    finally:
        await network.remove_eni(ONE)
    assert await network.read_enis() == set()


async def test_ensuring_twice_is_ensuring_once(network: Network) -> None:
    try:
        first = await network.ensure_eni(make_eni(1, public=True), task_id=ONE)
        assert await network.ensure_eni(make_eni(1, public=True), task_id=ONE) == first
        assert await network.read_enis() == {ONE}
    finally:
        await network.remove_eni(ONE)


async def test_removing_what_is_not_there_is_nothing(network: Network) -> None:
    await network.remove_eni(ONE)
    assert await network.read_enis() == set()


async def test_removing_one_leaves_the_other(network: Network) -> None:
    try:
        for number, task_id in enumerate((ONE, TWO)):
            await network.ensure_eni(make_eni(number), task_id=task_id)
        await network.remove_eni(ONE)
        assert await network.read_enis() == {TWO}
    finally:
        await network.remove_eni(ONE)
        await network.remove_eni(TWO)


async def test_many_tasks_of_two_vpcs_come_and_go_at_once(network: Network) -> None:
    tasks = [f"{number:02x}" * 16 for number in range(0xA0, 0xAC)]
    enis = [make_eni(number, vpc="ab"[number % 2]) for number in range(len(tasks))]
    try:
        pairs = list(zip(enis, tasks, strict=True))
        await asyncio.gather(*(network.ensure_eni(eni, task_id=task_id) for eni, task_id in pairs))
        assert await network.read_enis() == set(tasks)
        # The last of a VPC goes while the next one comes: its router must not go from under it.
        changes = [network.remove_eni(task_id) for task_id in tasks[2:]]
        changes.append(network.ensure_eni(make_eni(100), task_id=ONE))  # type: ignore[arg-type]
        await asyncio.gather(*changes)
        assert await network.read_enis() == {*tasks[:2], ONE}
    finally:
        await asyncio.gather(*(network.remove_eni(task_id) for task_id in (*tasks, ONE)))
    assert await network.read_enis() == set()


async def test_an_interface_nobody_knows_of_is_not_made(network: Told[Network]) -> None:
    eni = make_eni(1)
    network.is_told = True
    network.know(open_vpcs({TWO: make_eni(2)}))
    with pytest.raises(Unavailable):
        await network.ensure_eni(eni, task_id=ONE)
    assert await network.read_enis() == set()


async def test_a_vpc_without_an_interface_here_is_not_used(network: Told[Network]) -> None:
    network.know(open_vpcs({ONE: make_eni(1)}))
    assert not await network.ensure_vpc("vpc-a")
    try:
        await network.ensure_eni(make_eni(1), task_id=ONE)
        assert await network.ensure_vpc("vpc-a")
    finally:
        await network.remove_eni(ONE)
    assert not await network.ensure_vpc("vpc-a")


async def test_a_look_at_the_vpc_while_its_last_interface_goes_leaves_no_router(
    network: Told[Network],
) -> None:
    for pause_ms in range(0, 40, 4):
        await network.ensure_eni(make_eni(1), task_id=ONE)
        removal = asyncio.create_task(network.network.remove_eni(ONE))
        await asyncio.sleep(pause_ms / 1000)
        await network.ensure_vpc("vpc-a")
        await removal
    # The real one is looked at from outside when the test has ended: nothing of the instance is left.
    assert not await network.ensure_vpc("vpc-a")
