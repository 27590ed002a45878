"""How a task's processor time is divided, played against containers that want so and so much."""

from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bastide.plan.cpu import CpuUse, plan_caps

QUOTA = 25_000
GREEDY = 10 * QUOTA


def play(wanted: Mapping[str, int], weights: Mapping[str, int], *, looks: int = 12) -> dict[str, float]:
    """What each uses at the end, on a kernel that knows no weights."""
    caps: dict[str, int | None] = dict.fromkeys(wanted)
    used: dict[str, float] = {}
    for _ in range(looks):
        bounds = {name: min(want, caps[name] or QUOTA) for name, want in wanted.items()}
        used = evenly(bounds)
        uses = {name: CpuUse(weight=weights[name], used_us=used[name], cap_us=caps[name]) for name in wanted}
        caps = plan_caps(QUOTA, others_us=0.0, containers=uses)
    return used


def evenly(bounds: Mapping[str, float]) -> dict[str, float]:
    left, used = float(QUOTA), {}
    for number, (name, bound) in enumerate(sorted(bounds.items(), key=lambda item: item[1])):
        used[name] = min(bound, left / (len(bounds) - number))
        left -= used[name]
    return used


def test_two_that_want_all_get_their_parts() -> None:
    used = play({"small": GREEDY, "large": GREEDY}, {"small": 64, "large": 192})
    assert used["large"] / used["small"] == pytest.approx(3, rel=0.01)
    assert sum(used.values()) == pytest.approx(QUOTA, rel=0.01)


def test_what_one_does_not_want_the_other_gets() -> None:
    used = play({"small": GREEDY, "large": 5_000}, {"small": 64, "large": 192})
    assert used["large"] == 5_000
    assert used["small"] > (QUOTA - 5_000) * 0.9


def test_alone_a_container_is_never_capped() -> None:
    uses = {"busy": CpuUse(weight=2, used_us=QUOTA), "idle": CpuUse(weight=1000, used_us=3.0)}
    assert plan_caps(QUOTA, others_us=0.0, containers=uses) == {"busy": None, "idle": None}


@example([(2, 9_000), (2, 9_000), (196, GREEDY)])  # two whose part is less than it takes to count as active
@given(
    st.lists(
        st.tuples(st.integers(2, 1024), st.sampled_from([0, 400, 3_000, 9_000, GREEDY])),
        min_size=2,
        max_size=10,
    )
)
def test_nobody_gets_less_than_its_part_unless_it_wants_less_and_little_is_lost(
    wants: list[tuple[int, int]],
) -> None:
    wanted = {str(number): want for number, (_, want) in enumerate(wants)}
    weights = {str(number): weight for number, (weight, _) in enumerate(wants)}
    used = play(wanted, weights, looks=40)
    for name, want in wanted.items():
        fair = QUOTA * weights[name] / sum(weights.values())
        assert used[name] >= min(want, fair) * 0.7
    assert sum(used.values()) >= min(QUOTA, sum(wanted.values())) * 0.8
