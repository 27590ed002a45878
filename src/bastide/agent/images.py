"""The images of tasks: pulled for each task as Fargate does, held for it from then on.

A tag is asked for anew by every task; what it meant is remembered by digest (`ContainerMemory.image_digest`),
so that a task keeps its image whatever becomes of the tag. Used from the agent's event loop only; any number
of tasks at once.
"""

import logging
from collections.abc import Awaitable, Callable

from bastide.host.ports import Credentials, ImageConfig, Images
from bastide.model.assignment import Assignment, Container
from bastide.model.container.image_name import parse_image_name
from bastide.model.faults import NotFound

log = logging.getLogger(__name__)

CredentialsOf = Callable[[Assignment, Container], Awaitable[Credentials | None]]


async def nobody(spec: Assignment, container: Container) -> Credentials | None:
    """Pulls of everybody's images need no credentials."""
    return None


class TaskImages:
    """Of every task of this host."""

    def __init__(self, images: Images, *, credentials_of: CredentialsOf = nobody) -> None:
        self._images = images
        self._credentials_of = credentials_of

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
        credentials = await self._credentials_of(spec, container)
        image = await self._images.ensure_image(
            container.image, credentials=credentials, progress=lambda what, done, total: None
        )
        log.info(
            "image ready", extra={"task": spec.task_id, "image": container.image, "digest": image.digest}
        )
        return image
