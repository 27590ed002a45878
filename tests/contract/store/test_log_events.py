"""Log events: read by stream, by time and by cursor; what each stream holds is counted."""

from typing import Any

from bastide.store import LogEvent, Store

PLACE = ("s", "group")


async def append(store: Store, stream: str, *lines: tuple[int, str], group: str = "group") -> None:
    await store.update(lambda txn: txn.append_log_events("s", group, stream, lines))


async def messages(store: Store, **search: Any) -> list[str]:
    events = await store.view(lambda txn: txn.read_log_events(*PLACE, **({"limit": 100} | search)))
    return [event.message for event in events]


async def test_lines_come_back_whole_by_time_then_as_they_came(store: Store) -> None:
    lines = [(5, "five"), (3, ""), (9, "nul \x00 and \udcff and é\U0001f600"), (9, "x" * 300_000)]
    await append(store, "a", *lines)
    await append(store, "a", (9, "last"), (1, "first"))
    events = await store.view(lambda txn: txn.read_log_events(*PLACE, ["a"], limit=10))
    expected = [(1, "first"), lines[1], lines[0], lines[2], lines[3], (9, "last")]
    assert [(event.timestamp_ms, event.message) for event in events] == expected
    assert all(isinstance(event, LogEvent) and event.ingestion_ms > 1_600_000_000_000 for event in events)
    assert len({event.seq for event in events}) == 6


async def test_streams_and_groups_are_told_apart(store: Store) -> None:
    await append(store, "a", (1, "a1"), (2, "a2"))
    await append(store, "b", (1, "b1"))
    await append(store, "c", (1, "c1"))
    await append(store, "a", (1, "elsewhere"), group="other")
    assert await messages(store) == ["a1", "b1", "c1", "a2"]
    assert await messages(store, stream_prefix="b") == ["b1"]
    assert await messages(store, streams=["a"]) == ["a1", "a2"]
    assert await messages(store, streams=["c", "b"]) == ["b1", "c1"]
    assert await messages(store, streams=[]) == []


async def test_bounds_of_time_and_place(store: Store) -> None:
    await append(store, "a", *((stamp, str(stamp)) for stamp in range(10)))
    assert await messages(store, start_ms=3, end_ms=6) == ["3", "4", "5"]
    assert await messages(store, descending=True, limit=2) == ["9", "8"]
    events = await store.view(lambda txn: txn.read_log_events(*PLACE, limit=10))
    place = (events[7].timestamp_ms, events[7].seq)
    assert await messages(store, after=place) == ["8", "9"]
    assert await messages(store, before=place, descending=True, limit=1) == ["6"]


async def test_deleting_a_stream_or_the_group(store: Store) -> None:
    await append(store, "a", (1, "a"))
    await append(store, "b", (1, "b"))
    await append(store, "a", (1, "other"), group="other")
    await store.update(lambda txn: txn.delete_log_events(*PLACE, "a"))
    assert await messages(store) == ["b"]
    await store.update(lambda txn: txn.delete_log_events(*PLACE))
    assert await messages(store) == []
    assert len(await store.view(lambda txn: txn.read_log_events("s", "other", limit=5))) == 1


async def test_numbers_are_never_used_twice(store: Store) -> None:
    await append(store, "a", (1, "one"))
    first = (await store.view(lambda txn: txn.read_log_events(*PLACE, limit=1)))[0].seq
    await store.update(lambda txn: txn.delete_log_events(*PLACE))
    await append(store, "a", (1, "two"))
    second = (await store.view(lambda txn: txn.read_log_events(*PLACE, limit=1)))[0].seq
    assert second > first


async def test_what_a_stream_holds_is_counted(store: Store) -> None:
    await append(store, "a", (5, "12345"), (3, "é"))
    await append(store, "a", (4, ""))
    await append(store, "b", (9, "b"))
    usage = await store.view(lambda txn: txn.read_log_usage(*PLACE, "a"))
    assert [(use.stream, use.first_ms, use.last_ms, use.stored_bytes) for use in usage] == [("a", 3, 5, 85)]
    assert {use.stream for use in await store.view(lambda txn: txn.read_log_usage(*PLACE))} == {"a", "b"}
    assert await store.view(lambda txn: txn.count_log_bytes(*PLACE)) == 85 + 27
    await store.update(lambda txn: txn.delete_log_events(*PLACE))
    assert await store.view(lambda txn: txn.count_log_bytes(*PLACE)) == 0


async def test_expired_events_go_with_what_they_took(store: Store) -> None:
    await append(store, "a", (1, "old"), (5, "new"))
    await append(store, "b", (2, "old too"))
    await append(store, "a", (1, "other"), group="other")
    await store.update(lambda txn: txn.expire_log_events(*PLACE, before_ms=5))
    assert await messages(store) == ["new"]
    (usage,) = await store.view(lambda txn: txn.read_log_usage(*PLACE))
    assert (usage.stream, usage.first_ms, usage.last_ms, usage.stored_bytes) == ("a", 5, 5, 29)
    assert len(await store.view(lambda txn: txn.read_log_events("s", "other", limit=5))) == 1
