"""Folders of a task's disk that containers mount, filled from their images as Docker fills a volume.

An empty volume takes over what an image has at the path where it is mounted: content, owners, modes, times,
extended attributes, hard links. The image decides what is in there, so nothing of it is followed or opened
that is not a plain file or folder. A copy grows in `<name>.new` and is renamed when it is whole: one that was
cut short begins anew, and one that is whole is never looked at again. Blocking: call it on a thread.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bastide.host.rootfs import opened_in_root
from bastide.host.volumes.extents import copy_extents
from bastide.model.faults import Invalid

DEPTH_MAX = 400  # folders in folders; each holds two descriptors open
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# An attribute that the other file system does not know, or that is not there after all.
_NO_ATTRIBUTES = (errno.ENOTSUP, errno.ENODATA, errno.EPERM)

Linked = dict[tuple[int, int], str]  # (device, inode) of a file with several names → its first copy


def ensure_volume(folder: Path, sources: Sequence[tuple[Path, str]]) -> None:
    """The folder, filled from the first of `sources` (root filesystem, path in it) that has content.

    Without any content it still has the owner and mode of the last such folder of an image. Repeatable.
    """
    if folder.exists():
        return
    new = folder.with_name(f".{folder.name}.new")  # no volume's name begins with a dot
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=0o755)
    new.chmod(0o755)
    for rootfs, path in sources:
        with _opened_folder(rootfs, path) as source:
            if source is not None and _fill(source, new):
                break
    new.rename(folder)


@contextmanager
def _opened_folder(rootfs: Path, path: str) -> Iterator[int | None]:
    """What is at the path inside, if it is a folder."""
    descriptor = None
    with suppress(FileNotFoundError, NotADirectoryError), opened_in_root(rootfs, path) as found:
        descriptor = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _fill(source: int, new: Path) -> bool:
    """Copy all of the folder; whether there was anything in it."""
    copy = os.open(new, _FOLDER)
    try:
        _copy_folder(source, copy, {}, str(new), depth=0)
        with os.scandir(copy) as entries:
            return next(entries, None) is not None
    finally:
        os.close(copy)


def _copy_folder(source: int, copy: int, linked: Linked, target: str, *, depth: int) -> None:
    """`target` is where `copy` can be reached by name, for links to its files."""
    if depth > DEPTH_MAX:
        raise Invalid("volume", why=f"the image has more than {DEPTH_MAX} folders in one another")
    for name in os.listdir(source):
        seen = os.lstat(name, dir_fd=source)
        path = f"{target}/{name}"
        if stat.S_ISDIR(seen.st_mode):
            os.mkdir(name, 0o700, dir_fd=copy)
            inner, made = os.open(name, _FOLDER, dir_fd=source), os.open(name, _FOLDER, dir_fd=copy)
            try:
                _copy_folder(inner, made, linked, path, depth=depth + 1)
            finally:
                os.close(inner)
                os.close(made)
        elif (first := linked.get((seen.st_dev, seen.st_ino))) is not None:
            os.link(first, name, dst_dir_fd=copy, follow_symlinks=False)
        else:
            _copy_file(name, seen, source, copy)
            if seen.st_nlink > 1:
                linked[(seen.st_dev, seen.st_ino)] = path
    _copy_attributes(source, copy)


def _copy_file(name: str, seen: os.stat_result, source: int, copy: int) -> None:
    """Anything but a folder. A socket is left out, as in an archive."""
    if stat.S_ISREG(seen.st_mode):
        inner, made = os.open(name, _READ, dir_fd=source), os.open(name, _WRITE, 0o600, dir_fd=copy)
        try:
            copy_extents(inner, made, name=name)
            _copy_attributes(inner, made)
        finally:
            os.close(inner)
            os.close(made)
        return
    if stat.S_ISLNK(seen.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=copy)
    elif stat.S_ISFIFO(seen.st_mode) or stat.S_ISCHR(seen.st_mode) or stat.S_ISBLK(seen.st_mode):
        # Of a device that is its name only: the disk is mounted `nodev`.
        os.mknod(name, seen.st_mode, seen.st_rdev, dir_fd=copy)
    else:
        return
    os.chown(name, seen.st_uid, seen.st_gid, dir_fd=copy, follow_symlinks=False)
    if not stat.S_ISLNK(seen.st_mode):
        os.chmod(name, stat.S_IMODE(seen.st_mode), dir_fd=copy)
    os.utime(name, ns=(seen.st_atime_ns, seen.st_mtime_ns), dir_fd=copy, follow_symlinks=False)


def _copy_attributes(source: int, copy: int) -> None:
    """Owner first: changing it takes setuid bits and file capabilities away."""
    seen = os.fstat(source)
    os.fchown(copy, seen.st_uid, seen.st_gid)
    os.fchmod(copy, stat.S_IMODE(seen.st_mode))
    for attribute in os.listxattr(source):
        try:
            os.setxattr(copy, attribute, os.getxattr(source, attribute))
        except OSError as error:
            if error.errno not in _NO_ATTRIBUTES:
                raise
    os.utime(copy, ns=(seen.st_atime_ns, seen.st_mtime_ns))
