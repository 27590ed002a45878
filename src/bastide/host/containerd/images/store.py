"""The image store: the Images of host/ports.py, in containerd's content, snapshots and image records.

An image record points at a manifest; labels on manifest and config make containerd's collector keep layers
and snapshots for as long as the record is there. Any number of calls may run at once: of several that need
one image pulled or unpacked, one does it and the others wait.
"""

import asyncio
import logging
from collections import defaultdict
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from bastide.host.containerd.channel import Channel
from bastide.host.containerd.content import Content
from bastide.host.containerd.images.image_import import ImageImport
from bastide.host.containerd.images.pulling import Bench, Source, pull
from bastide.host.containerd.images.records import ImageRecord, ImageRecords, descriptor_of
from bastide.host.containerd.images.sharing import Sharing
from bastide.host.containerd.leases import Leases
from bastide.host.containerd.manifests import Manifest, read_manifest
from bastide.host.containerd.snapshots import SNAPSHOT_LABEL, Snapshots
from bastide.host.containerd.unpacking import Room, Unpacking
from bastide.host.image_archive.archive import ArchivedImage
from bastide.host.layers.arrivals import Arrivals
from bastide.host.ports import Credentials, ImageConfig, Progress
from bastide.host.registry.client import RegistryClient
from bastide.model.container.cached_image import CachedImage
from bastide.model.container.image_name import ImageName, normalise_image_name, parse_image_name
from bastide.model.faults import Invalid, NotFound

log = logging.getLogger(__name__)


