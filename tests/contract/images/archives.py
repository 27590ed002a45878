"""Image archives made for tests, of either layout and in any state of ruin."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
Packing = tuple[str, Callable[[bytes], bytes]]  # what it is called, and how it is done
LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = {
    "Entrypoint": ["/bin/run"],
    "Cmd": ["now"],
    "Env": ["A=1", "B=two=2"],
    "WorkingDir": "/srv",
    "User": "app:web",
    "StopSignal": "SIGQUIT",
    "Volumes": {"/data": {}, "/cache": {}},
}
TWO_LAYERS = ({"etc/one": "1", "etc/both": "lower"}, {"etc/two": "2", "etc/both": "upper"})


def tar_of(files: Mapping[str, str | bytes]) -> bytes:
    """A tar with those files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def oci_members(
    layers: Sequence[Mapping[str, str]] = TWO_LAYERS,
    *,
    name: str | None = "registry.example:5000/team/app:1.2",
    config: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """The files of an OCI layout with one image whose layers are gzipped."""
    return layout_of([tar_of(layer) for layer in layers], name=name, config=config)


def layout_of(
    plain: Sequence[bytes],
    *,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    packing: Packing = ("gzip", lambda data: gzip.compress(data, mtime=0)),
    more: Sequence[tuple[str, str, int]] = (),
) -> dict[str, bytes]:
    """The same of layers that are tars already; `more` are some that are not in it: type, digest, size."""
    kind, pack = packing
    packed = [pack(each) for each in plain]
    described = _json(
        {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": CONFIG if config is None else config,
            "rootfs": {"type": "layers", "diff_ids": [*map(digest, plain), *(each[1] for each in more)]},
        }
    )
    named = [{"mediaType": kind, "digest": digest, "size": size} for kind, digest, size in more]
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", described),
            "layers": [
                *(descriptor(f"{LAYER}{'+' if kind else ''}{kind}", each) for each in packed),
                *named,
            ],
        }
    )
    entry = descriptor(MANIFEST, manifest)
    if name is not None:
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    members = {f"blobs/sha256/{digest(each)[7:]}": each for each in (described, manifest, *packed)}
    members["index.json"] = _json({"schemaVersion": 2, "manifests": [entry]})
    members["oci-layout"] = _json({"imageLayoutVersion": "1.0.0"})
    return members


def docker_members(
    layers: Sequence[Mapping[str, str]] = TWO_LAYERS, *, names: Sequence[str] = ("team/app:1.2", "app")
) -> dict[str, bytes]:
    """The files of a docker-archive with one image; the manifest comes last, as old versions write it."""
    plain = [tar_of(layer) for layer in layers]
    described = _json(
        {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": CONFIG,
            "rootfs": {"type": "layers", "diff_ids": [digest(each) for each in plain]},
        }
    )
    members = {f"{number}/layer.tar": each for number, each in enumerate(plain)}
    members["config.json"] = described
    entry = {"Config": "config.json", "RepoTags": list(names), "Layers": list(members)[: len(plain)]}
    return members | {"manifest.json": _json([entry])}


def write(path: Path, members: Mapping[str, bytes]) -> Path:
    """The archive at `path`."""
    path.write_bytes(tar_of(members))
    return path


def digest(data: bytes) -> str:
    """As image documents write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    """Of a blob."""
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def layer_of(members: Mapping[str, bytes]) -> str:
    """The name of a layer's blob in an OCI layout."""
    return next(name for name, data in members.items() if data.startswith(b"\x1f\x8b"))


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
