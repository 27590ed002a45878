"""Reading and making things inside a container's root filesystem without ever leaving it.

The image decides what is in there: any part of a path may be a link to the host's /etc, a FIFO or a
gigabyte. Paths are walked part by part on descriptors; a link counts from the container's root, as it will
inside. Blocking, but only on the local disk.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bastide.model.faults import Invalid

LINKS_MAX = 40  # as the kernel's own path walk
TEXT_MAX_BYTES = 1024 * 1024  # of /etc/passwd and its like
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def read_in_root(rootfs: Path, path: str) -> str:
    """A text file of the container; empty when there is no such regular file."""
    try:
        with opened_in_root(rootfs, path) as found:
            if not stat.S_ISREG(os.fstat(found).st_mode):
                return ""
            with Path(f"/proc/self/fd/{found}").open("rb") as file:
                return file.read(TEXT_MAX_BYTES).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


@contextmanager
def opened_in_root(rootfs: Path, path: str) -> Iterator[int]:
    """A descriptor (O_PATH) of what `path` is inside; FileNotFoundError or NotADirectoryError without one."""
    with _walked(rootfs, path, create_mode=None) as found:
        yield found


def ensure_folder_in_root(rootfs: Path, path: str, *, mode: int = 0o755) -> None:
    """Make a folder of the container, as Docker does for a working directory that the image lacks.

    Invalid when something else stands in the way.
    """
    try:
        with _walked(rootfs, path, create_mode=mode) as found:
            is_folder = stat.S_ISDIR(os.fstat(found).st_mode)
    except NotADirectoryError:
        is_folder = False
    if not is_folder:
        raise Invalid("folder", path, why=f"{path} is not a directory in the image")


def ensure_file_in_root(rootfs: Path, path: str) -> None:
    """Make an empty file of the container for something to be mounted on, unless anything is there."""
    folder, _, name = path.rpartition("/")
    try:
        with _walked(rootfs, path, create_mode=None):
            return
    except (FileNotFoundError, NotADirectoryError):
        ensure_folder_in_root(rootfs, folder)
    with _walked(rootfs, folder, create_mode=None) as parent, suppress(FileExistsError):
        os.close(os.open(name, _MAKE, 0o644, dir_fd=parent))


@contextmanager
def _walked(rootfs: Path, path: str, *, create_mode: int | None) -> Iterator[int]:
    """A descriptor (O_PATH) of what `path` is inside; missing folders are made if a mode is given."""
    trail = [os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    parts, links = deque(path.split("/")), 0
    try:
        while parts:
            part = parts.popleft()
            if part in ("", "."):
                continue
            if part == "..":
                if len(trail) > 1:
                    os.close(trail.pop())
                continue
            step = _step(trail[-1], part, create_mode)
            if not stat.S_ISLNK(os.fstat(step).st_mode):
                trail.append(step)
                continue
            target = os.readlink("", dir_fd=step)
            os.close(step)
            links += 1
            if links > LINKS_MAX:
                raise Invalid("path", path, why=f"{path} has too many links in the image")
            if target.startswith("/"):
                while len(trail) > 1:
                    os.close(trail.pop())
            parts.extendleft(reversed(target.split("/")))
        yield trail[-1]
    finally:
        for descriptor in trail:
            os.close(descriptor)


def _step(folder: int, part: str, create_mode: int | None) -> int:
    try:
        return os.open(part, _STEP, dir_fd=folder)
    except FileNotFoundError:
        if create_mode is None:
            raise
    with suppress(FileExistsError):
        os.mkdir(part, create_mode, dir_fd=folder)
    return os.open(part, _STEP, dir_fd=folder)
