"""Records: what put, get, find, count and delete promise, on every database."""

import asyncio
from functools import partial
from typing import Any

import pytest

from bastide.model.faults import AlreadyExists, Conflict
from bastide.store import Record, Store, Txn

SCOPE = "000000000000/eu-central-1"


def cluster(name: str, **columns: Any) -> Record:
    """A record to store."""
    values: dict[str, Any] = {"scope": SCOPE, "document": {"clusterName": name}, "name": name} | columns
    return Record("cluster", f"arn:{values['scope']}:{name}", **values)


async def put_all(store: Store, *records: Record) -> None:
    await store.update(lambda txn: [txn.put(record) for record in records])


async def names(store: Store, **search: Any) -> list[str]:
    return await store.view(lambda txn: [record.name for record in txn.find("cluster", **search)])


async def test_what_was_put_is_read_back(store: Store) -> None:
    document = {"text": "é\x00\U0001f600'%s", "number": 1.5, "list": [None, True, {"deep": {}}], "big": 2**53}
    stored = await store.update(
        lambda txn: txn.put(cluster("a", document=document, parent="p", status="ACTIVE"))
    )
    read = await store.view(lambda txn: txn.get("cluster", stored.key))
    assert read == stored
    assert read is not None and read.document == document and read.version == 1


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.view(lambda txn: txn.get("cluster", "nobody")) is None


async def test_versions_grow_by_one(store: Store) -> None:
    first = await store.update(lambda txn: txn.put(cluster("a")))
    second = await store.update(lambda txn: txn.put(first.changed(status="ACTIVE")))
    third = await store.update(lambda txn: txn.put(second.changed(document={"x": 1})))
    assert [first.version, second.version, third.version] == [1, 2, 3]
    assert await store.view(lambda txn: txn.get("cluster", first.key)) == third
    assert (third.status, third.document) == ("ACTIVE", {"x": 1})


async def test_a_transaction_sees_its_own_writes_whatever_it_has_read_before(store: Store) -> None:
    await put_all(store, cluster("a"), cluster("b"))
    key = cluster("a").key

    def read(txn: Txn) -> list[Any]:
        found, named = txn.get("cluster", key), txn.find("cluster", scope=SCOPE)
        return [found and found.status, [record.name for record in named]]

    def closure(txn: Txn) -> list[Any]:
        seen = [read(txn), read(txn)]
        held = txn.get("cluster", key)
        assert held is not None
        held = txn.put(held.changed(status="ACTIVE"))
        seen.append(read(txn))
        txn.delete(held)
        return [*seen, read(txn)]

    before, after = ["", ["a", "b"]], ["ACTIVE", ["a", "b"]]
    assert await store.update(closure) == [before, before, after, [None, ["b"]]]


async def test_what_was_read_ahead_is_as_good_as_read_again(store: Store) -> None:
    await put_all(store, cluster("a"), cluster("b", document={"names": []}))
    key = cluster("b").key

    def look(txn: Txn) -> None:
        assert txn.get("cluster", key) is not None
        assert len(txn.find("cluster", scope=SCOPE)) == 2

    def closure(txn: Txn) -> list[Any]:
        txn.read_ahead(look)
        first, second = txn.get("cluster", key), txn.get("cluster", key)
        assert first is not None and second is not None
        first.document["names"].append("x")  # nobody else has this one
        txn.read_ahead(look)
        txn.put(second.changed(status="ACTIVE"))
        written = txn.get("cluster", key)
        assert written is not None
        return [second.document, written.document, written.status]

    assert await store.update(closure) == [{"names": []}, {"names": []}, "ACTIVE"]


async def test_a_second_insert_already_exists(store: Store) -> None:
    await put_all(store, cluster("a"))
    with pytest.raises(AlreadyExists) as caught:
        await put_all(store, cluster("a"))
    assert caught.value.noun == "cluster"


async def test_a_stale_write_is_a_conflict_and_changes_nothing(store: Store) -> None:
    first = await store.update(lambda txn: txn.put(cluster("a")))
    second = await store.update(lambda txn: txn.put(first.changed(status="ACTIVE")))
    with pytest.raises(Conflict):
        await store.update(lambda txn: txn.put(first.changed(status="INACTIVE")))
    with pytest.raises(Conflict):
        await store.update(lambda txn: txn.delete(first))
    assert await store.view(lambda txn: txn.get("cluster", first.key)) == second