class ContainerdImages:
    """The Images Protocol over one containerd."""

    def __init__(
        self,
        channel: Channel,
        *,
        scratch_folder: Path,
        registry: RegistryClient,
        layers_at_once: int,
        limits: Room,
    ) -> None:
        self._scratch = scratch_folder  # compressed archives are laid out here while they are imported
        self._content = Content(channel)
        self._leases = Leases(channel)
        self._snapshots = Snapshots(channel)
        layers = scratch_folder / "layers"
        layers.mkdir(mode=0o700, exist_ok=True)
        self._unpacking = Unpacking(channel, scratch=layers, limits=limits)
        self._records = ImageRecords(channel)
        self._bench = Bench(
            registry=registry,
            content=self._content,
            leases=self._leases,
            snapshots=self._snapshots,
            unpacking=self._unpacking,
            arrivals=Arrivals(layers, at_once=layers_at_once),
            records=self._records,
        )
        self._manifests: dict[str, Manifest] = {}  # by the target's digest; never changes
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by image, while unpacked
        self._pulls: Sharing[Manifest] = Sharing()

    async def ensure_image(
        self, reference: str, *, credentials: Credentials | None, progress: Progress
    ) -> ImageConfig:
        """The image as its name means it now, pulled if it is not here. PullFailed is an Invalid.

        What was imported under the name, or is pinned by digest and here, is taken without asking anybody.
        """
        name = parse_image_name(reference)
        if (imported := await self._records.find(str(name))) and not imported.is_pulled:
            return await self._config(imported)
        if name.digest and (config := await self._find_whole(name)):
            return config
        target = await self._bench.registry.resolve(name, credentials)
        if config := await self._find_whole(name.at(target.digest), asked=name):
            return config
        source = Source(self._bench.registry, name, target, credentials)
        pinned = str(name.at(target.digest))
        await self._pulls.run(pinned, lambda tell: pull(self._bench, source, tell), progress=progress)
        return await self.read_image(pinned)

    def suspend(self) -> None:
        """This process ends: pulls broken off from now on leave what they have for the next one."""
        self._bench.arrivals.suspend()
        self._leases.suspend()

    async def read_image(self, reference: str) -> ImageConfig:
        """By any spelling Docker takes; NotFound when it is not here, Invalid when it is corrupt."""
        return await self._config(await self._records.get(reference))

    async def read_images(self) -> list[ImageConfig]:
        """All of this instance, by name; a corrupt one is left out and logged."""
        found = []
        for record in await self._records.read_all():
            try:
                found.append(await self._config(record))
            except (Invalid, NotFound) as fault:
                log.warning("image %s cannot be read: %s", record.name, fault)
        return found

    async def read_cache(self) -> list[CachedImage]:
        """The pulled images, as what they cost."""
        pinned = set((await self._snapshots.read_views()).values())
        found = []
        for record in await self._records.read_all():
            if record.used_at is None:
                continue
            try:
                chain = (await self._manifest(record)).chain
                layers = {name: (await self._snapshots.read_room(name)).bytes for name in chain}
            except (Invalid, NotFound):  # nothing stands on it, and nothing can
                chain, layers = (), {}
            used = bool(chain) and chain[-1] in pinned
            found.append(CachedImage(name=record.name, used_at=record.used_at, layers=layers, is_in_use=used))
        return found

    async def import_archive(self, path: Path, *, progress: Progress, name: str | None = None) -> list[str]:
        """Take in a docker-archive or OCI archive; the references it named. Invalid if corrupt.

        `name` is for an archive that names no image, or is to be called otherwise.
        """
        entry = ImageImport(path, scratch=self._scratch, content=self._content, progress=progress)
        async with self._leases.lease() as lease, entry.opened() as archived:
            named = [(image, _names(image, path, name, alone=len(archived) == 1)) for image in archived]
            for image, _ in named:
                await entry.store(image, lease=lease)
                manifest = await read_manifest(self._content, descriptor_of(image.manifest))
                await self._ensure_unpacked(manifest, lease=lease, progress=progress)
            for image, references in named:
                for reference in references:
                    await self._records.put_imported(reference, image.manifest)
        return [reference for _, references in named for reference in references]

    async def remove_image(self, reference: str) -> None:
        """NotFound when it is not here. Layers still used by a task stay until that is gone."""
        await self._records.remove((await self._records.get(reference)).name)

    async def ensure_lower(self, reference: str, key: str) -> tuple[str, ...]:
        """Unpack if needed, pin a view named `key`: the lower directories, uppermost first."""
        manifest = await self._manifest(await self._records.get(reference))
        top = manifest.chain[-1] if manifest.chain else ""
        try:
            return await self._snapshots.view(key, top)
        except NotFound:
            async with self._leases.lease() as lease:
                await self._ensure_unpacked(manifest, lease=lease)
                return await self._snapshots.view(key, top)

    async def remove_lower(self, key: str) -> None:
        """Let the view go. Repeatable."""
        await self._snapshots.remove(key)

    async def read_lower_keys(self) -> set[str]:
        """Keys of all views."""
        return set(await self._snapshots.read_views())

    async def _ensure_unpacked(
        self, manifest: Manifest, *, lease: str, progress: Progress | None = None
    ) -> None:
        """Every layer's snapshot, held by the image's config from then on."""
        async with self._locks[manifest.digest]:
            done, total = 0, sum(layer.size for layer in manifest.layers)
            for layer in manifest.stack:
                unpack = partial(self._unpacking.apply, layer.packed, lease=lease)
                try:
                    await self._snapshots.ensure_layer(layer, unpack, lease=lease)
                except NotFound as fault:
                    raise Invalid("image", manifest.digest, why=f"a layer is missing: {fault}") from fault
                done += layer.packed.size
                if progress is not None:
                    progress("unpack", done, total)
            if manifest.chain:
                top = {SNAPSHOT_LABEL: manifest.chain[-1]}
                await self._content.add_labels(manifest.config_blob.digest, top)

    async def _find_whole(self, pinned: ImageName, *, asked: ImageName | None = None) -> ImageConfig | None:
        """What is here under a digest with everything a task stands on; its use is written down."""
        try:
            record = await self._records.get(str(pinned))
            manifest = await self._manifest(record)
        except (NotFound, Invalid):
            return None
        if manifest.chain and not await self._snapshots.is_there(manifest.chain[-1]):
            return None
        await self._records.touch(record, asked or pinned)
        return await self._config(record)

    async def _config(self, record: ImageRecord) -> ImageConfig:
        manifest = await self._manifest(record)
        return replace(
            manifest.config,
            reference=record.name,
            digest=record.target.digest,
            tag=record.tag,
            used_at=record.used_at,
        )

    async def _manifest(self, record: ImageRecord) -> Manifest:
        digest = record.target.digest
        if digest not in self._manifests:
            try:
                target = descriptor_of(record.target)
                self._manifests[digest] = await read_manifest(self._content, target)
            except NotFound as fault:
                why = f"{record.name}: a part is missing: {fault}"
                raise Invalid("image", record.name, why=why) from fault
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
