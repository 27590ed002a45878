"""How the containers of one task divide its processor time when it does not suffice. Pure.

Weights alone do not do it: the kernel weighs only what waits for the same processor, and with a small quota
it seldom does. So while the task is held back by its quota, each container is capped: to its part, and if it
wants more, to what the others leave of theirs. Amounts are microseconds in a period of the quota.
"""

from collections.abc import Mapping

import msgspec

ACTIVE = 0.01  # of the quota: who uses less takes part in no division
HUNGRY = 0.95  # of what it may use: it wants more
# Who is not hungry may use so much more by the next look: of what it uses, and of the quota.
GROWTH, GROWTH_LEAST = 1.1, 0.01


class CpuUse(msgspec.Struct, frozen=True, kw_only=True):
    """What one container used of late, and how much it was let use (None: as much as the task)."""

    weight: int
    used_us: float
    cap_us: int | None = None


def plan_caps(quota_us: int, *, others_us: float, containers: Mapping[str, CpuUse]) -> dict[str, int | None]:
    """How much each may use from now on.

    Preconditions: the task's quota held it back, or some are capped. `others_us` is what the sandbox itself
    used, which belongs to nobody.
    """
    active = {name: use for name, use in containers.items() if _is_active(use, quota_us)}
    caps: dict[str, int | None] = dict.fromkeys(containers)
    if len(active) < 2:
        return caps
    divided_us = max(quota_us / 2, quota_us - others_us)
    all_weight = sum(use.weight for use in active.values())
    parts_us = {name: divided_us * use.weight / all_weight for name, use in active.items()}
    wanted_us: dict[str, float] = {}
    for name, use in active.items():
        is_hungry = use.used_us >= HUNGRY * (use.cap_us or parts_us[name])
        wanted_us[name] = divided_us if is_hungry else use.used_us * GROWTH + quota_us * GROWTH_LEAST
    for name, got_us in _divide(divided_us, wanted_us, active).items():
        caps[name] = round(max(got_us, parts_us[name]))
    return caps


def _is_active(use: CpuUse, quota_us: int) -> bool:
    """Also who is held to less than that by its cap: let go, it would take what is not its part."""
    is_held = use.cap_us is not None and use.used_us >= HUNGRY * use.cap_us
    return is_held or use.used_us > quota_us * ACTIVE


def _divide(amount: float, wanted: Mapping[str, float], uses: Mapping[str, CpuUse]) -> dict[str, float]:
    """By weight, and what one does not want goes to the others."""
    got: dict[str, float] = {}
    left = dict(wanted)
    while left:
        weight = sum(uses[name].weight for name in left)
        parts = {name: amount * uses[name].weight / weight for name in left}
        content = {name: want for name, want in left.items() if want <= parts[name]}
        if not content:
            return got | parts
        got |= content
        amount -= sum(content.values())
        left = {name: want for name, want in left.items() if name not in content}
    return got
