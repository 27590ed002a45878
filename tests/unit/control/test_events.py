"""How long events are kept."""

from bastide.config import Settings
from bastide.control import events
from bastide.control.events import Events
from bastide.store import Txn
from tests.account import Account


async def kept(account: Account) -> list[int]:
    found = await account.store.view(lambda txn: txn.read_events(limit=10_000))
    return [event.document["detail"]["version"] for event in found]


async def test_an_event_goes_when_its_time_is_over(account: Account) -> None:
    settings = Settings(event_retention_s=100)
    await account.register()
    arn = (await account.run())["tasks"][0]["taskArn"]
    account.later(60)
    await account.call("StopTask", task=arn)
    keeper = Events(account.store, settings, now=lambda: account.now)
    account.later(40)
    await keeper.expire()
    assert await kept(account) == [1, 2]
    account.later(0.001)
    await keeper.expire()
    assert await kept(account) == [2]
    account.later(60)
    await keeper.expire()
    assert await kept(account) == []


async def test_more_than_one_transaction_holds_go_too(account: Account) -> None:
    def write(txn: Txn) -> None:
        for _ in range(events.AT_ONCE * 2 + 1):
            txn.append_event("s", {}, subject="t", parent="c", at_s=1.0)

    await account.store.update(write)
    await Events(account.store, Settings(), now=lambda: account.now).expire()
    assert await account.store.view(lambda txn: txn.last_event()) == 0
