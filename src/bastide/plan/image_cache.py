"""Which pulled images go when they take more of the disk than they may: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bastide.model.container.cached_image import CachedImage

GRACE = timedelta(minutes=2)  # an image asked for so lately may be about to be stood on


def plan_eviction(images: Sequence[CachedImage], *, budget_bytes: int, now: datetime) -> list[str]:
    """The least recently used, until what is left fits; never one in use. A shared layer counts once."""
    kept = sorted(images, key=lambda image: image.used_at)
    gone: list[str] = []
    for image in list(kept):
        if held_bytes(kept) <= budget_bytes:
            break
        if not image.is_in_use and now - image.used_at > GRACE:
            kept.remove(image)
            gone.append(image.name)
    return gone


def held_bytes(images: Sequence[CachedImage]) -> int:
    """What they take of the disk together."""
    layers: dict[str, int] = {}
    for image in images:
        layers.update(image.layers)
    return sum(layers.values())
