"""The budget for pulled images."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bastide.model.container.cached_image import CachedImage
from bastide.plan.image_cache import held_bytes, plan_eviction

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def image(name: str, age_h: float, *layers: str, is_in_use: bool = False) -> CachedImage:
    """Each layer has 10 bytes."""
    used_at = NOW - timedelta(hours=age_h)
    return CachedImage(name=name, used_at=used_at, layers=dict.fromkeys(layers, 10), is_in_use=is_in_use)


def test_nothing_goes_while_it_fits() -> None:
    assert plan_eviction([image("a", 9, "1"), image("b", 1, "2")], budget_bytes=20, now=NOW) == []


def test_the_least_recently_used_goes_first_and_no_more_than_needed() -> None:
    images = [image("new", 1, "1"), image("oldest", 9, "2"), image("old", 5, "3")]
    assert plan_eviction(images, budget_bytes=20, now=NOW) == ["oldest"]
    assert plan_eviction(images, budget_bytes=0, now=NOW) == ["oldest", "old", "new"]


def test_what_is_used_or_was_just_asked_for_stays() -> None:
    images = [image("used", 9, "1", is_in_use=True), image("just", 0.01, "2"), image("old", 5, "3")]
    assert plan_eviction(images, budget_bytes=0, now=NOW) == ["old"]


def test_a_shared_layer_counts_once() -> None:
    images = [image("a", 9, "base", "1"), image("b", 1, "base", "2")]
    assert held_bytes(images) == 30
    assert plan_eviction(images, budget_bytes=30, now=NOW) == []
    assert plan_eviction(images, budget_bytes=29, now=NOW) == ["a"]


@given(
    st.lists(st.tuples(st.floats(0, 100), st.sets(st.sampled_from("abcdef"), min_size=1), st.booleans())),
    st.integers(0, 60),
)
def test_a_plan_that_was_carried_out_is_empty(given: list[tuple[float, set[str], bool]], budget: int) -> None:
    images = [image(str(n), age, *layers, is_in_use=used) for n, (age, layers, used) in enumerate(given)]
    gone = set(plan_eviction(images, budget_bytes=budget, now=NOW))
    rest = [one for one in images if one.name not in gone]
    assert plan_eviction(rest, budget_bytes=budget, now=NOW) == []
    assert all(not one.is_in_use for one in images if one.name in gone)
