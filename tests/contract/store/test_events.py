"""Events: read by number in the order of their commits, never the same number twice, expired by time."""

import asyncio
from functools import partial
from typing import Any

import pytest

from bastide.store import Store
from bastide.store.txn import EVENT, Txn


async def append(store: Store, *words: str, subject: str = "t1", parent: str = "c1", at_s: float = 1) -> None:
    def write(txn: Txn) -> None:
        for word in words:
            txn.append_event("s", {"word": word}, subject=subject, parent=parent, at_s=at_s)

    await store.update(write)


async def words(store: Store, **search: Any) -> list[str]:
    events = await store.view(lambda txn: txn.read_events(**({"limit": 100} | search)))
    return [event.document["word"] for event in events]


async def test_they_come_in_order_and_go_on_behind_any_of_them(store: Store) -> None:
    await append(store, "a", "b")
    await append(store, "c", subject="t2", parent="c2")
    await append(store, "d")
    assert await words(store) == ["a", "b", "c", "d"]
    assert await words(store, limit=2, descending=True) == ["d", "c"]
    assert await words(store, subject="t1") == ["a", "b", "d"]
    assert await words(store, parent="c2") == ["c"]
    second = (await store.view(lambda txn: txn.read_events(limit=2)))[1].seq
    assert await words(store, after=second) == ["c", "d"]
    assert await words(store, after=second, subject="t1") == ["d"]
    assert await words(store, after=await store.view(lambda txn: txn.last_event())) == []


async def test_an_undone_transaction_leaves_none(store: Store) -> None:
    def fail(txn: Txn) -> None:
        txn.append_event("s", {"word": "lost"}, subject="t", parent="c", at_s=1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.update(fail)
    await append(store, "kept")
    assert await words(store) == ["kept"]


async def test_a_watch_hears_of_them(store: Store) -> None:
    with store.watch(kinds=(EVENT,)) as watch:
        await append(store, "a", "b")
        async with asyncio.timeout(5):
            change = await anext(watch)
    assert getattr(change, "kind", None) == EVENT


async def test_old_ones_go_a_few_at_a_time_and_numbers_are_not_used_again(store: Store) -> None:
    await append(store, "a", "b", "c", at_s=10)
    await append(store, "d", at_s=20)
    newest = await store.view(lambda txn: txn.last_event())
    assert await store.update(lambda txn: txn.expire_events(before_ms=20_000, limit=2)) == 2
    assert await words(store) == ["c", "d"]
    assert await store.update(lambda txn: txn.expire_events(before_ms=30_000, limit=10)) == 2
    assert await store.view(lambda txn: txn.last_event()) == 0
    await append(store, "e")
    assert await words(store, after=newest) == ["e"]


async def test_readers_that_follow_by_number_miss_nothing_while_many_write(store: Store) -> None:
    seen: list[str] = []

    async def follow() -> None:
        after = 0
        while len(seen) < 60:
            found = await store.view(partial(Txn.read_events, after=after, limit=7))
            seen.extend(event.document["word"] for event in found)
            after = found[-1].seq if found else after
            await asyncio.sleep(0)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(follow())
        for number in range(60):
            group.create_task(append(store, str(number)))
    assert sorted(seen, key=int) == [str(number) for number in range(60)]
    assert len(set(seen)) == 60
