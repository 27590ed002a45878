"""An image store in memory. Archives are read by the real code; layers are kept as names, not as files."""

import gzip
import hashlib
import tempfile
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import zstandard
from msgspec.structs import replace

from bastide.host.containerd.images.pulling import FETCHING, RESOLVING, Source, check_layers, told_as
from bastide.host.containerd.images.records import descriptor_of
from bastide.host.containerd.images.sharing import Sharing
from bastide.host.containerd.manifests import Manifest, read_manifest
from bastide.host.containerd_api.types.common_pb2 import Descriptor
from bastide.host.image_archive.archive import Archive, ArchivedImage, Blob, corrupt, open_archive
from bastide.host.image_archive.layouts import parse_images
from bastide.host.ports import Credentials, ImageConfig, Progress
from bastide.host.registry.client import RegistryClient
from bastide.host.registry.faults import PullFailed
from bastide.model.container.cached_image import CachedImage
from bastide.model.container.image_name import normalise_image_name, parse_image_name
from bastide.model.faults import Invalid, NotFound

FIRST_USED_AT = datetime(2026, 1, 1, tzinfo=UTC)


class FakeImages:
    """The Images Protocol without containerd."""

    def __init__(self, registry: RegistryClient | None = None) -> None:
        self.lowers: dict[str, tuple[str, ...]] = {}
        self._registry = registry  # None: none has anything
        self._unpacked: set[str] = set()  # chain ids
        self._pulls: Sharing[None] = Sharing()
        self._tags: dict[str, str] = {}  # of pulled ones, by name, least recently used first
        self._images: dict[str, Manifest] = {}

    def add(self, config: ImageConfig) -> None:
        """An image out of nothing, under its own reference."""
        manifest = Manifest(
            digest=config.digest,
            config_blob=Blob(media_type="", digest=config.digest, size=0),
            layers=(),
            diff_ids=(),
            chain=(config.digest,),
            config=config,
        )
        self._images[normalise_image_name(config.reference)] = manifest

    async def ensure_image(
        self, reference: str, *, credentials: Credentials | None, progress: Progress
    ) -> ImageConfig:
        name = parse_image_name(reference)
        with suppress(NotFound):
            if name.digest or str(name) in self._images:
                return await self.read_image(str(name))
        if self._registry is None:
            said = f"failed to resolve ref {name}: {name}: not found"
            why = f"pull image manifest has been retried 1 time(s): {said}"
            raise PullFailed(str(name), why=why)
        target = await self._registry.resolve(name, credentials)
        pinned = str(name.at(target.digest))
        if pinned not in self._images:
            source = Source(self._registry, name, target, credentials)
            await self._pulls.run(pinned, lambda tell: self._pull(source, tell), progress=progress)
        self._tags[pinned] = name.tag or self._tags.pop(pinned, "")
        return await self.read_image(pinned)

    def suspend(self) -> None:
        pass  # nothing outlives this process

    async def _pull(self, source: Source, progress: Progress) -> None:
        with told_as(source.name, f"{RESOLVING} {source.name}"):
            manifest = await read_manifest(source, descriptor_of(source.target))
            check_layers(source.name, manifest)
        for layer, diff_id, name in zip(manifest.layers, manifest.diff_ids, manifest.chain, strict=True):
            if name in self._unpacked:
                continue
            data = b"".join([chunk async for chunk in source.stream(layer)])
            with told_as(source.name, FETCHING):
                if f"sha256:{hashlib.sha256(data).hexdigest()}" != layer.digest:
                    raise corrupt(f"{layer.digest} has other bytes")
                _check_layer(data, layer, diff_id)
        self._unpacked |= set(manifest.chain)
        total = sum(layer.size for layer in manifest.layers)
        for what in ("download", "unpack"):
            progress(what, total, total)
        pinned = source.name.at(source.target.digest)
        self._images[str(pinned)] = replace(manifest, digest=source.target.digest)

    async def read_image(self, reference: str) -> ImageConfig:
        name, manifest = self._find(reference)
        return self._config(name, manifest)

    async def read_images(self) -> list[ImageConfig]:
        return [self._config(name, manifest) for name, manifest in sorted(self._images.items())]

    async def read_cache(self) -> list[CachedImage]:
        pinned = set(self.lowers.values())
        return [
            CachedImage(
                name=name,
                used_at=self._used_at(name),
                layers=dict.fromkeys(self._images[name].chain, 1),
                is_in_use=_lower_of(self._images[name]) in pinned,
            )
            for name in self._tags
            if name in self._images
        ]

    async def import_archive(self, path: Path, *, progress: Progress, name: str | None = None) -> list[str]:
        found: dict[str, Manifest] = {}
        with open_archive(path, scratch=Path(tempfile.gettempdir())) as archive:
            for image in parse_images(archive):
                manifest = await _take_in(archive, image)
                total = sum(layer.size for layer in manifest.layers)
                progress("store", total, total)
                progress("unpack", total, total)
                names = (name,) if name is not None else image.names
                if not names:
                    raise Invalid("image archive", why=f"{path} does not say what its image is called")
                found |= {normalise_image_name(each): manifest for each in names}
        self._images |= found
        return list(found)

    async def remove_image(self, reference: str) -> None:
        name, _ = self._find(reference)
        del self._images[name]
        self._tags.pop(name, None)

    async def ensure_lower(self, reference: str, key: str) -> tuple[str, ...]:
        _, manifest = self._find(reference)
        return self.lowers.setdefault(key, _lower_of(manifest))

    async def remove_lower(self, key: str) -> None:
        self.lowers.pop(key, None)

    async def read_lower_keys(self) -> set[str]:
        return set(self.lowers)

    def _used_at(self, name: str) -> datetime:
        return FIRST_USED_AT + timedelta(seconds=list(self._tags).index(name))

    def _config(self, name: str, manifest: Manifest) -> ImageConfig:
        tag = self._tags.get(name)
        used_at = None if tag is None else self._used_at(name)
        config = manifest.config
        return replace(config, reference=name, digest=manifest.digest, tag=tag or "", used_at=used_at)

    def _find(self, reference: str) -> tuple[str, Manifest]:
        name = normalise_image_name(reference)
        if name in self._images:
            return name, self._images[name]
        asked = parse_image_name(reference)
        for other, manifest in self._images.items():
            if not other.startswith((f"{asked.repository}:", f"{asked.repository}@")):
                continue
            if manifest.digest == asked.digest or self._tags.get(other) == (asked.tag or None):
                return other, manifest
        raise NotFound("image", reference)