async def test_a_deleted_record_is_gone_and_cannot_be_written(store: Store) -> None:
    first = await store.update(lambda txn: txn.put(cluster("a")))
    await store.update(lambda txn: txn.delete(first))
    assert await store.view(lambda txn: txn.get("cluster", first.key)) is None
    with pytest.raises(Conflict):
        await store.update(lambda txn: txn.put(first.changed(status="ACTIVE")))


async def test_a_closure_may_go_on_after_a_fault(store: Store) -> None:
    await put_all(store, cluster("a"))

    def insert_or_count(txn: Txn) -> int:
        try:
            txn.put(cluster("a"))
        except AlreadyExists:
            txn.put(cluster("b"))
        return txn.count("cluster")

    assert await store.update(insert_or_count) == 2


async def test_find_narrows_by_every_column(store: Store) -> None:
    elsewhere = "000000000000/us-east-1"
    await put_all(
        store,
        cluster("a", parent="p", status="ACTIVE", state="BUSY"),
        cluster("b", parent="p", status="INACTIVE", state="BUSY"),
        cluster("c", parent="q", status="ACTIVE"),
        cluster("a", parent="p", status="ACTIVE", scope=elsewhere),
        Record("service", "s", SCOPE, {}, name="a"),
    )
    assert await names(store) == ["a", "a", "b", "c"]
    assert await names(store, scope=SCOPE) == ["a", "b", "c"]
    assert await names(store, scope=None, parent="p") == ["a", "a", "b"]
    assert await names(store, status="ACTIVE", scope=SCOPE) == ["a", "c"]
    assert await names(store, name="a") == ["a", "a"]
    assert await names(store, state="BUSY") == ["a", "b"]
    assert await names(store, state="BUSY", status="ACTIVE") == ["a"]
    assert await store.view(lambda txn: txn.count("cluster", parent="p", status="ACTIVE")) == 2
    assert await store.view(lambda txn: txn.count("service")) == 1


async def test_prefixes_are_plain_text(store: Store) -> None:
    await put_all(
        store, *(cluster(name) for name in ("a%b", "a_b", "aXb", "a", "A%", "aé", "a\U0001f600", "b"))
    )
    assert await names(store, name_prefix="a%") == ["a%b"]
    assert await names(store, name_prefix="a_") == ["a_b"]
    assert await names(store, name_prefix="a") == ["a", "a%b", "aXb", "a_b", "aé", "a\U0001f600"]
    assert await names(store, name_prefix="") == await names(store)


async def test_order_is_by_code_point_in_both_directions(store: Store) -> None:
    given = ["b", "B", "a-1", "a", "ab", "Z", "é", "10", "9", "_"]
    await put_all(store, *(cluster(name) for name in given))
    assert await names(store) == sorted(given)
    assert await names(store, descending=True) == sorted(given, reverse=True)


def read_page(txn: Txn, *, after: tuple[str, str] | None, descending: bool) -> list[Record]:
    return txn.find("cluster", limit=4, after=after, descending=descending)


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_give_every_record_once(store: Store, descending: bool) -> None:
    scopes = [f"{index:012}/r" for index in range(3)]
    await put_all(store, *(cluster(f"n{index}", scope=scope) for index in range(7) for scope in scopes))
    whole = await store.view(lambda txn: txn.find("cluster", descending=descending))
    paged: list[Record] = []
    after: tuple[str, str] | None = None
    while page := await store.view(partial(read_page, after=after, descending=descending)):
        assert len(page) <= 4
        after = (page[-1].name, page[-1].key)
        paged += page
    assert paged == whole and len(whole) == 21


async def test_an_unknown_filter_is_a_bug_said_aloud(store: Store) -> None:
    with pytest.raises(TypeError, match="colour"):
        await names(store, colour="red")


async def test_many_tables_of_kinds_do_not_meet(store: Store) -> None:
    await asyncio.gather(
        *(put_all(store, Record(kind, "same", "", {"kind": kind})) for kind in ("a", "b", "c"))
    )
    found = await store.view(lambda txn: [txn.get(kind, "same") for kind in ("a", "b", "c")])
    assert [record and record.document["kind"] for record in found] == ["a", "b", "c"]
