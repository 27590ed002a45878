"""Builds the image `bastide-demo:latest`, an OCI archive with Debian's static busybox in it. No network.

The same busybox gives the same bytes: times, owners and order are fixed. The agent never sees this module;
the image takes the way of every other, through `bastide image import`.
"""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from bastide.model.faults import Unavailable

BUSYBOX = Path("/usr/bin/busybox")  # where Debian's busybox-static puts it
NAME = "bastide-demo:latest"
FULL_NAME = "docker.io/library/bastide-demo:latest"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
FOLDERS = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "sys": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "var": 0o755,
    "www": 0o755,
}
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
    "demo:x:1000:1000:demo:/home:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\ndemo:x:1000:\nweb:x:2000:demo\n",
    "www/index.html": "<h1>Hello from Bastide</h1>\n",
}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def write_demo_image(path: Path, *, busybox: Path = BUSYBOX) -> None:
    """The archive at `path`. Unavailable when busybox-static is not installed."""
    if not busybox.exists():
        raise Unavailable(
            "program", "busybox", why=f"{busybox} is missing: install the package busybox-static"
        )
    plain = _layer(busybox)
    layer = gzip.compress(plain, compresslevel=6, mtime=0)
    config = _json(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "Env": ["PATH=/bin"],
                "Cmd": ["/bin/sh"],
                "WorkingDir": "/",
                "Labels": {"org.opencontainers.image.title": "Bastide's demonstration image"},
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
        }
    )
    names = {"io.containerd.image.name": FULL_NAME, "org.opencontainers.image.ref.name": "latest"}
    index = _json(
        {"schemaVersion": 2, "manifests": [_descriptor(MANIFEST, manifest) | {"annotations": names}]}
    )
    members = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": index}
    members |= {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (config, layer, manifest)}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(members.items()):
            _add_file(archive, name, data, mode=0o644)


def _layer(busybox: Path) -> bytes:
    listing = subprocess.run([busybox, "--list"], capture_output=True, check=True, text=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as layer:
        for name, mode in FOLDERS.items():
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            layer.addfile(folder)
        _add_file(layer, "bin/busybox", busybox.read_bytes(), mode=0o755)
        for applet in sorted(set(listing.stdout.split()) - {"busybox"}):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, "busybox", 0o777
            layer.addfile(link)
        for name, text in FILES.items():
            _add_file(layer, name, text.encode(), mode=0o644)
    return packed.getvalue()


def _add_file(archive: tarfile.TarFile, name: str, data: bytes, *, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    archive.addfile(member, io.BytesIO(data))


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}
