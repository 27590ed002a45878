"""AWS's SDKs in other languages, for tests alone: pinned files of public registries, by the runtime parts.

A folder of packaging/development with a `files.lock` is one: a line for each file, with its SHA-256, its
address, and where it goes. An archive is unpacked there, without its first folder. What else is in the folder
is copied beside them.
"""

import hashlib
import io
import shutil
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from installing import runtime
from installing.development import PINS
from installing.environment import digest
from installing.shown import StepFailed, say

LOCK = "files.lock"
TRIES = 3
TIMEOUT_S = 60


def ensure_sdks() -> None:
    """Fetch what is not there yet; without one, only the tests of it are skipped."""
    missing = [lock.parent.name for lock in PINS.glob(f"*/{LOCK}") if not find_sdk(lock.parent.name).is_dir()]
    if not missing:
        return
    with runtime.locked():
        for name in missing:
            say(f"  Fetching {name}; once")
            try:
                _fetch(name)
            except (OSError, StepFailed) as failed:
                say(f"  no {name}, so nothing will be tested with it: {failed}")


def find_sdk(name: str) -> Path:
    """The folder where an SDK is, or will be."""
    return runtime.CACHE / f"{name}-{digest(PINS.joinpath(name).iterdir())[:16]}"


def _fetch(name: str) -> None:
    """Fill a scratch folder and rename it into place."""
    scratch = Path(tempfile.mkdtemp(prefix=runtime.SCRATCH, dir=runtime.CACHE))
    try:
        shutil.copytree(PINS / name, scratch, dirs_exist_ok=True)
        for line in (PINS / name / LOCK).read_text().splitlines():
            sha256, address, target = line.split()
            place(download(address, sha256), scratch / target)
        scratch.chmod(0o755)
        scratch.rename(find_sdk(name))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def download(address: str, sha256: str) -> bytes:
    """What is at the address. Raises StepFailed where that is something else than was pinned."""
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
                content: bytes = answer.read()
            break
        except OSError:
            if not left:
                raise
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StepFailed(f"{address} is not what {LOCK} pins")
    return content


def place(content: bytes, target: Path) -> None:
    """Write a file, or the files of an archive's first folder below the target."""
    packed = io.BytesIO(content)
    if not tarfile.is_tarfile(packed):
        _write(target, content)
        return
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        for member in archive:
            if held := archive.extractfile(member):
                _write(target / member.name.partition("/")[2], held.read())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
