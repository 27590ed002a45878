"""The images of an archive, whichever of the two layouts it has, as OCI manifests with checked digests.

A newer `docker save` writes both layouts into one file; the OCI one wins because its digests are the
registry's. A docker-archive has no manifest in the registry's sense, so one is written for it here.
"""

import hashlib
import platform
from collections.abc import Iterator
from typing import Any

import msgspec

from bastide.host.image_archive.archive import (
    GZIP_MAGIC,
    ZSTD_MAGIC,
    Archive,
    ArchivedImage,
    Blob,
    corrupt,
    parse_document,
)
from bastide.model.faults import Invalid

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
FULL_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"
REFERENCE_TYPE = "vnd.docker.reference.type"  # an attestation beside the image, not an image
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NESTING_MAX = 4


def parse_images(archive: Archive) -> list[ArchivedImage]:
    """Every image in the archive; Invalid when there is none that fits this machine."""
    if "index.json" in archive and "oci-layout" in archive:
        images = _oci_images(archive)
    elif "manifest.json" in archive:
        images = [_docker_image(archive, entry) for entry in _listed(archive.read_document("manifest.json"))]
    else:
        raise corrupt("neither index.json nor manifest.json is in it")
    if not images:
        why = f"the archive holds no image for linux/{host_architecture()}"
        raise Invalid("image archive", why=why)
    return images


def host_architecture() -> str:
    """This machine's, as images name it."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


def is_for_host(descriptor: dict[str, Any]) -> bool:
    """Whether a descriptor's platform is this machine's; one that names none may be."""
    wanted = descriptor.get("platform")
    if not isinstance(wanted, dict):
        return True
    return wanted.get("os") == "linux" and wanted.get("architecture") == host_architecture()


def _oci_images(archive: Archive) -> list[ArchivedImage]:
    tags = _docker_tags(archive)
    images: dict[str, ArchivedImage] = {}
    for descriptor in _listed(_member_of(archive.read_document("index.json"), "manifests", "index.json")):
        notes = descriptor.get("annotations") or {}
        if REFERENCE_TYPE in notes:
            continue
        for manifest in _manifests(archive, descriptor, depth=0):
            image = _oci_image(archive, manifest)
            name = notes.get(FULL_NAME) or notes.get(REF_NAME)
            names = (str(name),) if name else tags.get(image.config.digest, ())
            known = images.get(image.manifest.digest)
            merged = dict.fromkeys((*(known.names if known else ()), *names))
            images[image.manifest.digest] = msgspec.structs.replace(image, names=tuple(merged))
    return list(images.values())


def _manifests(archive: Archive, descriptor: dict[str, Any], *, depth: int) -> Iterator[dict[str, Any]]:
    """The descriptors of manifests for this machine below one of index.json: the first that fits."""
    if depth > NESTING_MAX:
        raise corrupt("its indexes are nested too deep")
    if descriptor.get("mediaType") in INDEXES:
        blob = _blob(archive, descriptor)
        document = parse_document(_checked(archive, blob), blob.digest)
        for child in _listed(_member_of(document, "manifests", blob.digest)):
            found = next(_manifests(archive, child, depth=depth + 1), None) if is_for_host(child) else None
            if found is not None:
                yield found
                return
    elif descriptor.get("mediaType") in MANIFESTS and is_for_host(descriptor):
        yield descriptor


def _oci_image(archive: Archive, descriptor: dict[str, Any]) -> ArchivedImage:
    manifest = _blob(archive, descriptor)
    data = _checked(archive, manifest)
    document = parse_document(data, manifest.digest)
    config = _blob(archive, _member_of(document, "config", manifest.digest))
    layers = [_blob(archive, each) for each in _listed(_member_of(document, "layers", manifest.digest))]
    manifest = msgspec.structs.replace(manifest, data=data, member="")
    return ArchivedImage(names=(), manifest=manifest, config=config, layers=tuple(layers))


def _docker_image(archive: Archive, entry: dict[str, Any]) -> ArchivedImage:
    config_name = str(_member_of(entry, "Config", "manifest.json"))
    config_data = archive.read(config_name)
    config = _made(OCI_CONFIG, config_data)
    diff_ids = _diff_ids(parse_document(config_data, config_name))
    members = [str(name) for name in entry.get("Layers") or ()]
    if len(members) != len(diff_ids):
        raise corrupt(f"{config_name} names {len(diff_ids)} layers, manifest.json {len(members)}")
    layers = []
    for member, diff_id in zip(members, diff_ids, strict=True):
        suffix, digest = _compression(archive, member), archive.digest(member)
        if not suffix and digest != diff_id:
            raise corrupt(f"layer {member} has the digest {digest}, its image says {diff_id}")
        blob = Blob(media_type=OCI_LAYER + suffix, digest=digest, size=archive.size(member), member=member)
        layers.append(blob)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(config),
        "layers": [_descriptor(layer) for layer in layers],
    }
    manifest = _made(OCI_MANIFEST, msgspec.json.encode(document))
    names = tuple(str(name) for name in entry.get("RepoTags") or ())
    return ArchivedImage(names=names, manifest=manifest, config=config, layers=tuple(layers))


def _docker_tags(archive: Archive) -> dict[str, tuple[str, ...]]:
    """Names by the config's digest, where the archive has both layouts."""
    if "manifest.json" not in archive:
        return {}
    tags = {}
    for entry in _listed(archive.read_document("manifest.json")):
        digest = "sha256:" + str(entry.get("Config", "")).rsplit("/", 1)[-1].removesuffix(".json")
        tags[digest] = tuple(str(name) for name in entry.get("RepoTags") or ())
    return tags


def _diff_ids(config: Any) -> list[str]:
    rootfs = config.get("rootfs") if isinstance(config, dict) else None
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    return [str(each) for each in found or ()]


def _compression(archive: Archive, member: str) -> str:
    with archive.open(member) as stream:
        magic = stream.read(4)
    if magic.startswith(GZIP_MAGIC):
        return "+gzip"
    return "+zstd" if magic == ZSTD_MAGIC else ""


def _blob(archive: Archive, descriptor: Any) -> Blob:
    if not isinstance(descriptor, dict):
        raise corrupt("a descriptor is not an object")
    digest, size = str(descriptor.get("digest", "")), descriptor.get("size")
    algorithm, _, hexadecimal = digest.partition(":")
    if algorithm != "sha256" or len(hexadecimal) != 64 or not isinstance(size, int):
        raise corrupt(f"{digest!r} is no sha256 digest with a size")
    member = f"blobs/{algorithm}/{hexadecimal}"
    if archive.size(member) != size:
        raise corrupt(f"{member} has {archive.size(member)} bytes instead of {size}")
    return Blob(media_type=str(descriptor.get("mediaType", "")), digest=digest, size=size, member=member)


def _checked(archive: Archive, blob: Blob) -> bytes:
    data = archive.read(blob.member)
    if _digest(data) != blob.digest:
        raise corrupt(f"{blob.member} has the digest {_digest(data)}")
    return data


def _made(media_type: str, data: bytes) -> Blob:
    return Blob(media_type=media_type, digest=_digest(data), size=len(data), data=data)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(blob: Blob) -> dict[str, Any]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}


def _member_of(document: Any, name: str, where: str) -> Any:
    if not isinstance(document, dict) or name not in document:
        raise corrupt(f"{where} has no {name!r}")
    return document[name]


def _listed(found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise corrupt("a list of objects is something else")
    return found
