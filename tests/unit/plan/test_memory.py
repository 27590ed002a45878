"""When memory is looked at, and who is beyond."""

import pytest

from bastide.plan.memory import MIB, find_excess, seconds_to_asking_look, seconds_to_cheap_look


def test_only_what_is_above_its_limit_is_beyond() -> None:
    limits = {"a": 100, "b": 100, "c": 100}
    assert find_excess(limits, {"a": 100, "b": 101}) == {"b"}


@pytest.mark.parametrize("look", [seconds_to_cheap_look, seconds_to_asking_look])
def test_the_next_look_comes_sooner_with_less_room_and_with_faster_growth(look: object) -> None:
    assert callable(look)
    rooms = [0, 50 * MIB, 100 * MIB, 1000 * MIB, 100_000 * MIB]
    waits = [look(room, 0.0) for room in rooms]
    assert waits == sorted(waits)
    assert waits[0] > 0
    assert waits[-1] == waits[-2] or look is seconds_to_asking_look
    assert look(150 * MIB, 10_000 * MIB) < look(150 * MIB, 0.0)


def test_at_the_speed_seen_half_the_room_is_left_at_the_next_look() -> None:
    assert seconds_to_asking_look(1000 * MIB, 5000 * MIB) == pytest.approx(0.1)
