"""Files of public registries: taken only as pinned, archives unpacked where they belong."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from installing.development import PINS
from installing.sdks import LOCK, download, place
from installing.shown import StepFailed


def packed(name: str, content: bytes) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return into.getvalue()


def test_only_what_was_pinned_is_taken(tmp_path: Path) -> None:
    there = tmp_path / "a.jar"
    there.write_bytes(b"jar")
    pinned = hashlib.sha256(b"jar").hexdigest()
    assert download(there.as_uri(), pinned) == b"jar"
    there.write_bytes(b"another")
    with pytest.raises(StepFailed, match="pins"):
        download(there.as_uri(), pinned)


def test_an_archive_is_unpacked_without_its_first_folder_and_a_file_is_written(tmp_path: Path) -> None:
    place(packed("package/dist/index.js", b"code"), tmp_path / "node_modules" / "x")
    place(b"jar", tmp_path / "lib" / "a.jar")
    assert (tmp_path / "node_modules" / "x" / "dist" / "index.js").read_bytes() == b"code"
    assert (tmp_path / "lib" / "a.jar").read_bytes() == b"jar"


@pytest.mark.parametrize("lock", sorted(PINS.glob(f"*/{LOCK}")), ids=lambda path: path.parent.name)
def test_every_line_of_a_lock_pins_a_file_by_https(lock: Path) -> None:
    targets = []
    for line in lock.read_text().splitlines():
        sha256, address, target = line.split()
        assert len(bytes.fromhex(sha256)) == 32
        assert address.startswith("https://")
        targets.append(target)
    assert len(set(targets)) == len(targets) > 10
