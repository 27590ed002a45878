"""The feed: no change is missed, changes of one record may fold, what cannot be told is Lost."""

import asyncio

from bastide.store import Change, Lost, Record, Store, Watch, threads, watch
from bastide.store.txn import Txn


async def read(feed: Watch, amount: int) -> list[Change | Lost]:
    return [await asyncio.wait_for(anext(feed), 5) for _ in range(amount)]


async def put(store: Store, key: str, kind: str = "thing") -> Record:
    def write(txn: Txn) -> Record:
        record = txn.get(kind, key)
        return txn.put(record or Record(kind, key, "", {}))

    return await store.update(write)


async def test_every_commit_is_told_in_order(store: Store) -> None:
    with store.watch() as feed:
        await asyncio.gather(*(put(store, f"k{index}") for index in range(50)))
        changes = await read(feed, 50)
    assert [change.seq for change in changes] == list(range(1, 51))
    assert {change.key for change in changes if isinstance(change, Change)} == {f"k{n}" for n in range(50)}


async def test_changes_of_one_record_fold_into_the_newest(store: Store) -> None:
    with store.watch() as feed:
        for key in ("a", "b", "a", "a"):
            await put(store, key)
        assert await read(feed, 2) == [Change(2, "thing", "b", 1), Change(4, "thing", "a", 3)]


async def test_a_deletion_is_version_zero(store: Store) -> None:
    record = await put(store, "a")
    with store.watch() as feed:
        await store.update(lambda txn: txn.delete(record))
        assert await read(feed, 1) == [Change(2, "thing", "a", 0)]


async def test_a_watch_can_be_for_some_kinds(store: Store) -> None:
    with store.watch(kinds={"task"}) as feed:
        await put(store, "a")
        await put(store, "b", kind="task")
        assert await read(feed, 1) == [Change(2, "task", "b", 1)]


async def test_a_waiting_reader_is_woken(store: Store) -> None:
    with store.watch() as feed:
        reader = asyncio.ensure_future(read(feed, 1))
        await asyncio.sleep(0.01)
        await put(store, "a")
        assert await reader == [Change(1, "thing", "a", 1)]


async def test_closing_ends_the_reader(store: Store) -> None:
    feed = store.watch()
    reader = asyncio.ensure_future(drain(feed))
    await asyncio.sleep(0.01)
    feed.close()
    await asyncio.wait_for(reader, 5)


async def drain(feed: Watch) -> None:
    async for _ in feed:
        pass


async def test_since_replays_and_goes_on_without_a_gap(store: Store) -> None:
    for key in ("a", "b", "c"):
        await put(store, key)
    with store.watch(since=1) as feed:
        await put(store, "d")
        assert [change.seq for change in await read(feed, 3)] == [2, 3, 4]
        await put(store, "e")
        assert await read(feed, 1) == [Change(5, "thing", "e", 1)]


async def test_numbers_go_on_after_reopening(url: str) -> None:
    store = await Store.open(url)
    await put(store, "a")
    await store.close()
    again = await Store.open(url)
    with again.watch(since=0) as feed:
        await put(again, "b")
        assert [change.seq for change in await read(feed, 2)] == [1, 2]
    await again.close()


async def test_too_much_for_a_slow_reader_is_lost(store: Store) -> None:
    feed = store.watch()
    everything = [Change(n, "thing", f"k{n}", 1) for n in range(1, watch.CAPACITY + 2)]
    feed.offer(everything)
    await put(store, "after")
    assert await read(feed, 2) == [Lost(watch.CAPACITY + 1), Change(1, "thing", "after", 1)]


async def test_old_changes_are_pruned_and_told_as_lost(store: Store) -> None:
    kept, every = threads.CHANGES_KEPT, threads.PRUNE_EVERY
    threads.CHANGES_KEPT, threads.PRUNE_EVERY = 10, 8
    try:
        for index in range(40):
            await put(store, f"k{index}")
    finally:
        threads.CHANGES_KEPT, threads.PRUNE_EVERY = kept, every
    with store.watch(since=3) as feed:
        assert await read(feed, 1) == [Lost(40)]
    with store.watch(since=38) as feed:
        assert [change.seq for change in await read(feed, 2)] == [39, 40]
