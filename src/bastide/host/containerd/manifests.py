"""What a stored manifest says: its layers, and what of its config a task may take.

The documents come from whoever built the image: every field may be missing or of another type, and is then
taken as not given; only what an image cannot be without makes it Invalid.
"""

from typing import Any, Protocol

import msgspec

from bastide.host.containerd.snapshots import Layer, chain_ids
from bastide.host.containerd_api.types.common_pb2 import Descriptor
from bastide.host.image_archive.archive import Blob, parse_document
from bastide.host.image_archive.layouts import INDEXES, host_architecture, is_for_host
from bastide.host.ports import ImageConfig
from bastide.model.faults import Invalid

NO_PLATFORM = f"image Manifest does not contain descriptor matching platform 'linux/{host_architecture()}'"


class Blobs(Protocol):
    """Where a manifest and its config are read from."""

    async def read(self, digest: str) -> bytes:
        """A small blob, whole; NotFound when it is not here."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest and its config, parsed."""

    digest: str
    config_blob: Blob
    layers: tuple[Blob, ...]
    diff_ids: tuple[str, ...]
    chain: tuple[str, ...]  # the snapshots' names, lowest first
    config: ImageConfig  # with no reference yet

    @property
    def stack(self) -> list[Layer]:
        """The layers with their places, lowest first."""
        parts = enumerate(zip(self.layers, self.diff_ids, self.chain, strict=True))
        return [
            Layer(packed=packed, diff_id=diff_id, name=name, below=self.chain[:at])
            for at, (packed, diff_id, name) in parts
        ]


async def read_manifest(content: Blobs, target: Descriptor) -> Manifest:
    """The manifest an image record points at, straight or through an index. NotFound: a part is missing."""
    digest = target.digest
    document = parse_document(await content.read(digest), digest)
    if target.media_type in INDEXES:
        fitting = [each for each in document.get("manifests", ()) if is_for_host(each)]
        if not fitting:
            raise Invalid("image", digest, why=NO_PLATFORM)
        digest = str(fitting[0]["digest"])
        document = parse_document(await content.read(digest), digest)
    try:
        config = _blob(document["config"])
        layers = tuple(_blob(each) for each in document["layers"])
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("image", digest, why=f"the manifest {digest} is corrupt: {error!r}") from error
    data = await content.read(config.digest)
    if len(data) != config.size:
        why = f"the config {config.digest} has {len(data)} bytes, its manifest says {config.size}"
        raise Invalid("image", digest, why=why)
    described = parse_document(data, config.digest)
    if _text(described, "architecture") and not is_for_host({"platform": described}):
        raise Invalid("image", digest, why=NO_PLATFORM)
    return _parse(digest, config, layers, described)


def _parse(digest: str, config: Blob, layers: tuple[Blob, ...], described: Any) -> Manifest:
    rootfs = _object(described, "rootfs")
    diff_ids = _texts(rootfs, "diff_ids")
    if len(diff_ids) != len(layers):
        why = f"the config {config.digest} names {len(diff_ids)} layers, its manifest {len(layers)}"
        raise Invalid("image", digest, why=why)
    wanted = _object(described, "config")
    return Manifest(
        digest=digest,
        config_blob=config,
        layers=layers,
        diff_ids=diff_ids,
        chain=tuple(chain_ids(diff_ids)),
        config=ImageConfig(
            reference="",
            digest=digest,
            entrypoint=_texts(wanted, "Entrypoint"),
            command=_texts(wanted, "Cmd"),
            environment=_texts(wanted, "Env"),
            working_directory=_text(wanted, "WorkingDir") or "/",
            user=_text(wanted, "User"),
            stop_signal=_text(wanted, "StopSignal"),
            volumes=tuple(sorted(_object(wanted, "Volumes"))),
            size_bytes=config.size + sum(layer.size for layer in layers),
        ),
    )


def _blob(descriptor: dict[str, Any]) -> Blob:
    return Blob(
        media_type=str(descriptor.get("mediaType", "")),
        digest=str(descriptor["digest"]),
        size=int(descriptor["size"]),
    )


def _object(document: Any, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _texts(document: dict[str, Any], name: str) -> tuple[str, ...]:
    found = document.get(name)
    return tuple(str(each) for each in found) if isinstance(found, list) else ()


def _text(document: Any, name: str) -> str:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""
