"""The images of tasks: pulled for each task as Fargate does, held for it from then on.

A tag is asked for anew by every task; what it meant is remembered by digest (`ContainerMemory.image_digest`),
so that a task keeps its image whatever becomes of the tag. Used from the agent's event loop only; any number
of tasks at once.
"""

import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import datetime

from bastide.config import Settings
from bastide.host.ports import Credentials, ImageConfig, Images
from bastide.model.assignment import Assignment, Container
from bastide.model.container.image_name import parse_image_name
from bastide.model.faults import NotFound
from bastide.model.frames import Pulling
from bastide.plan.image_cache import plan_eviction

log = logging.getLogger(__name__)

CredentialsOf = Callable[[Assignment, Container], Awaitable[Credentials | None]]


class TaskImages:
    """Of every task of this host."""

    def __init__(self, images: Images, *, credentials_of: CredentialsOf) -> None:
        self._images = images
        self._credentials_of = credentials_of
        self._news: dict[tuple[str, str], Pulling] = {}  # by task and container

    def take_news(self) -> list[Pulling]:
        """How far each pull is that has moved since this was asked last."""
        news, self._news = self._news, {}
        return list(news.values())

    async def ensure(self, spec: Assignment, container: Container, *, digest: str | None) -> ImageConfig:
        """The container's image, here and held until `remove_lower`; by `digest` if one is known already.

        Raises Invalid, in ECS's words, for one that cannot be had.
        """
        image = await self._find(container, digest) or await self._pull(spec, container)
        await self._images.ensure_lower(image.reference, container.runtime_id)
        return image

    async def _find(self, container: Container, digest: str | None) -> ImageConfig | None:
        if digest is None:
            return None
        try:
            return await self._images.read_image(str(parse_image_name(container.image).at(digest)))
        except NotFound:
            return None

    async def _pull(self, spec: Assignment, container: Container) -> ImageConfig:
        def tell(what: str, done: int, total: int) -> None:
            self._news[spec.task_arn, container.name] = Pulling(
                task_arn=spec.task_arn,
                container=container.name,
                what=what,
                done_bytes=done,
                total_bytes=total,
            )

        credentials = await self._credentials_of(spec, container)
        image = await self._images.ensure_image(container.image, credentials=credentials, progress=tell)
        log.info(
            "image ready", extra={"task": spec.task_id, "image": container.image, "digest": image.digest}
        )
        return image


async def prune(images: Images, *, budget_bytes: int, now: datetime) -> list[str]:
    """Remove the pulled images that the budget has no room for and no task uses; which those were."""
    gone = plan_eviction(await images.read_cache(), budget_bytes=budget_bytes, now=now)
    for name in gone:
        with contextlib.suppress(NotFound):  # somebody else was faster
            await images.remove_image(name)
    if gone:
        log.info("images removed to keep within the budget", extra={"images": ", ".join(gone)})
    return gone


def budget_bytes(settings: Settings) -> int:
    """`image_cache_percent` of the disk the images lie on."""
    disk = os.statvfs(settings.data_folder)
    return disk.f_blocks * disk.f_frsize * settings.image_cache_percent // 100
