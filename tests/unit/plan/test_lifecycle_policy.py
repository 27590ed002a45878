"""Which images a policy expires: the examples of the ECR user guide, and what holds for any policy."""

from hypothesis import given
from hypothesis import strategies as st

from bastide.model.registry.lifecycle_policy import DAY_S, CountType, Rule, TagStatus
from bastide.plan.lifecycle_policy import Expiry, SeenImage, plan_expiries, seconds_to_next

NOW_S = 100 * DAY_S


def image(digest: str, *tags: str, days: float, is_held: bool = False) -> SeenImage:
    return SeenImage(digest=digest, tags=tags, pushed_s=NOW_S - days * DAY_S, is_held=is_held)


def keep(priority: int, count: int, *prefixes: str, status: TagStatus = TagStatus.TAGGED) -> Rule:
    return Rule(
        priority=priority, tag_status=status, prefixes=prefixes, count_type=CountType.IMAGES, count=count
    )


A = image("A", "beta-1", "prod-1", days=10)
B = image("B", "beta-2", "prod-2", days=9)
C = image("C", "beta-3", days=8)


def test_a_later_rule_takes_no_image_that_fits_an_earlier_one() -> None:
    rules = [keep(1, 1, "prod"), keep(2, 1, "beta")]
    assert plan_expiries(rules, [A, B, C], now_s=NOW_S) == [Expiry("A", 1)]


def test_the_order_of_the_rules_decides() -> None:
    rules = [keep(1, 1, "beta"), keep(2, 1, "prod")]
    assert plan_expiries(rules, [A, B, C], now_s=NOW_S) == [Expiry("A", 1), Expiry("B", 1)]


def test_an_image_has_to_carry_every_prefix() -> None:
    only_alpha = image("D", "alpha-1", days=5)
    both = image("E", "alpha-2", "beta-2", days=4)
    rules = [
        Rule(
            priority=1,
            tag_status=TagStatus.TAGGED,
            prefixes=("alpha", "beta"),
            count_type=CountType.DAYS,
            count=1,
        )
    ]
    assert plan_expiries(rules, [only_alpha, both], now_s=NOW_S) == [Expiry("E", 1)]


def test_any_takes_what_is_left() -> None:
    rules = [keep(1, 1, "beta"), keep(2, 1, status=TagStatus.ANY)]
    untagged = image("U", days=20)
    tagged = image("T", "other", days=1)
    assert plan_expiries(rules, [C, untagged, tagged], now_s=NOW_S) == [Expiry("U", 2)]


def test_days_count_from_the_push() -> None:
    rule = Rule(priority=1, tag_status=TagStatus.UNTAGGED, count_type=CountType.DAYS, count=14)
    old, young = image("old", days=14), image("young", days=13)
    assert plan_expiries([rule], [old, young], now_s=NOW_S) == [Expiry("old", 1)]
    assert seconds_to_next([rule], [young], now_s=NOW_S) == DAY_S
    assert seconds_to_next([rule], [old], now_s=NOW_S) is None


def test_what_an_index_names_stays_and_does_not_count() -> None:
    rules = [keep(1, 1, status=TagStatus.UNTAGGED)]
    images = [image("part", days=9, is_held=True), image("x", days=8), image("y", days=7)]
    assert plan_expiries(rules, images, now_s=NOW_S) == [Expiry("x", 1)]


IMAGES = st.lists(
    st.builds(
        SeenImage,
        digest=st.uuids().map(str),
        tags=st.lists(st.sampled_from(["a1", "a2", "b1", "b2"]), unique=True).map(tuple),
        pushed_s=st.floats(0, NOW_S),
        is_held=st.booleans(),
    ),
    unique_by=lambda one: one.digest,
)
RULES = st.lists(
    st.builds(
        Rule,
        priority=st.just(1),
        tag_status=st.sampled_from(TagStatus),
        prefixes=st.sampled_from([(), ("a",), ("a", "b")]),
        count_type=st.sampled_from(CountType),
        count=st.integers(1, 5),
    ),
    max_size=4,
)


@given(RULES, IMAGES)
def test_no_image_goes_twice_and_what_is_left_stays(rules: list[Rule], images: list[SeenImage]) -> None:
    gone = [expiry.digest for expiry in plan_expiries(rules, images, now_s=NOW_S)]
    assert len(gone) == len(set(gone))
    assert not {image.digest for image in images if image.is_held} & set(gone)
    left = [image for image in images if image.digest not in gone]
    assert plan_expiries(rules, left, now_s=NOW_S) == []
