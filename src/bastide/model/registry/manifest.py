"""Manifests: what an image, an index or an artifact says it is made of.

Pure and total: any bytes give a `Manifest` or Invalid. What it says of sizes and digests is believed by
nobody: whoever stores it compares (store/registry/images.py). Shapes: OCI image spec 1.1 "manifest.md" and
"image-index.md", Docker's "Image Manifest Version 2, Schema 2".
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from bastide.model.faults import Invalid
from bastide.model.registry.digest import is_digest

MAX_BYTES = (
    4 * 1024 * 1024
)  # PutImage: imageManifest; also what the distribution spec asks registries to take
LAYERS_MAX = 4200  # of one image: Amazon ECR endpoints and quotas

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IMAGES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEXES = (OCI_INDEX, DOCKER_LIST)
MEDIA_TYPES = IMAGES + INDEXES
# Layers that lie elsewhere and are never pushed: "Non-distributable layers", Docker's foreign layers.
FOREIGN = re.compile(
    r"application/vnd\.(oci\.image\.layer\.nondistributable\.v1\.|docker\.image\.rootfs\.foreign\.)"
)
MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
SIZE_MAX = 2**63 - 1


class Descriptor(msgspec.Struct, frozen=True):
    """One part a manifest names."""

    media_type: str
    digest: str
    size: int
    is_foreign: bool = False


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest says."""

    media_type: str
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = {}

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """What has to lie in the repository before the manifest may."""
        config = () if self.config is None else (self.config,)
        return config + tuple(layer for layer in self.layers if not layer.is_foreign)


def parse_manifest(content: bytes, media_type: str = "") -> Manifest:
    """The manifest; Invalid of the noun `manifest` says what is wrong with it.

    `media_type` is what the sender called it; empty where nothing was said.
    """
    if len(content) > MAX_BYTES:
        raise _invalid(f"The manifest is larger than {MAX_BYTES} bytes")
    try:
        document = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid("The manifest is not valid JSON") from error
    if not isinstance(document, dict):
        raise _invalid("The manifest is not a JSON object")
    if document.get("schemaVersion") != 2:
        raise _invalid("Only manifests with 'schemaVersion' 2 are supported")
    kind = _media_type_of(document, media_type)
    subject = document.get("subject")
    common: dict[str, Any] = {
        "media_type": kind,
        "subject": None if subject is None else _descriptor(subject, "subject"),
        "annotations": _annotations(document),
    }
    artifact_type = document.get("artifactType") or ""
    if not isinstance(artifact_type, str) or (artifact_type and not MEDIA_TYPE.fullmatch(artifact_type)):
        raise _invalid("'artifactType' is not a media type")
    if kind in INDEXES:
        children = _descriptors(document, "manifests")
        return Manifest(artifact_type=artifact_type, children=children, **common)
    config = _descriptor(document.get("config"), "config")
    layers = _descriptors(document, "layers")
    # The referrers API shows the config's type where an image has no artifact type of its own.
    return Manifest(artifact_type=artifact_type or config.media_type, config=config, layers=layers, **common)


def _media_type_of(document: Mapping[str, Any], told: str) -> str:
    inside = document.get("mediaType") or ""
    told = told.partition(";")[0].strip()
    if not isinstance(inside, str):
        raise _invalid("'mediaType' is not a string")
    if inside and told in MEDIA_TYPES and told != inside:
        raise _invalid(f"The manifest says it is '{inside[:128]}', its sender '{told}'")
    kind = inside or told
    if kind not in MEDIA_TYPES:
        if kind and told != "application/json":
            raise _invalid(f"Manifests of the media type '{kind[:128]}' are not supported")
        kind = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    if ("manifests" in document) != (kind in INDEXES) or ("layers" in document) != (kind in IMAGES):
        raise _invalid(f"The manifest has not the members of '{kind}'")
    return kind


def _descriptors(document: Mapping[str, Any], member: str) -> tuple[Descriptor, ...]:
    found = document[member]
    if not isinstance(found, list):
        raise _invalid(f"'{member}' is not a list")
    if len(found) > LAYERS_MAX:
        raise _invalid(f"The manifest has {len(found)} {member}, more than {LAYERS_MAX}")
    return tuple(_descriptor(one, f"{member}[{index}]") for index, one in enumerate(found))


def _descriptor(value: Any, where: str) -> Descriptor:
    if not isinstance(value, dict):
        raise _invalid(f"'{where}' is not a descriptor")
    media_type, digest, size = (value.get(member) for member in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or not MEDIA_TYPE.fullmatch(media_type):
        raise _invalid(f"'{where}.mediaType' is not a media type")
    if not isinstance(digest, str) or not is_digest(digest):
        raise _invalid(f"'{where}.digest' is not a digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= SIZE_MAX:
        raise _invalid(f"'{where}.size' is not a size")
    return Descriptor(media_type, digest, size, FOREIGN.match(media_type) is not None)


def _annotations(document: Mapping[str, Any]) -> Mapping[str, str]:
    found = document.get("annotations") or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _invalid("'annotations' are not strings by name")
    return found


def _invalid(why: str) -> Invalid:
    return Invalid("manifest", why=why)
