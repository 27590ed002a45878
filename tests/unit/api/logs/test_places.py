"""Event numbers and tokens: 56 digits, in the order of time, and back again."""

import pytest

from bastide.api.logs.places import before, parse_token, render_backward, render_forward, render_place
from bastide.model.faults import Invalid

PLACE = (1_795_390_545_277, 42)


def test_numbers_have_56_digits_and_sort_like_places() -> None:
    places = [(1, 5), (2, 1), (2, 2), PLACE, (PLACE[0] + 1, 0)]
    numbers = [render_place(place) for place in places]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {56}


def test_a_token_comes_back_as_its_direction_and_place() -> None:
    assert parse_token(render_forward(PLACE)) == (True, PLACE)
    assert parse_token(render_backward(before(PLACE))) == (False, (PLACE[0], 41))


@pytest.mark.parametrize(
    "text", ["", "x", "f/1/s", "g/" + "0" * 56 + "/s", "f/" + "9" * 56 + "/s\n", "f/" + "9" * 56 + "/s"]
)
def test_what_was_never_given_out_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_token(text)
