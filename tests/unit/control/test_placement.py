"""Placement and release: which records a task's host and address leave behind, and when they go."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bastide.config import Settings
from bastide.control.enis import Enis
from bastide.control.placement import Placement
from bastide.model.network import mac_of
from bastide.model.status import NO_CAPACITY
from bastide.store import Record, Store, Txn
from tests.account import Account

HELD = ("placement", "network-interface", "public-address")


async def connect(
    account: Account, name: str = "h", *, memory_mib: int = 4096, cpu_units: int = 2048
) -> None:
    capacity = {"cpuUnits": cpu_units, "memoryMib": memory_mib, "diskMib": 1}
    record = Record("host", name, "", {"capacity": capacity}, name=name, status="CONNECTED")
    await account.store.update(lambda txn: txn.put(record))


async def start(account: Account, count: int = 1, **params: Any) -> list[str]:
    answer = await account.run(count=count, **params)
    return [task["taskArn"] for task in answer["tasks"]]


async def place(account: Account, *arns: str, **settings: Any) -> Placement:
    placement = Placement(account.store, Settings(instance="t", **settings), now=lambda: account.now)
    for arn in arns:
        await placement.reconcile(arn)
    return placement


async def release(account: Account, *arns: str) -> None:
    enis = Enis(account.store)
    for arn in arns:
        await enis.reconcile(arn)


async def document(account: Account, arn: str) -> dict[str, Any]:
    return (await account.record("task", arn)).document


async def find(account: Account, kind: str) -> list[Record]:
    return await account.store.view(lambda txn: txn.find(kind))


async def end(account: Account, arn: str) -> None:
    await account.change_task(arn, lastStatus="STOPPED", desiredStatus="STOPPED", stoppedAt=1.0)


async def small_subnet(account: Account, *, cidr: str = "172.31.0.0/28") -> str:
    """The first subnet of the default VPC, shrunk."""
    network = await account.network()
    name: str = network["awsvpcConfiguration"]["subnets"][0]
    record = await account.record("subnet", name)
    shrunk = record.changed(document={**record.document, "CidrBlock": cidr})
    await account.store.update(lambda txn: txn.put(shrunk))
    return name


def only(subnet: str, public: str = "DISABLED") -> dict[str, Any]:
    return {"awsvpcConfiguration": {"subnets": [subnet], "assignPublicIp": public}}


async def test_a_placed_task_has_host_interface_and_addresses(account: Account) -> None:
    await account.register()
    await connect(account)
    (arn,) = await start(account)
    promised = (await document(account, arn))["task"]["attachments"][0]["details"][0]["value"]
    await place(account, arn)
    held = await document(account, arn)
    (eni,) = await find(account, "network-interface")
    (placement,) = await find(account, "placement")
    (public,) = await find(account, "public-address")
    assert (held["host"], held["eni"]) == ("h", eni.key)
    assert (placement.key, placement.parent) == (arn, "h")
    assert eni.parent == promised
    address = eni.document["PrivateIpAddress"]
    assert eni.name == address
    assert eni.document["MacAddress"] == mac_of(eni.key)
    assert eni.document["_task"] == arn
    assert eni.document["Association"]["PublicIp"] == public.key
    assert public.parent == eni.key
    task = held["task"]
    (attachment,) = task["attachments"]
    assert attachment["status"] == "ATTACHING"
    assert {detail["name"]: detail["value"] for detail in attachment["details"]} == {
        "subnetId": promised,
        "networkInterfaceId": eni.key,
        "macAddress": eni.document["MacAddress"],
        "privateDnsName": f"ip-{address.replace('.', '-')}.ec2.internal",
        "privateIPv4Address": address,
    }
    assert task["containers"][0]["networkInterfaces"] == [
        {"attachmentId": attachment["id"], "privateIpv4Address": address}
    ]
    assert task["availabilityZone"].startswith("us-east-1")
    assert (task["lastStatus"], task["version"]) == ("PROVISIONING", 1)
    shown = await account.call("DescribeNetworkInterfaces", service="ec2")
    assert shown["NetworkInterfaces"][0]["NetworkInterfaceId"] == eni.key


async def test_a_task_whose_group_was_deleted_meanwhile_stops_with_the_reason(account: Account) -> None:
    await account.register()
    await connect(account)
    network = await account.network()
    made = await account.call("CreateSecurityGroup", service="ec2", GroupName="web", Description="web")
    network["awsvpcConfiguration"]["securityGroups"] = [made["GroupId"]]
    (arn,) = await start(account, networkConfiguration=network)
    await account.call("DeleteSecurityGroup", service="ec2", GroupId=made["GroupId"])
    await place(account, arn)
    task = (await document(account, arn))["task"]
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"].endswith(": InvalidGroup.NotFound")
    assert await find(account, "network-interface") == []


async def test_elastic_addresses_and_tasks_share_one_pool(account: Account) -> None:
    await account.register()
    await connect(account)
    pool = "198.51.100.0/29"  # five to give away
    account.settings = Settings(instance="t", public_pool=pool)
    for _ in range(5):
        held = await account.call("AllocateAddress", service="ec2")
    (arn,) = await start(account)
    await place(account, arn, public_pool=pool)
    task = (await document(account, arn))["task"]
    assert task["stoppedReason"].endswith(": InsufficientAddressCapacity")
    await account.call("ReleaseAddress", service="ec2", AllocationId=held["AllocationId"])
    (arn,) = await start(account)
    await place(account, arn, public_pool=pool)
    (eni,) = await find(account, "network-interface")
    assert eni.document["Association"]["PublicIp"] == held["PublicIp"]


async def test_placing_again_changes_nothing(account: Account) -> None:
    await account.register()
    await connect(account)
    (arn,) = await start(account)
    await place(account, arn)
    before = await account.record("task", arn)
    await place(account, arn, arn)
    assert await account.record("task", arn) == before
    assert len(await find(account, "network-interface")) == 1


async def test_a_private_task_has_no_public_address(account: Account) -> None:
    await account.register()
    await connect(account)
    (arn,) = await start(account, networkConfiguration=only(await small_subnet(account)))
    await place(account, arn)
    (eni,) = await find(account, "network-interface")
    assert "Association" not in eni.document
    assert await find(account, "public-address") == []


async def test_without_a_host_a_task_waits(account: Account) -> None:
    await account.register()
    (arn,) = await start(account)
    await place(account, arn)
    held = await document(account, arn)
    assert (held["host"], held["task"]["lastStatus"]) == (None, "PROVISIONING")


async def test_a_task_too_large_for_every_host_stops(account: Account) -> None:
    await account.register(cpu="1024", memory="8192")
    await connect(account)
    (arn,) = await start(account)
    await place(account, arn)
    task = (await document(account, arn))["task"]
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"] == NO_CAPACITY
    assert task["stoppedAt"] == account.now.timestamp()


async def test_memory_is_never_promised_twice(account: Account) -> None:
    await account.register(memory="1024")
    await connect(account, memory_mib=2500)
    arns = await start(account, 3)
    await place(account, *arns)
    hosts = [(await document(account, arn))["host"] for arn in arns]
    assert hosts == ["h", "h", None]


async def test_cpu_is_promised_as_often_as_set(account: Account) -> None:
    await account.register(cpu="1024", memory="2048")
    await connect(account, memory_mib=100_000, cpu_units=1024)
    arns = await start(account, 3)
    await place(account, *arns, cpu_overcommit=2)
    hosts = [(await document(account, arn))["host"] for arn in arns]
    assert hosts == ["h", "h", None]


async def test_a_task_stopped_before_it_was_placed_ends_at_once(account: Account) -> None:
    await account.register()
    (arn,) = await start(account)
    await account.call("StopTask", task=arn, reason="never mind")
    await place(account, arn)
    task = (await document(account, arn))["task"]
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "UserInitiated")
    assert task["stoppedReason"] == "never mind"


async def test_a_full_subnet_stops_the_task_in_awss_words(account: Account) -> None:
    await account.register()
    await connect(account, memory_mib=100_000)
    subnet = await small_subnet(account)
    arns = [*(await start(account, 10, networkConfiguration=only(subnet)))]
    arns += await start(account, 2, networkConfiguration=only(subnet))
    await place(account, *arns)
    addresses = {eni.name for eni in await find(account, "network-interface")}
    assert addresses == {f"172.31.0.{last}" for last in range(4, 15)}
    task = (await document(account, arns[-1]))["task"]
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == (
        f"Unexpected EC2 error while attempting to Create Network Interface in subnet '{subnet}': "
        "InsufficientFreeAddressesInSubnet"
    )


async def test_the_next_subnet_takes_what_the_first_cannot(account: Account) -> None:
    await account.register()
    await connect(account, memory_mib=100_000)
    full = await small_subnet(account, cidr="172.31.0.0/30")
    arns = await start(account, 2)
    await place(account, *arns)
    enis = await find(account, "network-interface")
    assert len(enis) == 2
    assert full not in {eni.parent for eni in enis}


async def test_an_empty_pool_stops_the_task(account: Account) -> None:
    await account.register()
    await connect(account)
    arns = await start(account, 6)
    await place(account, *arns, public_pool="198.18.0.0/29")
    assert {one.key for one in await find(account, "public-address")} == {
        f"198.18.0.{last}" for last in range(2, 7)
    }
    task = (await document(account, arns[-1]))["task"]
    assert "public IP assignment enabled" in task["stoppedReason"]
    assert len(await find(account, "network-interface")) == 5


async def test_everything_is_released_when_the_task_has_stopped(account: Account) -> None:
    await account.register()
    await connect(account)
    (arn,) = await start(account)
    await place(account, arn)
    await account.change_task(arn, lastStatus="DEPROVISIONING", desiredStatus="STOPPED")
    await release(account, arn)
    assert [len(await find(account, kind)) for kind in HELD] == [1, 1, 1]
    await end(account, arn)
    await release(account, arn, arn)
    assert [len(await find(account, kind)) for kind in HELD] == [0, 0, 0]


async def test_an_address_of_a_running_task_is_not_given_twice(account: Account) -> None:
    await account.register()
    await connect(account, memory_mib=100_000)
    subnet = await small_subnet(account)
    for _ in range(4):
        arns = await start(account, 8, networkConfiguration=only(subnet))
        await place(account, *arns)
        addresses = [eni.name for eni in await find(account, "network-interface")]
        assert len(addresses) == len(set(addresses)) == 8
        for arn in arns:
            await end(account, arn)
        await release(account, *arns)


@pytest.fixture
async def running(account: Account) -> Any:
    """Both controllers at work."""
    parts = (Placement(account.store, Settings(instance="t")), Enis(account.store))
    tasks = [asyncio.create_task(part.run()) for part in parts]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(store: Store, holds: Callable[[Txn], Any]) -> None:
    async with asyncio.timeout(10):
        while not await store.view(holds):
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("running")
async def test_a_host_that_comes_takes_those_who_waited(account: Account) -> None:
    await account.register()
    await start(account, 3)
    await connect(account)
    await until(account.store, lambda txn: txn.count("placement") == 3)


@pytest.mark.usefixtures("running")
async def test_a_host_that_comes_while_a_task_is_looked_at_is_seen(account: Account) -> None:
    await account.register()
    network = await account.network()
    for number in range(30):
        arn, _ = await asyncio.gather(
            start(account, networkConfiguration=network), connect(account, str(number), memory_mib=512)
        )
        await until(account.store, lambda txn, key=arn[0]: txn.get("placement", key) is not None)  # type: ignore[misc]


@pytest.mark.usefixtures("running")
async def test_room_that_is_freed_is_taken(account: Account) -> None:
    await account.register()
    await connect(account, memory_mib=512)
    arns = await start(account, 3)
    for done in range(1, 4):
        await until(account.store, lambda txn: txn.count("placement") == 1)
        (placed,) = await find(account, "placement")
        assert placed.key in arns
        arns.remove(placed.key)
        await end(account, placed.key)
        await until(account.store, lambda txn, key=placed.key: txn.get("placement", key) is None)  # type: ignore[misc]
        assert len(arns) == 3 - done


async def test_what_was_left_undone_is_done_at_start(account: Account) -> None:
    await account.register()
    await connect(account)
    (over, waiting) = await start(account, 2)
    await place(account, over)
    await end(account, over)
    parts = (Placement(account.store, Settings(instance="t")), Enis(account.store))
    async with asyncio.timeout(10):
        tasks = [asyncio.create_task(part.run()) for part in parts]
        await until(
            account.store,
            lambda txn: txn.get("placement", over) is None and txn.get("placement", waiting) is not None,
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
