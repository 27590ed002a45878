"""Files that are whole or not there: written beside their place and put there at once.

A draft has a name that nobody can foresee, so whoever else may write to the folder cannot lay a link in its
way, and of two who write at once each has its own.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def replace_file(
    path: Path, content: bytes, *, mode: int = FILE_MODE, owner: tuple[int, int] | None = None
) -> None:
    """Write the file, or replace it at once. A machine that stops now may come back with the one before."""
    with _draft_of(path) as draft:
        handle = _create(draft)
        with os.fdopen(handle, "wb") as file:
            if owner is not None:
                os.fchown(handle, *owner)
            os.fchmod(handle, mode)  # whatever the umask
            file.write(content)
        draft.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write the file, or replace it at once; on disk when this returns. Makes the folder."""
    with _synced(path, content) as draft:
        draft.replace(path)


def write_once(path: Path, content: bytes) -> bool:
    """As `write_whole`, unless there is one; whether this call made it. Of two at once, one makes it."""
    try:
        with _synced(path, content) as draft:
            os.link(draft, path)  # unlike a rename it does not replace what somebody else just made
    except FileExistsError:
        return False
    return True


def sync(path: Path) -> None:
    """Return when a file, or a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _synced(path: Path, content: bytes) -> Iterator[Path]:
    """The content on disk under another name, to be given its own; the folder's names are on disk after."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    with _draft_of(path) as draft:
        with os.fdopen(_create(draft), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    sync(path.parent)


@contextlib.contextmanager
def _draft_of(path: Path) -> Iterator[Path]:
    """A name beside the file's, which nothing has afterwards."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _create(draft: Path) -> int:
    return os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
