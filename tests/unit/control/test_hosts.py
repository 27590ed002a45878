"""What tasks say of a host that goes, and comes back."""

from typing import Any

from bastide.control.hosts import Hosts
from bastide.store import Record
from tests.account import Account

PATIENCE_S = 20


def hosts(account: Account) -> Hosts:
    return Hosts(account.store, patience_s=PATIENCE_S, now=lambda: account.now)


async def be(account: Account, status: str) -> None:
    """The host as its session, or the end of it, would have written it."""

    def write(host: Record | None) -> Record:
        made = host or Record("host", "host-1", "", {}, name="host-1")
        return made.changed(document={"lastHeartbeatAt": account.now.timestamp()}, status=status)

    await account.store.update(lambda txn: txn.put(write(txn.get("host", "host-1"))))


async def start(account: Account, **members: Any) -> str:
    """A task on the host, heard of for the first time now."""
    arn: str = (await account.run())["tasks"][0]["taskArn"]
    heard = {"connectivity": "CONNECTED", "connectivityAt": account.now.timestamp()}
    await account.change_task(arn, **{**heard, "lastStatus": "RUNNING", **members})
    await account.store.update(
        lambda txn: txn.put(Record("placement", arn, "", {}, parent="host-1", name=arn))
    )
    return arn


async def shown(account: Account, arn: str) -> tuple[str, float, int]:
    task = (await account.call("DescribeTasks", tasks=[arn]))["tasks"][0]
    return task["connectivity"], task["connectivityAt"], task["version"]


async def test_a_host_that_comes_back_soon_changes_nothing(account: Account) -> None:
    await account.register()
    await be(account, "CONNECTED")
    arn = await start(account)
    before = await shown(account, arn)
    await be(account, "DISCONNECTED")
    account.later(PATIENCE_S - 5)
    assert await hosts(account).reconcile("host-1") == 5
    await be(account, "CONNECTED")
    assert await hosts(account).reconcile("host-1") is None
    assert await shown(account, arn) == before


async def test_tasks_of_a_silent_host_are_disconnected_until_it_is_back(account: Account) -> None:
    await account.register()
    await be(account, "CONNECTED")
    arns = [await start(account) for _ in range(3)]
    first_s = account.now.timestamp()
    await be(account, "DISCONNECTED")
    account.later(PATIENCE_S)
    assert await hosts(account).reconcile("host-1") is None
    assert [await shown(account, arn) for arn in arns] == [("DISCONNECTED", first_s, 2)] * 3
    assert await hosts(account).reconcile("host-1") is None
    assert (await shown(account, arns[0]))[2] == 2  # said once
    account.later(30)
    await be(account, "CONNECTED")
    assert await hosts(account).reconcile("host-1") is None
    back = ("CONNECTED", account.now.timestamp(), 3)
    assert [await shown(account, arn) for arn in arns] == [back] * 3


async def test_a_task_that_is_over_keeps_its_last_word(account: Account) -> None:
    await account.register()
    await be(account, "CONNECTED")
    arn = await start(account, lastStatus="STOPPED", desiredStatus="STOPPED")
    await be(account, "DISCONNECTED")
    account.later(PATIENCE_S)
    await hosts(account).reconcile("host-1")
    assert (await shown(account, arn))[0] == "CONNECTED"


async def test_another_hosts_tasks_are_left_alone(account: Account) -> None:
    await account.register()
    arn = await start(account)
    assert await hosts(account).reconcile("host-2") is None
    assert (await shown(account, arn))[0] == "CONNECTED"
