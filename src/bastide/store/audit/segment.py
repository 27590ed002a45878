"""The segment that grows: appended to whole lines at a time, with room on the disk taken in advance.

The room is what keeps a promise: while there is some, the record of a call that has begun will fit. It is
taken beyond the file's end (fallocate, FALLOC_FL_KEEP_SIZE), so nobody sees it, and given back on closing.
"""

import ctypes
import errno
import os
from pathlib import Path

from bastide.store.audit.segments import FILE_MODE

KEEP_SIZE = 1
ROOM_BYTES = 4 * 1024 * 1024
ROOM_LEAST_BYTES = 2 * 1024 * 1024  # below it more is taken
NO_ROOM_IN_ADVANCE = (errno.EOPNOTSUPP, errno.ENOSYS)  # this filesystem cannot

_libc = ctypes.CDLL(None, use_errno=True)


class Segment:
    """One open file. Used by one thread; another process may append too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._reserved = 0  # up to where in the file room is taken
        self.is_dirty = False  # there is something to sync

    @property
    def size(self) -> int:
        """What is in it."""
        return os.fstat(self._handle).st_size

    @property
    def is_there(self) -> bool:
        """Whether its name still leads to it."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._handle))
        except OSError:
            return False

    def take_room(self) -> None:
        """See to it that there is room for what comes; raises OSError where there is none."""
        size = self.size
        if self._reserved - size >= ROOM_LEAST_BYTES:
            return
        result = _libc.fallocate(self._handle, KEEP_SIZE, ctypes.c_long(size), ctypes.c_long(ROOM_BYTES))
        if result != 0 and (number := ctypes.get_errno()) not in NO_ROOM_IN_ADVANCE:
            raise OSError(number, os.strerror(number), str(self.path))
        self._reserved = size + ROOM_BYTES

    def append(self, lines: bytes) -> None:
        """Write them; what does not fit whole leaves nothing of itself."""
        begin, view = self.size, memoryview(lines)
        try:
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError:
            os.ftruncate(self._handle, begin)
            self._reserved = 0  # cutting gave the room back
            raise
        self.is_dirty = True

    def sync(self) -> None:
        """Return when everything is on disk."""
        if self.is_dirty:
            os.fdatasync(self._handle)
            self.is_dirty = False

    def close(self) -> None:
        """Sync, and give the room back."""
        try:
            self.sync()
            os.ftruncate(self._handle, self.size)
        finally:
            os.close(self._handle)
