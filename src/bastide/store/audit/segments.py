"""The files of the audit log: one at a time grows, the others wait for their end.

A segment's name is the moment it was begun, so names in order are times in order. Nothing in a segment is
ever changed; only whole ones go, the oldest first.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from bastide.files import sync

FILE_MODE, FOLDER_MODE = 0o600, 0o700
SEGMENT_BYTES = 32 * 1024 * 1024
_NAME = re.compile(r"(\d{8}T\d{12}Z)\.jsonl")
_STAMP = "%Y%m%dT%H%M%S%fZ"


class Retention(msgspec.Struct, frozen=True):
    """How long records are kept, and how much room they may take."""

    days: int = 90
    bytes_max: int = 4 * 1024**3


def segment_path(folder: Path, moment: datetime) -> Path:
    """Where a segment begun then is."""
    return folder / f"{moment.astimezone(UTC).strftime(_STAMP)}.jsonl"


def begun_at(path: Path) -> datetime:
    """When a segment was begun."""
    return datetime.strptime(path.stem, _STAMP).replace(tzinfo=UTC)


def list_segments(folder: Path) -> list[Path]:
    """All there are, the oldest first; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except FileNotFoundError:
        return []


def make_folder(folder: Path) -> None:
    """The folder, for nobody but its owner."""
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        sync(folder.parent)


def expired(segments: list[Path], retention: Retention, now: datetime) -> list[Path]:
    """Those that are to go: too old as a whole, or in the way of newer ones. The newest never is."""
    gone, size = [], 0
    oldest = now - timedelta(days=retention.days)
    for path, ended_at in zip(
        reversed(segments[:-1]), reversed([begun_at(each) for each in segments[1:]]), strict=True
    ):
        size += path.stat().st_size
        if ended_at < oldest or size + SEGMENT_BYTES > retention.bytes_max:
            gone.append(path)
    return gone


def append_once(folder: Path, line: bytes) -> None:
    """Add one line from another process than the server's, on disk when this returns.

    Preconditions: the folder is there. The kernel lets no two writers that append get in each other's way.
    """
    segments = list_segments(folder)
    path = segments[-1] if segments else segment_path(folder, datetime.now(UTC))
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        owner = folder.stat()
        if not segments and os.geteuid() == 0:
            os.fchown(handle, owner.st_uid, owner.st_gid)
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)
