"""An image with Python and boto3, put together from what this machine has: no network, no package manager.

It holds no certificate authorities of its own, as slim images do. Only the services that stories call are in.
"""

import io
import json
import platform
import re
import subprocess
import sys
import sysconfig
import tarfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from bastide.cli.demo_image import ARCHITECTURES

NAME = "bastide-python:latest"
PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
SERVICES = ("logs", "sts")
UNUSED = ("config-", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tkinter", "__pycache__")
PACKAGES_AT = "/opt/packages"
_LIBRARY = re.compile(r"(/\S+) \(0x")


def write_python_image(path: Path) -> None:
    """A docker archive at `path`."""
    program, stdlib = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        layer.add(program, "/usr/bin/python3")
        layer.add(stdlib, str(stdlib), filter=_without_unused)
        for library in _libraries(program, *(stdlib / "lib-dynload").glob("*.so")):
            layer.add(library.resolve(), str(library))
        for name in PACKAGES:
            found = Path(str(_found(name)))
            layer.add(found, f"{PACKAGES_AT}/{found.name}", filter=_without_unused)
    data = packed.getvalue()
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": [f"PYTHONHOME={sys.base_prefix}", f"PYTHONPATH={PACKAGES_AT}", "PATH=/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(data).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    members = {
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
        "layer.tar": data,
    }
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _without_unused(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(member.name).parts
    if any(part.startswith(UNUSED) for part in parts):
        return None
    at = parts.index("data") + 1 if "botocore" in parts and "data" in parts else len(parts)
    is_service = len(parts) > at and (len(parts) > at + 1 or member.isdir())
    return None if is_service and parts[at] not in SERVICES else member


def _libraries(*programs: Path) -> set[Path]:
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    return {Path(found) for found in _LIBRARY.findall(listed)}


def _found(name: str) -> str:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    is_package = bool(spec.submodule_search_locations)
    return str(Path(spec.origin).parent) if is_package else spec.origin
