"""On disk when a call returns."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return when a file, or a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
