"""The image store: the Images of host/ports.py, in containerd's content, snapshots and image records.

An image record points at a manifest; labels on manifest and config make containerd's collector keep layers
and snapshots for as long as the record is there. Any number of calls may run at once: of several that need
one image unpacked, one does it and the others wait.
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from bastide.host.containerd.channel import Channel
from bastide.host.containerd.content import Content
from bastide.host.containerd.image_import import ImageImport
from bastide.host.containerd.manifests import Manifest, read_manifest
from bastide.host.containerd.snapshots import SNAPSHOTTER, Snapshots
from bastide.host.containerd_api.services import images_pb2 as images
from bastide.host.containerd_api.services.images_pb2_grpc import ImagesStub
from bastide.host.containerd_api.types.common_pb2 import Descriptor
from bastide.host.image_archive.archive import ArchivedImage, Blob
from bastide.host.ports import ImageConfig, Progress
from bastide.model.container.image_name import normalise_image_name
from bastide.model.faults import AlreadyExists, Invalid, NotFound

if TYPE_CHECKING:
    from bastide.host.containerd_api.services.images_pb2_grpc import ImagesAsyncStub

SNAPSHOT_LABEL = f"containerd.io/gc.ref.snapshot.{SNAPSHOTTER}"
REMOVE_TIMEOUT_S = 120.0  # the answer waits for the collector

log = logging.getLogger(__name__)


class ContainerdImages:
    """The Images Protocol over one containerd."""

    def __init__(self, channel: Channel, *, scratch_folder: Path) -> None:
        self._channel = channel
        self._scratch = scratch_folder  # compressed archives are laid out here while they are imported
        self._content = Content(channel)
        self._snapshots = Snapshots(channel)
        self._images: ImagesAsyncStub = ImagesStub(channel.grpc)
        self._manifests: dict[str, Manifest] = {}  # by the target's digest; never changes
        self._unpacking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def read_image(self, reference: str) -> ImageConfig:
        """By any spelling Docker takes; NotFound when it is not here, Invalid when it is corrupt."""
        image, manifest = await self._find(reference)
        return manifest.config_of(image.name)

    async def read_images(self) -> list[ImageConfig]:
        """All of this instance, by name; a corrupt one is left out and logged."""
        answer = await self._channel.call(self._images.List, images.ListImagesRequest(), about=("image", ""))
        found = []
        for image in answer.images:
            try:
                found.append((await self._manifest(image)).config_of(image.name))
            except (Invalid, NotFound) as fault:
                log.warning("image %s cannot be read: %s", image.name, fault)
        return sorted(found, key=lambda config: config.reference)

    async def import_archive(self, path: Path, *, progress: Progress, name: str | None = None) -> list[str]:
        """Take in a docker-archive or OCI archive; the references it named. Invalid if corrupt.

        `name` is for an archive that names no image, or is to be called otherwise.
        """
        entry = ImageImport(path, scratch=self._scratch, content=self._content, progress=progress)
        async with self._content.lease() as lease, entry.opened() as archived:
            named = [(image, _names(image, path, name, alone=len(archived) == 1)) for image in archived]
            for image, _ in named:
                await entry.store(image, lease=lease)
                target = _descriptor(image.manifest)
                manifest = await read_manifest(self._content, target)
                await self._ensure_unpacked(manifest, lease=lease, progress=progress)
            for image, references in named:
                for reference in references:
                    await self._ensure_record(reference, _descriptor(image.manifest))
        return [reference for _, references in named for reference in references]

    async def remove_image(self, reference: str) -> None:
        """NotFound when it is not here. Layers still used by a task stay until that is gone."""
        image = await self._record(reference)
        request = images.DeleteImageRequest(name=image.name, sync=True)
        about = ("image", reference)
        await self._channel.call(self._images.Delete, request, about=about, timeout_s=REMOVE_TIMEOUT_S)

    async def ensure_lower(self, reference: str, key: str) -> tuple[str, ...]:
        """Unpack if needed, pin a view named `key`: the lower directories, uppermost first."""
        _, manifest = await self._find(reference)
        top = manifest.chain[-1] if manifest.chain else ""
        try:
            return await self._snapshots.view(key, top)
        except NotFound:
            async with self._content.lease() as lease:
                await self._ensure_unpacked(manifest, lease=lease)
                return await self._snapshots.view(key, top)

    async def remove_lower(self, key: str) -> None:
        """Let the view go. Repeatable."""
        await self._snapshots.remove(key)

    async def read_lower_keys(self) -> set[str]:
        """Keys of all views."""
        return await self._snapshots.read_views()

    async def _ensure_unpacked(
        self, manifest: Manifest, *, lease: str, progress: Progress | None = None
    ) -> None:
        """Every layer's snapshot, held by the image's config from then on."""
        async with self._unpacking[manifest.digest]:
            parent, done, total = "", 0, sum(layer.size for layer in manifest.layers)
            for layer, diff_id, name in zip(manifest.layers, manifest.diff_ids, manifest.chain, strict=True):
                try:
                    await self._snapshots.ensure_layer(layer, diff_id, name, parent, lease=lease)
                except NotFound as fault:
                    raise Invalid("image", manifest.digest, why=f"a layer is missing: {fault}") from fault
                parent, done = name, done + layer.size
                if progress is not None:
                    progress("unpack", done, total)
            if parent:
                await self._content.add_labels(manifest.config_digest, {SNAPSHOT_LABEL: parent})

    async def _ensure_record(self, reference: str, target: Descriptor) -> None:
        image = images.Image(name=reference, target=target)
        about = ("image", reference)
        try:
            await self._channel.call(self._images.Create, images.CreateImageRequest(image=image), about=about)
        except AlreadyExists:
            request = images.UpdateImageRequest(image=image, update_mask=FieldMask(paths=["target"]))
            await self._channel.call(self._images.Update, request, about=about)

    async def _find(self, reference: str) -> tuple[images.Image, Manifest]:
        image = await self._record(reference)
        try:
            return image, await self._manifest(image)
        except NotFound as fault:
            raise Invalid("image", reference, why=f"{reference}: a part is missing: {fault}") from fault

    async def _record(self, reference: str) -> images.Image:
        name = normalise_image_name(reference)
        with suppress(NotFound):
            request = images.GetImageRequest(name=name)
            return (await self._channel.call(self._images.Get, request, about=("image", reference))).image
        repository, at, digest = name.partition("@")
        if at:
            filters = [f'target.digest=="{digest}"']
            listed = images.ListImagesRequest(filters=filters)
            answer = await self._channel.call(self._images.List, listed, about=("image", reference))
            for image in answer.images:
                if image.name.startswith((f"{repository}:", f"{repository}@")):
                    return image
        raise NotFound("image", reference)

    async def _manifest(self, image: images.Image) -> Manifest:
        digest = image.target.digest
        if digest not in self._manifests:
            self._manifests[digest] = await read_manifest(self._content, image.target)
        return self._manifests[digest]


def _names(image: ArchivedImage, path: Path, name: str | None, *, alone: bool) -> list[str]:
    if name is not None:
        if not alone:
            why = f"{path} holds several images: it cannot be imported under one name"
            raise Invalid("image archive", str(path), why=why)
        return [normalise_image_name(name)]
    if not image.names:
        why = f"{path} does not say what its image is called: give it a name"
        raise Invalid("image archive", str(path), why=why)
    return [normalise_image_name(each) for each in image.names]


def _descriptor(blob: Blob) -> Descriptor:
    return Descriptor(media_type=blob.media_type, digest=blob.digest, size=blob.size)