def _lower_of(manifest: Manifest) -> tuple[str, ...]:
    return tuple(f"/fake/snapshots/{each}" for each in reversed(manifest.chain))


class _Blobs(dict[str, bytes]):
    async def read(self, digest: str) -> bytes:
        return self[digest]


async def _take_in(archive: Archive, image: ArchivedImage) -> Manifest:
    config = image.config.data or archive.read(image.config.member)
    blobs = _Blobs({image.manifest.digest: image.manifest.data, image.config.digest: config})
    target = Descriptor(media_type=image.manifest.media_type, digest=image.manifest.digest)
    manifest = await read_manifest(blobs, target)
    for layer, diff_id in zip(image.layers, manifest.diff_ids, strict=True):
        if archive.digest(layer.member) != layer.digest:
            raise corrupt(f"{layer.member} has the digest {archive.digest(layer.member)}")
        _check_layer(archive.open(layer.member).read(), layer, diff_id)
    return manifest


def _check_layer(data: bytes, layer: Blob, diff_id: str) -> None:
    try:
        plain = gzip.decompress(data) if layer.media_type.endswith("gzip") else data
        if layer.media_type.endswith("zstd"):
            plain = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise corrupt(f"{layer.digest}: {error}") from error
    if f"sha256:{hashlib.sha256(plain).hexdigest()}" != diff_id:
        raise corrupt(f"{layer.digest} does not unpack to {diff_id}")
