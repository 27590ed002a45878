"""The router's image as an archive: a program of this machine with the libraries and modules it loads."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

import msgpack

RECEIVER = Path(__file__).with_name("receiver.py")
FLUENT_BIT = shutil.which("fluent-bit")
SAY_MODULES = r"""
import encodings.idna
print(*(getattr(module, "__file__", None) or "" for module in sys.modules.values()), sep="\n")
"""
BASE = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"


def write_router_image(path: Path, name: str) -> None:
    """A docker-archive that has `name`."""
    if FLUENT_BIT is not None:
        files = _program(Path(FLUENT_BIT))
        command = ["/fluent-bit", "-f", "1", "-c", "/fluent-bit/etc/fluent-bit.conf"]
        files["/fluent-bit/bin/fluent-bit"] = files.pop(FLUENT_BIT)
        command[0] = "/fluent-bit/bin/fluent-bit"
    else:
        files = _python()
        command = [str(BASE), "-S", "/receiver.py"]
    layer = _layer(files)
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": command, "Env": ["PYTHONPATH=/modules", "MSGPACK_PUREPYTHON=1"]},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        _add(archive, "layer.tar", layer)
        _add(archive, "config.json", json.dumps(config).encode())
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _python() -> dict[str, bytes]:
    """The interpreter, and those modules that the receiver has loaded by the time it listens."""
    package = Path(msgpack.__file__).parent
    source = RECEIVER.read_text().partition("def main")[0] + SAY_MODULES
    env = {"PYTHONPATH": str(package.parent), "MSGPACK_PUREPYTHON": "1"}
    told = subprocess.run([BASE, "-S", "-c", source], env=env, capture_output=True, check=True, text=True)
    files = _program(BASE)
    for module in map(Path, filter(None, told.stdout.splitlines())):
        inside = f"/modules/msgpack/{module.name}" if module.parent == package else str(module)
        files[inside] = module.read_bytes()
        if module.suffix == ".so":
            files |= _libraries(module)
    return files | {"/receiver.py": RECEIVER.read_bytes()}


def _program(path: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes(), **_libraries(path)}


def _libraries(path: Path) -> dict[str, bytes]:
    told = subprocess.run(["ldd", path], capture_output=True, check=True, text=True).stdout
    words = (word for line in told.splitlines() for word in line.split())
    return {word: Path(word).read_bytes() for word in words if word.startswith("/")}


def _layer(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        for folder in sorted(_folders(files), key=len):
            member = tarfile.TarInfo(folder.lstrip("/"))
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(member)
        link = tarfile.TarInfo("var/run")  # as in every distribution's image
        link.type, link.linkname = tarfile.SYMTYPE, "/run"
        layer.addfile(link)
        for name, data in sorted(files.items()):
            _add(layer, name.lstrip("/"), data)
    return packed.getvalue()


def _folders(files: Iterable[str]) -> set[str]:
    return {"/run", "/var", "/tmp"} | {
        str(each) for name in files for each in Path(name).parents if str(each) != "/"
    }


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o755
    archive.addfile(member, io.BytesIO(data))
