"""What is in an image archive: docker-archive (`docker save`) or OCI layout, plain, gzip or zstd outside.

Reads the archive, never extracts it: no name in it becomes a path of this host. Everything here blocks and
is called in a thread. What cannot be right is Invalid, and says where.
"""

import contextlib
import gzip
import hashlib
import os
import posixpath
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from bastide.model.faults import Invalid, Unavailable

CHUNK_BYTES = 1024 * 1024
DOCUMENT_MAX_BYTES = 8 * 1024 * 1024  # containerd's own limit for manifests
LINKS_MAX = 8
Took = Callable[[int], None]
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BROKEN = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error)


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of an image and where its bytes are: in a member of the archive, or here."""

    media_type: str
    digest: str
    size: int
    member: str = ""
    data: bytes = b""


class ArchivedImage(msgspec.Struct, frozen=True, kw_only=True):
    """One image of an archive."""

    names: tuple[str, ...]  # as written in the archive
    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]


def corrupt(why: str) -> Invalid:
    """The fault for an archive that cannot be taken in."""
    return Invalid("image archive", why=f"the image archive is corrupt: {why}")


class Archive:
    """An open archive: its members by normal name."""

    def __init__(self, tar: tarfile.TarFile, *, took: Took) -> None:
        self._tar = tar
        self._took = took
        try:
            self._members = {posixpath.normpath(each.name): each for each in tar.getmembers()}
        except BROKEN as error:
            raise corrupt(str(error)) from error

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def size(self, name: str) -> int:
        """Of a member, in bytes."""
        return self._must_find(name).size

    def open(self, name: str) -> IO[bytes]:
        """A member's bytes; reading past a cut-off end raises one of BROKEN."""
        opened = self._tar.extractfile(self._must_find(name))
        assert opened is not None  # only regular files are found
        return opened

    def read_document(self, name: str) -> Any:
        """A JSON member, parsed."""
        return parse_document(self.read(name), name)

    def read(self, name: str) -> bytes:
        """A small member's bytes."""
        if self.size(name) > DOCUMENT_MAX_BYTES:
            raise corrupt(f"{name} is larger than {DOCUMENT_MAX_BYTES} bytes")
        try:
            data = self.open(name).read()
        except BROKEN as error:
            raise corrupt(f"{name}: {error}") from error
        if len(data) != self.size(name):
            raise corrupt(f"{name} is cut off")
        return data

    def digest(self, name: str) -> str:
        """The sha256 of a member."""
        total, seen = hashlib.sha256(), 0
        try:
            with self.open(name) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    total.update(chunk)
                    seen += len(chunk)
                    self._took(len(chunk))
        except BROKEN as error:
            raise corrupt(f"{name}: {error}") from error
        if seen != self.size(name):
            raise corrupt(f"{name} is cut off")
        return f"sha256:{total.hexdigest()}"

    def _must_find(self, name: str) -> tarfile.TarInfo:
        found = self._find(name)
        if found is None:
            raise corrupt(f"{name} is missing")
        return found

    def _find(self, name: str) -> tarfile.TarInfo | None:
        """Old `docker save` writes a layer used twice as a link to its first copy."""
        wanted = posixpath.normpath(name)
        for _ in range(LINKS_MAX):
            found = self._members.get(wanted)
            if found is None or found.isreg():
                return found
            if not (found.issym() or found.islnk()):
                return None
            base = posixpath.dirname(wanted) if found.issym() else ""
            wanted = posixpath.normpath(posixpath.join(base, found.linkname))
        return None


def parse_document(data: bytes, name: str) -> Any:
    """JSON from an image; Invalid when it is none."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise corrupt(f"{name} is not JSON: {error}") from error


@contextlib.contextmanager
def open_archive(path: Path, *, scratch: Path, took: Took = lambda count: None) -> Iterator[Archive]:
    """The archive at `path`; a compressed one is laid out in `scratch` for as long as it is open.

    `took` hears, in the calling thread, how many bytes of the file were worked through.
    """
    with contextlib.ExitStack() as opened:
        try:
            stream: IO[bytes] = opened.enter_context(path.open("rb"))
        except OSError as error:
            raise Invalid("image archive", str(path), why=f"{path}: {error.strerror}") from error
        magic = stream.read(4)
        stream.seek(0)
        if magic.startswith(GZIP_MAGIC) or magic == ZSTD_MAGIC:
            scratch.mkdir(parents=True, exist_ok=True)
            plain = opened.enter_context(tempfile.TemporaryFile(dir=scratch))
            unzip = _gunzip if magic.startswith(GZIP_MAGIC) else _unzstd
            try:
                unzip(stream, plain, took)
            except BROKEN as error:
                raise corrupt(str(error)) from error
            plain.seek(0)
            stream = plain
        try:
            tar = opened.enter_context(tarfile.open(fileobj=stream, mode="r:"))
        except BROKEN as error:
            raise corrupt(f"{path} is no tar archive ({error})") from error
        yield Archive(tar, took=took)


def _gunzip(stream: IO[bytes], plain: IO[bytes], took: Took) -> None:
    before = 0
    with gzip.GzipFile(fileobj=stream) as unzipped:
        while chunk := unzipped.read(CHUNK_BYTES):
            plain.write(chunk)
            took(stream.tell() - before)
            before = stream.tell()


def _unzstd(stream: IO[bytes], plain: IO[bytes], took: Took) -> None:
    program = shutil.which("zstd")
    if program is None:
        raise Unavailable("program", "zstd", why="the archive is zstd-compressed: install the package zstd")
    os.lseek(stream.fileno(), 0, os.SEEK_SET)  # where the program starts to read, whatever we have buffered
    done = subprocess.run(
        [program, "-d", "-c", "--quiet"], stdin=stream, stdout=plain, stderr=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        raise corrupt(done.stderr.decode(errors="replace").strip())
    took(stream.seek(0, os.SEEK_END))
