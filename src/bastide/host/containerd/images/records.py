"""containerd's image records: a name, what it points at, and our labels on it.

An imported image is recorded under the names it was given, tag and all, and stays until it is removed. A
pulled one is recorded under its digest (`registry/path@sha256:…`), since what a tag means is asked anew for
every task; its labels say which tag it was pulled by and when it was last used.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from google.protobuf.field_mask_pb2 import FieldMask

from bastide.host.containerd.channel import Channel
from bastide.host.containerd_api.services import images_pb2 as images
from bastide.host.containerd_api.services.images_pb2_grpc import ImagesStub
from bastide.host.containerd_api.types.common_pb2 import Descriptor
from bastide.host.image_archive.archive import Blob
from bastide.model.container.image_name import ImageName, parse_image_name
from bastide.model.faults import AlreadyExists, NotFound

if TYPE_CHECKING:
    from bastide.host.containerd_api.services.images_pb2_grpc import ImagesAsyncStub

TAG_LABEL, USED_LABEL = "bastide/tag", "bastide/used-at"
FRESH = timedelta(seconds=30)  # a use so soon after the last one is not written down
REMOVE_TIMEOUT_S = 120.0  # the answer waits for the collector


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record."""

    name: str
    target: Blob
    tag: str = ""  # of a pulled one
    used_at: datetime | None = None  # of a pulled one

    @property
    def is_pulled(self) -> bool:
        """Whether it came from a registry, so that it can be had again."""
        return self.used_at is not None


class ImageRecords:
    """Of one namespace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._images: ImagesAsyncStub = ImagesStub(channel.grpc)

    async def find(self, name: str) -> ImageRecord | None:
        """The record of exactly that name."""
        request = images.GetImageRequest(name=name)
        try:
            answer = await self._channel.call(self._images.Get, request, about=("image", name))
        except NotFound:
            return None
        return _record(answer.image)

    async def get(self, reference: str) -> ImageRecord:
        """By any spelling Docker takes: by name, by digest, by the tag a pulled one was last asked for."""
        name = parse_image_name(reference)
        if found := await self.find(str(name)):
            return found
        others = [one for one in await self.read_all() if _means(one, name)]
        if not others:
            raise NotFound("image", reference)
        return max(others, key=lambda one: (one.used_at is not None, one.used_at))

    async def read_all(self) -> list[ImageRecord]:
        """All of them, by name."""
        answer = await self._channel.call(self._images.List, images.ListImagesRequest(), about=("image", ""))
        return sorted((_record(image) for image in answer.images), key=lambda one: one.name)

    async def put_imported(self, name: str, target: Blob) -> None:
        """Make it or move it."""
        await self._put(images.Image(name=name, target=descriptor_of(target)))

    async def put_pulled(self, name: ImageName, target: Blob) -> None:
        """Under its digest; `name` is what it was asked for by."""
        image = images.Image(name=str(name.at(target.digest)), target=descriptor_of(target))
        image.labels.update({USED_LABEL: _now().isoformat()} | ({TAG_LABEL: name.tag} if name.tag else {}))
        await self._put(image)

    async def touch(self, record: ImageRecord, name: ImageName) -> None:
        """It was asked for again, by this name."""
        tag = name.tag or record.tag
        if record.used_at is None or (record.tag == tag and _now() - record.used_at < FRESH):
            return
        await self._put(
            images.Image(
                name=record.name,
                target=descriptor_of(record.target),
                labels={USED_LABEL: _now().isoformat()} | ({TAG_LABEL: tag} if tag else {}),
            )
        )

    async def remove(self, name: str) -> None:
        """The record, and at once what nothing else refers to. NotFound when it is not here."""
        request = images.DeleteImageRequest(name=name, sync=True)
        about = ("image", name)
        await self._channel.call(self._images.Delete, request, about=about, timeout_s=REMOVE_TIMEOUT_S)

    async def _put(self, image: images.Image) -> None:
        about = ("image", image.name)
        try:
            await self._channel.call(self._images.Create, images.CreateImageRequest(image=image), about=about)
        except AlreadyExists:
            mask = FieldMask(paths=["target", "labels"])
            request = images.UpdateImageRequest(image=image, update_mask=mask)
            await self._channel.call(self._images.Update, request, about=about)


def descriptor_of(blob: Blob) -> Descriptor:
    """As containerd's API takes it."""
    return Descriptor(media_type=blob.media_type, digest=blob.digest, size=blob.size)


def _means(record: ImageRecord, name: ImageName) -> bool:
    if not record.name.startswith((f"{name.repository}:", f"{name.repository}@")):
        return False
    return record.target.digest == name.digest if name.digest else record.is_pulled and record.tag == name.tag


def _record(image: images.Image) -> ImageRecord:
    target = Blob(media_type=image.target.media_type, digest=image.target.digest, size=image.target.size)
    tag = image.labels.get(TAG_LABEL, "")
    return ImageRecord(name=image.name, target=target, tag=tag, used_at=_used_at(image.labels))


def _used_at(labels: Mapping[str, str]) -> datetime | None:
    if USED_LABEL not in labels:
        return None
    try:
        return datetime.fromisoformat(labels[USED_LABEL])
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _now() -> datetime:
    return datetime.now(UTC)
