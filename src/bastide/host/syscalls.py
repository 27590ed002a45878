"""The few system calls Python 3.11 lacks: mount, umount2, unshare, setns.

Each raises OSError with the kernel's errno. `unshare` and `setns` change the calling thread only: never
call them on a thread that goes on to do something else (see network/netns.py and mounts.py).
"""

import ctypes
import os

CLONE_FS = 0x00000200
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOATIME, MS_BIND = 1, 2, 4, 1024, 4096
UMOUNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, *, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    _check(
        _libc.mount(
            source.encode(),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            os.fsencode(options) or None,
        ),
        target,
    )


def unmount(target: str, *, flags: int = 0) -> None:
    """umount2(2); a symbolic link at the end of `target` is never followed."""
    _check(_libc.umount2(os.fsencode(target), flags | UMOUNT_NOFOLLOW), target)


def unshare(flags: int) -> None:
    """unshare(2), for this thread."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """setns(2), for this thread."""
    _check(_libc.setns(descriptor, kind), "setns")


def _check(result: int, subject: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), subject)
