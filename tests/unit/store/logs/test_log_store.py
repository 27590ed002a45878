"""Events come back once each, in order, whatever is sealed, merged or deleted meanwhile."""

import asyncio
from typing import Any

import pytest

from bastide.model.faults import Unavailable
from bastide.store.logs import LogStore, Selection
from bastide.store.logs.values import DAY_MS
from tests.unit.store.logs.conftest import BASE_MS, GROUP


async def test_events_come_back_by_time_then_as_they_came(logs: Any) -> None:
    lines = [(5, "five"), (3, ""), (9, "nul \x00 and \\ \" ' é\U0001f600"), (9, "x" * 300_000)]
    await logs.put(*lines)
    await logs.put((9, "last"), (1, "first"))
    for _ in range(2):
        events = await logs.read()
        expected = [(1, "first"), lines[1], lines[0], lines[2], lines[3], (9, "last")]
        assert [(event.timestamp_ms - BASE_MS, event.message) for event in events] == expected
        assert len({event.seq for event in events}) == 6
        assert {event.ingestion_ms for event in events} == {BASE_MS}
        await logs.store.seal(at_once=True)
    assert (len(logs.segments()), len(logs.journals())) == (1, 1)


async def test_half_a_character_is_stored_as_a_question_mark(logs: Any) -> None:
    await logs.put((1, "a\udcff"))
    await logs.store.seal(at_once=True)
    assert await logs.texts() == ["a?"]


async def test_journals_and_segments_are_read_as_one(logs: Any) -> None:
    for number in range(0, 30, 3):
        await logs.put((number, f"{number}"), (number + 40, f"{number + 40}"))
        await logs.put((number + 1, f"{number + 1}"), stream="b")
        if number % 9 == 0:
            await logs.store.seal(at_once=True)
    forward = await logs.texts()
    assert [int(text) for text in forward] == sorted(map(int, forward))
    assert len(forward) == 30
    assert await logs.texts(forward=False) == forward[::-1]
    assert await logs.texts(streams=frozenset({2})) == [str(number + 1) for number in range(0, 30, 3)]
    assert await logs.texts(stream_prefix="b", forward=False) == [
        str(number + 1) for number in range(27, -1, -3)
    ]
    assert await logs.texts(start_ms=BASE_MS + 10, end_ms=BASE_MS + 13) == ["10", "12"]
    assert await logs.texts(dead=frozenset({2})) == [
        text for text in forward if int(text) % 3 != 1 or int(text) >= 40
    ]
    assert await logs.texts(contains=("6", "4")) == ["46", "64"]


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_every_place_divides_the_events_in_two(logs: Any, is_sealed: bool) -> None:
    for number in range(5):
        await logs.put((number, f"{number}a"), (number, f"{number}b"), (7, "seven"))
        if is_sealed:
            await logs.store.seal(at_once=True)
    events = await logs.read()
    for index, event in enumerate(events):
        assert await logs.read(place=event.place) == events[index + 1 :]
        assert await logs.read(place=event.place, forward=False) == events[:index][::-1]


