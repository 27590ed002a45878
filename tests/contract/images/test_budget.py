"""The budget for pulled images, as the agent keeps it; the fake and containerd alike."""

from datetime import UTC, datetime, timedelta

import pytest

from bastide.agent.images import prune
from bastide.host.ports import Images
from bastide.model.faults import NotFound
from bastide.plan.image_cache import held_bytes
from tests.contract.images import archives
from tests.contract.images.test_pull import pulled
from tests.registry import OwnRegistry

LATER = datetime.now(UTC) + timedelta(hours=1)


async def test_the_least_recently_used_goes_and_what_a_task_stands_on_stays(
    images: Images, registry: OwnRegistry
) -> None:
    names = {}
    for app in ("stood-on", "old", "new"):
        registry.add(app, archives.oci_members([{app: app}]))
        names[app] = (await pulled(images, registry, f"{app}:1")).reference
    lower = await images.ensure_lower(names["stood-on"], "key")
    held = held_bytes(await images.read_cache())

    assert await prune(images, budget_bytes=held, now=LATER) == []
    assert await prune(images, budget_bytes=held - 1, now=LATER) == [names["old"]]
    with pytest.raises(NotFound):
        await images.read_image(names["old"])
    assert await prune(images, budget_bytes=0, now=LATER) == [names["new"]]
    assert await images.ensure_lower(names["stood-on"], "key") == lower
    await images.remove_lower("key")
    assert await prune(images, budget_bytes=0, now=LATER) == [names["stood-on"]]


async def test_what_was_just_asked_for_stays_whatever_it_takes(images: Images, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members())
    image = await pulled(images, registry)
    assert image.used_at is not None
    assert await prune(images, budget_bytes=0, now=image.used_at + timedelta(seconds=60)) == []
