"""An image store in memory. Archives are read by the real code; layers are kept as names, not as files."""

import gzip
import hashlib
import tempfile
import zlib
from pathlib import Path

from bastide.host.containerd.manifests import Manifest, read_manifest
from bastide.host.containerd_api.types.common_pb2 import Descriptor
from bastide.host.image_archive.archive import Archive, ArchivedImage, corrupt, open_archive
from bastide.host.image_archive.layouts import parse_images
from bastide.host.ports import ImageConfig, Progress
from bastide.model.container.image_name import normalise_image_name
from bastide.model.faults import Invalid, NotFound


class FakeImages:
    """The Images Protocol without containerd."""

    def __init__(self) -> None:
        self.lowers: dict[str, tuple[str, ...]] = {}
        self._images: dict[str, Manifest] = {}

    def add(self, config: ImageConfig) -> None:
        """An image out of nothing, under its own reference."""
        manifest = Manifest(
            digest=config.digest,
            config_digest=config.digest,
            layers=(),
            diff_ids=(),
            chain=(config.digest,),
            config=config,
        )
        self._images[normalise_image_name(config.reference)] = manifest

    async def read_image(self, reference: str) -> ImageConfig:
        name, manifest = self._find(reference)
        return manifest.config_of(name)

    async def read_images(self) -> list[ImageConfig]:
        return [manifest.config_of(name) for name, manifest in sorted(self._images.items())]

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

    async def ensure_lower(self, reference: str, key: str) -> tuple[str, ...]:
        _, manifest = self._find(reference)
        lower = tuple(f"/fake/snapshots/{each}" for each in reversed(manifest.chain))
        return self.lowers.setdefault(key, lower)

    async def remove_lower(self, key: str) -> None:
        self.lowers.pop(key, None)

    async def read_lower_keys(self) -> set[str]:
        return set(self.lowers)

    def _find(self, reference: str) -> tuple[str, Manifest]:
        name = normalise_image_name(reference)
        if name in self._images:
            return name, self._images[name]
        repository, at, digest = name.partition("@")
        for other, manifest in self._images.items():
            if at and manifest.digest == digest and other.startswith(f"{repository}:"):
                return other, manifest
        raise NotFound("image", reference)


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
        data = archive.open(layer.member).read()
        try:
            plain = gzip.decompress(data) if layer.media_type.endswith("gzip") else data
        except (OSError, EOFError, zlib.error) as error:
            raise corrupt(f"{layer.member}: {error}") from error
        if f"sha256:{hashlib.sha256(plain).hexdigest()}" != diff_id:
            raise corrupt(f"{layer.member} does not unpack to {diff_id}")
    return manifest
