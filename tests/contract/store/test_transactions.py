"""Transactions: all or nothing for one closure, never for its neighbours; one snapshot for a view."""

import asyncio
import threading

import pytest

from bastide.model.faults import Fault, Invalid, NotFound, Unavailable
from bastide.store import Record, Store, Txn

COUNTER = Record("counter", "c", "", {"value": 0})


def value(txn: Txn, key: str = "c") -> int:
    record = txn.get("counter", key)
    assert record is not None
    return int(record.document["value"])


def increment(txn: Txn) -> int:
    record = txn.get("counter", "c")
    assert record is not None
    return int(txn.put(record.changed(document={"value": record.document["value"] + 1})).document["value"])


async def test_concurrent_updates_each_see_the_one_before(store: Store) -> None:
    await store.update(lambda txn: txn.put(COUNTER))
    results = await asyncio.gather(*(store.update(increment) for _ in range(200)))
    assert sorted(results) == list(range(1, 201))
    assert await store.view(value) == 200


async def test_a_closure_that_raises_is_undone_alone(store: Store) -> None:
    await store.update(lambda txn: txn.put(COUNTER))

    def fail(txn: Txn) -> None:
        increment(txn)
        txn.put(Record("counter", "other", "", {}))
        txn.append_event("s", {}, subject="lost", parent="", at_s=1)
        raise NotFound("cluster", "x")

    outcomes = await asyncio.gather(
        *(store.update(fail if index % 3 == 0 else increment) for index in range(60)), return_exceptions=True
    )
    assert [isinstance(outcome, NotFound) for outcome in outcomes] == [index % 3 == 0 for index in range(60)]
    assert await store.view(value) == 40
    assert await store.view(lambda txn: txn.get("counter", "other")) is None
    assert await store.view(lambda txn: txn.read_events(limit=1)) == []


async def test_undone_writes_leave_no_change(store: Store) -> None:
    def fail(txn: Txn) -> None:
        txn.put(COUNTER)
        raise NotFound("x")

    with store.watch() as watch:
        with pytest.raises(NotFound):
            await store.update(fail)
        await store.update(lambda txn: txn.put(Record("counter", "real", "", {})))
        first = await anext(watch)
        assert first.seq == 1 and "real" in repr(first)


async def test_stop_iteration_reaches_the_caller_and_stalls_nobody(store: Store) -> None:
    def exhausted(txn: Txn) -> object:
        return next(iter(txn.find("nothing")))

    outcomes = await asyncio.wait_for(
        asyncio.gather(
            store.update(exhausted),
            store.view(exhausted),
            store.view(lambda txn: txn.count("counter")),
            return_exceptions=True,
        ),
        timeout=10,
    )
    assert (
        isinstance(outcomes[0], RuntimeError) and isinstance(outcomes[1], RuntimeError) and outcomes[2] == 0
    )


async def test_a_view_keeps_its_snapshot(store: Store) -> None:
    await store.update(lambda txn: txn.put(COUNTER))
    looked, written = threading.Event(), threading.Event()

    def look_twice(txn: Txn) -> tuple[int, int]:
        before = value(txn)
        looked.set()
        assert written.wait(10)
        return before, value(txn)

    view = asyncio.ensure_future(store.view(look_twice))
    assert await asyncio.to_thread(looked.wait, 10)
    await store.update(increment)
    written.set()
    assert await view == (0, 0)
    assert await store.view(value) == 1


async def test_a_view_sees_every_write_answered_before(store: Store) -> None:
    await store.update(lambda txn: txn.put(COUNTER))

    async def write_then_read() -> None:
        for _ in range(20):
            written = await store.update(increment)
            assert await store.view(value) >= written

    await asyncio.gather(*(write_then_read() for _ in range(8)))


async def test_a_view_cannot_write(store: Store) -> None:
    with pytest.raises(RuntimeError, match="view"):
        await store.view(lambda txn: txn.put(COUNTER))
    assert await store.view(lambda txn: txn.get("counter", "c")) is None


async def test_a_transaction_ends_with_its_closure(store: Store) -> None:
    kept = await store.update(lambda txn: txn)
    with pytest.raises(RuntimeError, match="closure"):
        kept.get("counter", "c")
    with pytest.raises(RuntimeError, match="closure"):
        kept.put(COUNTER)


async def test_a_caller_that_goes_away_disturbs_nobody(store: Store) -> None:
    await store.update(lambda txn: txn.put(COUNTER))
    updates = [asyncio.ensure_future(store.update(increment)) for _ in range(50)]
    await asyncio.sleep(0)
    for update in updates[::2]:
        update.cancel()
    await asyncio.gather(*updates, return_exceptions=True)
    assert await store.view(value) >= 25


async def test_what_was_asked_for_is_finished_by_close(url: str) -> None:
    store = await Store.open(url)
    await store.update(lambda txn: txn.put(COUNTER))
    updates = [asyncio.ensure_future(store.update(increment)) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert len(await asyncio.gather(*updates)) == 20
    with pytest.raises(Unavailable):
        await store.update(increment)
    again = await Store.open(url)
    assert await again.view(value) == 20
    await again.close()


async def test_two_servers_share_a_postgresql_database(postgres_url: str) -> None:
    one, two = await Store.open(postgres_url), await Store.open(postgres_url)
    await one.update(lambda txn: txn.put(COUNTER))
    stores = [one, two] * 50
    with one.watch() as watch:
        results = await asyncio.gather(*(store.update(increment) for store in stores))
        assert sorted(results) == list(range(1, 101))
        last = 0
        while last < 101:  # each hears of the other's writes
            change = await asyncio.wait_for(anext(watch), 5)
            assert change.seq > last
            last = change.seq
    await one.close()
    await two.close()


async def test_a_lost_connection_is_opened_again(postgres_url: str) -> None:
    store = await Store.open(postgres_url)
    await store.update(lambda txn: txn.put(COUNTER))
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    def cut_all(txn: Txn) -> None:
        txn._cursor.execute(cut)

    await store.view(cut_all)
    outcomes = [(await asyncio.gather(store.update(increment), return_exceptions=True))[0] for _ in range(3)]
    assert all(isinstance(outcome, int | Fault) for outcome in outcomes)
    assert isinstance(outcomes[-1], int)
    assert await store.view(value) == sum(isinstance(outcome, int) for outcome in outcomes)
    await store.close()


async def test_a_nul_in_a_name_is_the_callers_fault_or_no_trouble(store: Store) -> None:
    """PostgreSQL has no text with NUL in it; SQLite keeps one like any other."""
    await store.update(lambda txn: txn.put(COUNTER))
    neighbours = [store.update(increment) for _ in range(5)]
    named = store.update(lambda txn: txn.put(Record("counter", "nul\0", "", {})))
    read = store.view(lambda txn: txn.get("counter", "other nul\0"))
    *_, written, found = await asyncio.gather(*neighbours, named, read, return_exceptions=True)
    assert isinstance(written, Record | Invalid)
    assert found is None or isinstance(found, Invalid)
    assert await store.view(value) == 5
