"""Blobs on disk: named by their digest, there whole and checked or not there at all.

    blobs/<algorithm>/<first two>/<hex>    shared by all repositories; records say who may see which
    uploads/<upload id>                    what has come so far, of uploads that are not finished

A blob is written below `uploads`, its digest checked, synced, and renamed: at any crash there is the whole
blob, or an upload to go on with. Everything here blocks: any thread, never the event loop. Of one upload
one thread writes at a time, which a lock on the file holds also between processes.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from bastide.files import sync
from bastide.model.faults import Conflict, Invalid, NotFound, Unavailable
from bastide.model.registry.digest import ALGORITHMS, CANONICAL, algorithm_of

READ_BYTES = 1024 * 1024
# Dirty pages are handed to the disk this early, so that the sync at the end has little left to do.
FLUSH_BYTES = 8 * 1024 * 1024
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
FOLDER_MODE = 0o700
_SWEEPING = threading.Lock()  # whoever brings a blob in and whoever sweeps it out take turns


class Incoming:
    """An upload's file while somebody writes to it; its digest is reckoned as the bytes come."""

    def __init__(self, path: Path) -> None:
        """Go on where the file ends. Raises NotFound when it is gone, Conflict while another writes to it."""
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound("upload", path.name) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._handle)
            raise Conflict("upload", path.name, why="Another request is writing to this upload") from error
        self.path = path
        self.size = os.fstat(self._handle).st_size
        self._hasher = hashlib.new(CANONICAL)
        self._hashed = 0  # less than size only after an upload was taken up again
        self._flushed = self.size

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append; on a full disk nothing of these chunks stays, and Unavailable is raised."""
        size = self.size
        try:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    written = os.pwrite(self._handle, view, size)
                    size += written
                    view = view[written:]
        except OSError as error:
            os.ftruncate(self._handle, self.size)
            raise _as_fault(error) from error
        if self._hashed == self.size:
            for chunk in chunks:
                self._hasher.update(chunk)
            self._hashed = size
        self.size = size
        if size - self._flushed >= FLUSH_BYTES:
            # Begins to write dirty pages out and waits for none; pages being written stay in the cache.
            os.posix_fadvise(self._handle, self._flushed, size - self._flushed, os.POSIX_FADV_DONTNEED)
            self._flushed = size

    def digest(self, algorithm: str) -> str:
        """The digest of everything so far."""
        hasher, begin = hashlib.new(algorithm), 0
        if algorithm == CANONICAL:
            hasher, begin = self._hasher, self._hashed
            self._hashed = self.size
        for chunk in _chunks(self._handle, begin, self.size):
            hasher.update(chunk)
        return f"{algorithm}:{hasher.hexdigest()}"

    def sync(self) -> None:
        """Return when it is on disk."""
        try:
            os.fdatasync(self._handle)
        except OSError as error:
            raise _as_fault(error) from error

    @property
    def is_closed(self) -> bool:
        """Whether the file has been let go of: it became a blob, or was given up."""
        return self._handle < 0

    def close(self) -> None:
        """Let go of the file. Repeatable."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class Blobs:
    """The folder of one installation's registry."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"
        self._made: set[Path] = set()

    def path_of(self, digest: str) -> Path:
        """Where a blob is, if it is. Preconditions: the digest is one."""
        algorithm, _, value = digest.partition(":")
        return self._blobs / algorithm / value[:2] / value

    def upload_path(self, upload_id: str) -> Path:
        """Where an upload's bytes are. Preconditions: the id is one of ours."""
        return self._uploads / upload_id

    def open(self, digest: str) -> int:
        """A file descriptor of the blob; NotFound."""
        try:
            return os.open(self.path_of(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound("blob", digest) from error

    def begin(self, upload_id: str) -> None:
        """An empty upload."""
        path = self.upload_path(upload_id)
        try:
            self._ensure_folder(path.parent)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise _as_fault(error) from error

    def keep(self, incoming: Incoming, digest: str) -> None:
        """Turn an upload into a blob: checked, on disk, and renamed. Raises Invalid for another digest."""
        found = incoming.digest(algorithm_of(digest))
        if found != digest:
            why = f"The digest of what was uploaded is '{found}', not '{digest}'"
            raise Invalid("digest", digest, why=why)
        incoming.sync()
        target = self.path_of(digest)
        try:
            self._ensure_folder(target.parent)
            with _SWEEPING:
                # Also over a blob that is there: the newest name is what the sweep's grace counts from.
                os.utime(incoming.path)
                incoming.path.replace(target)
            sync(target.parent)
        except FileNotFoundError as error:
            raise NotFound("upload", incoming.path.name) from error
        except OSError as error:
            raise _as_fault(error) from error
        finally:
            incoming.close()

    def upload_size(self, upload_id: str) -> int:
        """How many bytes of an upload have come; NotFound."""
        try:
            return self.upload_path(upload_id).stat().st_size
        except FileNotFoundError as error:
            raise NotFound("upload", upload_id) from error

    def drop(self, upload_id: str) -> None:
        """Forget an upload's bytes. Repeatable."""
        self.upload_path(upload_id).unlink(missing_ok=True)

    def sweep(self, digest: str, *, older_than_s: float) -> bool:
        """Remove a blob unless it came in since; whether it is gone.

        Preconditions: no record named it after `older_than_s` (epoch seconds) was reckoned.
        """
        path = self.path_of(digest)
        with _SWEEPING, contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime >= older_than_s:
                return False
            path.unlink()
        return True

    def find_blobs(self, *, older_than_s: float) -> Iterator[str]:
        """Digests of the blobs that were brought in before a time."""
        for algorithm in ALGORITHMS:
            for path in _old_files(self._blobs / algorithm, older_than_s):
                yield f"{algorithm}:{path.name}"

    def find_uploads(self, *, older_than_s: float) -> Iterator[str]:
        """Ids of the uploads nothing was written to since a time."""
        for path in _old_files(self._uploads, older_than_s):
            yield path.name

    def _ensure_folder(self, folder: Path) -> None:
        if folder in self._made:
            return
        below = folder.relative_to(self._root).parts
        for depth in range(len(below) + 1):
            each = self._root.joinpath(*below[:depth])
            with contextlib.suppress(FileExistsError):
                each.mkdir(mode=FOLDER_MODE)
                sync(each.parent)
        self._made.add(folder)


def _old_files(folder: Path, older_than_s: float) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than_s:
                    yield path


def _chunks(handle: int, offset: int, size: int) -> Iterator[bytes]:
    while offset < size and (chunk := os.pread(handle, READ_BYTES, offset)):
        yield chunk
        offset += len(chunk)


def _as_fault(error: OSError) -> Exception:
    if error.errno in NO_SPACE:
        return Unavailable("registry disk", why="The disk of the registry is full.")
    return error