async def test_steps_are_bounded_in_rows_and_bytes(logs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bastide.store.logs import reading

    monkeypatch.setattr(reading, "STEP_ROWS", 7)
    monkeypatch.setattr(reading, "STEP_BYTES", 400)
    for number in range(40):
        await logs.put((number % 11, f"{number:03d}" + "x" * (number % 5 * 60)))
        if number in (13, 26):
            await logs.store.seal(at_once=True)
    for forward in (True, False):
        sizes = await logs.store.read(
            Selection(group=GROUP), lambda steps: [len(step.events) for step in steps], forward=forward
        )
        assert sum(sizes) == 40
        events = await logs.read(forward=forward)
        assert events == sorted(events, key=lambda event: event.place, reverse=not forward)
        reached = await logs.store.read(
            Selection(group=GROUP), lambda steps: [step.reached for step in steps], forward=forward
        )
        for place in reached:
            rest = await logs.read(forward=forward, place=place)
            assert rest == events[len(events) - len(rest) :]


async def test_groups_are_told_apart_and_days_lie_in_their_own_files(logs: Any) -> None:
    await logs.put((0, "one"), (DAY_MS, "two"))
    await logs.put((0, "other"), group="b" * 16)
    await logs.store.seal(at_once=True)
    assert len(logs.segments()) == 3
    assert await logs.texts() == ["one", "two"]
    assert await logs.texts(group="b" * 16) == ["other"]
    assert await logs.store.groups() == {GROUP, "b" * 16}


async def test_what_streams_hold_is_counted(logs: Any) -> None:
    await logs.put((5, "12345"), (3, "é"))
    await logs.store.seal(at_once=True)
    await logs.put((4, ""))
    await logs.put((9, "b"), stream="b")
    usages = await logs.store.usages(GROUP)
    assert {
        number: (use.stream, use.first_ms - BASE_MS, use.last_ms - BASE_MS, use.stored_bytes, use.rows)
        for number, use in usages.items()
    } == {1: ("a", 3, 5, 85, 3), 2: ("b", 9, 9, 27, 1)}
    assert await logs.store.stored_bytes(GROUP) == 85 + 27
    await logs.restart()
    assert await logs.store.usages(GROUP) == usages


async def test_many_small_segments_become_one(logs: Any) -> None:
    for number in range(16):
        await logs.put((number, str(number)))
        await logs.store.seal(at_once=True)
    before = await logs.read()
    await logs.store.merge(dead={})
    assert len(logs.segments()) == 2
    assert await logs.read() == before
    await logs.restart()
    assert await logs.read() == before


async def test_deleted_streams_are_swept_out(logs: Any) -> None:
    await logs.put((1, "a"))
    await logs.put((2, "b"), stream="b")
    await logs.store.seal(at_once=True)
    await logs.put((3, "c"), stream="c")
    await logs.store.seal(at_once=True)
    await logs.store.merge(dead={GROUP: frozenset({1, 3})})
    assert await logs.texts() == ["b"]
    assert set(await logs.store.usages(GROUP)) == {2}
    assert len(logs.segments()) == 1


async def test_expiry_lets_go_of_whole_segments(logs: Any) -> None:
    day_ms = BASE_MS // DAY_MS * DAY_MS
    for day in range(3):
        await logs.put((day_ms - BASE_MS + day * DAY_MS, str(day)))
    await logs.store.seal(at_once=True)
    await logs.store.expire(GROUP, before_ms=day_ms + 2 * DAY_MS - 1)
    assert await logs.texts() == ["1", "2"]
    assert len(logs.segments()) == 2
    await logs.store.remove({GROUP})
    assert (await logs.texts(), logs.segments()) == ([], [])


async def test_files_go_when_nobody_reads_them_any_more(logs: Any) -> None:
    for number in range(8):
        await logs.put((number, str(number)))
        await logs.store.seal(at_once=True)
    began, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def look(steps: Any) -> int:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(5)
        return sum(len(step.events) for step in steps)

    reading = asyncio.create_task(logs.store.read(Selection(group=GROUP), look, forward=True))
    await began.wait()
    await logs.store.merge(dead={})
    assert len(logs.segments()) == 9
    go_on.set()
    assert await reading == 8
    assert len(logs.segments()) == 1


async def test_a_follower_hears_of_its_groups(logs: Any) -> None:
    with logs.store.follow({GROUP}) as tail:
        await logs.put((1, "one"), (2, "two"))
        await logs.put((1, "other"), group="b" * 16)
        batches, missed = tail.take()
        assert [text for batch in batches for _, text in batch.lines] == ["one", "two"]
        assert missed == 0
        assert tail.take() == ([], 0)
        for _ in range(3):
            await logs.put(*[(1, "x")] * 10_000)
        batches, missed = tail.take()
        assert (len(batches), missed) == (2, 10_000)


async def test_only_one_process_holds_the_folder(logs: Any) -> None:
    await logs.put((1, "x"))

    async def keep(positions: Any) -> None:
        raise AssertionError

    other = LogStore(logs.folder, keep)
    with pytest.raises(Unavailable, match="another server"):
        await other.groups()
    await other.close()
