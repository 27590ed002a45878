"""Copying what a file holds and leaving its holes holes. Blocking."""

import errno
import os
from collections.abc import Iterator

COPIED_BYTES = 1024**2  # in one go


def copy_extents(source: int, copy: int, *, name: str) -> None:
    """Make the open file `copy` as long as `source`, with the same data; `name` is for errors."""
    os.ftruncate(copy, os.fstat(source).st_size)
    for start, end in _extents(source):
        _copy(source, copy, start, end, name=name)


def _copy(source: int, copy: int, start: int, end: int, *, name: str) -> None:
    while start < end:
        try:
            start += os.pwrite(copy, os.pread(source, min(end - start, COPIED_BYTES), start), start)
        except OSError as error:
            raise OSError(error.errno, error.strerror, name) from error


def _extents(file: int) -> Iterator[tuple[int, int]]:
    """Where the file has data: from, and up to."""
    end = 0
    while True:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            raise
        end = os.lseek(file, start, os.SEEK_HOLE)
        yield start, end
