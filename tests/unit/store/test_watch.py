"""What a watch keeps for a slow reader, without a database."""

from bastide.store import Change, Lost, Watch
from bastide.store.watch import CAPACITY, Feed


async def never(since: int) -> list[Change] | Lost:
    raise AssertionError(since)


async def past(since: int) -> list[Change] | Lost:
    return [Change(seq, "a", f"k{seq}", 1) for seq in range(since + 1, 6)]


async def too_old(since: int) -> list[Change] | Lost:
    return Lost(9)


async def test_a_later_change_of_a_record_replaces_the_earlier_and_goes_to_the_end() -> None:
    watch = Watch(Feed(), kinds=None, since=None, replay=never)
    watch.offer([Change(1, "a", "x", 1), Change(2, "a", "y", 1), Change(3, "a", "x", 2)])
    assert [await anext(watch), await anext(watch)] == [Change(2, "a", "y", 1), Change(3, "a", "x", 2)]


async def test_only_records_touched_cost_room() -> None:
    watch = Watch(Feed(), kinds=None, since=None, replay=never)
    watch.offer(Change(seq, "a", f"k{seq % 10}", seq) for seq in range(1, CAPACITY * 2))
    assert [(await anext(watch)).seq for _ in range(10)] == list(range(CAPACITY * 2 - 10, CAPACITY * 2))


async def test_overflow_is_lost_once() -> None:
    watch = Watch(Feed(), kinds={"a"}, since=None, replay=never)
    watch.offer(Change(seq, "a", f"k{seq}", 1) for seq in range(1, CAPACITY + 2))
    watch.offer([Change(CAPACITY + 2, "a", "x", 1), Change(CAPACITY + 3, "b", "x", 1)])
    assert [await anext(watch), await anext(watch)] == [Lost(CAPACITY + 1), Change(CAPACITY + 2, "a", "x", 1)]


async def test_replay_and_what_came_meanwhile_meet_without_gap_or_repeat() -> None:
    watch = Watch(Feed(), kinds=None, since=2, replay=past)
    watch.offer([Change(5, "a", "k5", 1), Change(6, "a", "k6", 1)])
    assert [(await anext(watch)).seq for _ in range(4)] == [3, 4, 5, 6]


async def test_a_replay_that_is_no_longer_kept_is_lost() -> None:
    watch = Watch(Feed(), kinds=None, since=2, replay=too_old)
    watch.offer([Change(10, "a", "k", 1)])
    assert [await anext(watch), await anext(watch)] == [Lost(9), Change(10, "a", "k", 1)]


async def test_a_feed_tells_those_who_joined_until_they_leave() -> None:
    feed = Feed()
    watch = Watch(feed, kinds=None, since=None, replay=never)
    feed.join(watch)
    feed.publish([Change(1, "a", "x", 1)])
    watch.close()
    feed.publish([Change(2, "a", "x", 2)])
    assert [change async for change in watch] == []
