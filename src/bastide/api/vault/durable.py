"""Small files that are whole or not there, and on disk when a call returns."""

import os
import secrets
from pathlib import Path

from bastide.store.durability import sync

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def write_once(path: Path, content: bytes) -> bool:
    """Write the file unless there is one; whether this call made it. Of two at once, one makes it."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    draft = _draft_of(path)
    try:
        _write(draft, content)
        os.link(draft, path)  # unlike a rename it does not replace what somebody else just made
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
    return True


def write_whole(path: Path, content: bytes) -> None:
    """Write the file, or replace it at once."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    draft = _draft_of(path)
    try:
        _write(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
