"""Which images a lifecycle policy expires, and when it will have more to say.

All rules look at the same images at once, the lowest number first. A rule counts every image its selection
fits, also one an earlier rule has marked, but expires none that fits the selection of an earlier rule.
The order is that of the pushes (Amazon ECR user guide, "Lifecycle policy evaluation rules").
"""

from collections.abc import Sequence

import msgspec

from bastide.model.registry.lifecycle_policy import DAY_S, CountType, Rule, TagStatus
from bastide.model.registry.tag_rules import matches


class SeenImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image as a policy sees it; `is_held` while an index names it, or it belongs to another image."""

    digest: str
    tags: tuple[str, ...] = ()
    pushed_s: float
    is_held: bool = False


class Expiry(msgspec.Struct, frozen=True):
    """An image that is to go, and the number of the rule that says so."""

    digest: str
    priority: int


def plan_expiries(rules: Sequence[Rule], images: Sequence[SeenImage], *, now_s: float) -> list[Expiry]:
    """What goes now, the oldest of each rule first."""
    candidates = sorted((image for image in images if not image.is_held), key=_by_push)
    claimed: set[str] = set()
    expiries: list[Expiry] = []
    for rule in rules:
        fitting = [image for image in candidates if is_selected(rule, image)]
        due = _due_of(rule, fitting, now_s)
        expiries += [Expiry(image.digest, rule.priority) for image in due if image.digest not in claimed]
        claimed |= {image.digest for image in fitting}
    return expiries


def seconds_to_next(rules: Sequence[Rule], images: Sequence[SeenImage], *, now_s: float) -> float | None:
    """How long until an image grows old enough for a rule; None where none ever will."""
    ends = [
        image.pushed_s + rule.count * DAY_S
        for rule in rules
        if rule.count_type is CountType.DAYS
        for image in images
        if not image.is_held and is_selected(rule, image)
    ]
    left = [end - now_s for end in ends if end > now_s]
    return min(left) if left else None


def is_selected(rule: Rule, image: SeenImage) -> bool:
    """Whether the rule is about the image."""
    if rule.tag_status is TagStatus.ANY:
        return True
    if rule.tag_status is TagStatus.UNTAGGED:
        return not image.tags
    return (
        bool(image.tags)
        and all(any(tag.startswith(prefix) for tag in image.tags) for prefix in rule.prefixes)
        and all(any(matches(pattern, tag) for tag in image.tags) for pattern in rule.patterns)
    )


def _due_of(rule: Rule, fitting: Sequence[SeenImage], now_s: float) -> Sequence[SeenImage]:
    if rule.count_type is CountType.IMAGES:
        return fitting[: max(len(fitting) - rule.count, 0)]
    return [image for image in fitting if now_s - image.pushed_s >= rule.count * DAY_S]


def _by_push(image: SeenImage) -> tuple[float, str]:
    return image.pushed_s, image.digest
