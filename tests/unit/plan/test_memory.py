"""When memory is looked at, and who is beyond."""

import pytest

from bastide.plan.memory import MIB, find_excess, find_room, seconds_to_look


def test_only_what_is_above_its_limit_is_beyond() -> None:
    limits = {"a": 100, "b": 100, "c": 100}
    assert find_excess(limits, {"a": 100, "b": 101}) == {"b"}


def test_room_is_what_the_fullest_container_has_left() -> None:
    assert find_room({"a": 100, "b": 200}, {"a": 40, "b": 150}, held=230) == 50


def test_one_that_was_not_asked_for_may_hold_all_there_is() -> None:
    assert find_room({"a": 100, "b": 200}, {"a": 40}, held=170) == 30


def test_the_next_look_comes_sooner_with_less_room_and_with_faster_growth() -> None:
    waits = [seconds_to_look(room * MIB, 0.0) for room in (0, 50, 100, 1000, 100_000)]
    assert waits == sorted(waits)
    assert 0 < waits[0] < waits[2] < waits[3] == waits[4]
    assert seconds_to_look(150 * MIB, 10_000 * MIB) < seconds_to_look(150 * MIB, 0.0)


def test_at_the_speed_seen_half_the_room_is_left_at_the_next_look() -> None:
    assert seconds_to_look(500 * MIB, 5000 * MIB) == pytest.approx(0.05)
