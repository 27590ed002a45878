"""A task's ephemeral storage: one sparse ext4 file, mounted, and the overlays whose upper lies on it.

    <folder>/<task>.img         the filesystem; `.img.new` until it is whole
    <folder>/<task>/fs          its mount: containers/<c>/{upper,work}, and what the agent puts beside
    <folder>/<task>/rootfs/<c>  a container's overlay
    <folder>/<task>/efs/<v>     a volume on EFS; `.<v>.root` beside it is the NFS export it is a part of
    <folder>-blank/<GiB>.img    a fresh filesystem of that size: mkfs syncs, so it runs once and is copied

A task that fills it gets ENOSPC and nobody else notices. Sizes are promised, not set aside: when the host's
own disk is nearly full, there are no new ones. After a crash everything is found by these
names. Calls about one task wait for each other.
"""

import asyncio
import errno
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from bastide.host import mounts, syscalls
from bastide.host.command import CommandFailed, run
from bastide.host.machine.disk_use import read_disk_use
from bastide.host.threads import on_own_thread
from bastide.host.volumes.efs import mount_efs, read_file_systems
from bastide.host.volumes.extents import copy_extents
from bastide.model.assignment import EfsVolume
from bastide.model.faults import Fault, InUse, Invalid, NotFound, Unavailable
from bastide.model.usage import DiskUse

T = TypeVar("T")
GIB = 1024**3
# Nothing of it outlives a crash of the host, so nothing is journalled; nothing is kept back for root.
MKFS = ("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", "-L", "task")
MKFS_EXTENDED = ("-E", "lazy_itable_init=1,nodiscard,root_owner=0:0")
# Tables left unwritten stay holes in the file; freed blocks become holes again.
MOUNT_OPTIONS = "noinit_itable,discard,errors=continue"
# What the host's own disk answers when the task can have no disk at all; all else may pass.
FAULTS: dict[int, type[Fault]] = {
    errno.EBUSY: InUse,
    errno.ENOSPC: Invalid,
    errno.EDQUOT: Invalid,
    errno.EROFS: Invalid,
}
UNMOUNT_TRIES, UNMOUNT_PAUSE_S = 20, 0.05  # a killed sandbox closes its files a moment after it is gone
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")  # ECS's rule; a file name too


class LoopDisks:
    """`ports.Disks` over loop devices, in a folder of the agent's."""

    def __init__(self, folder: Path, *, efs_file: Path, reserve_percent: int = 0) -> None:
        self._folder = folder.resolve()  # mountinfo knows no symbolic links
        self._efs_file = efs_file
        self._reserve_percent = reserve_percent
        self._blanks = self._folder.with_name(f"{self._folder.name}-blank")
        self._making_blank = asyncio.Lock()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure_disk(self, task_id: str, *, size_gib: int) -> Path:
        """A sparse filesystem of exactly that size, mounted; its path. An existing one keeps its size."""
        image, target = self._image(task_id), self._target(task_id)
        async with self._lock(task_id):
            if await self._guarded(lambda: mounts.is_mounted(target)):
                return target
            if not image.exists():
                await self._guarded(self._check_reserve)
                blank = await self._ensure_blank(size_gib)
                await self._guarded(lambda: _make_image(image, blank))
            await self._guarded(lambda: _mount(image, target))
        return target

    async def ensure_rootfs(self, task_id: str, container: str, lower: Sequence[str]) -> Path:
        """An overlay over `lower` with upper and work on the task's disk, mounted; its path.

        Preconditions: the disk is there, else NotFound; `lower` is not empty.
        """
        check_name(container)
        disk, root = self._target(task_id), self.rootfs_path(task_id, container)

        def mount() -> None:
            if mounts.is_mounted(root):
                return
            if not mounts.is_mounted(disk):
                raise NotFound("disk", task_id)
            own = disk / "containers" / container
            upper, work = own / "upper", own / "work"
            for folder in (root, upper, work):
                folder.mkdir(parents=True, exist_ok=True)
            _copy_owner(Path(lower[0]), upper)
            mounts.mount_overlay(root, lower=lower, upper=upper, work=work)

        async with self._lock(task_id):
            await self._guarded(mount)
        return root

    async def ensure_efs(self, task_id: str, volume: str, efs: EfsVolume) -> Path:
        """What stands for the file system on this host, mounted; its path. Invalid, in AWS's words."""
        check_name(volume)
        folder = self._folder / task_id / "efs"
        root, target = folder / f".{volume}.root", folder / volume
        async with self._lock(task_id):
            await mount_efs(read_file_systems(self._efs_file), efs, root=root, target=target)
        return target

    def rootfs_path(self, task_id: str, container: str) -> Path:
        """Where `ensure_rootfs` mounts it, whether or not it is there."""
        return self._folder / task_id / "rootfs" / container

    async def remove_disk(self, task_id: str) -> None:
        """Unmount and delete all of it. Repeatable. InUse while a process still has files open there."""
        image, folder = self._image(task_id), self._folder / task_id
        async with self._lock(task_id):
            for tries_left in reversed(range(UNMOUNT_TRIES)):
                try:
                    await self._guarded(lambda: _remove(image, folder))
                    return
                except InUse:
                    if not tries_left:
                        raise
                await asyncio.sleep(UNMOUNT_PAUSE_S)

    async def read_use(self, task_id: str) -> DiskUse | None:
        """What the task's disk holds and has done; None when it is not here."""
        target = self._target(task_id)

        def read() -> DiskUse | None:
            return read_disk_use(target) if mounts.is_mounted(target) else None

        return await self._guarded(read)

    async def read_disks(self) -> set[str]:
        """Task ids that have anything of a disk on this host."""
        try:
            return {path.name.partition(".")[0] for path in self._folder.iterdir()}
        except FileNotFoundError:
            return set()

    async def _ensure_blank(self, size_gib: int) -> Path:
        blank = self._blanks / f"{size_gib}.img"
        new = blank.with_suffix(".img.new")

        def allocate() -> None:
            self._blanks.mkdir(parents=True, exist_ok=True, mode=0o700)
            with new.open("wb") as file:
                file.truncate(size_gib * GIB)

        async with self._making_blank:
            if blank.exists():
                return blank
            await self._guarded(allocate)
            try:
                await run(*MKFS, *MKFS_EXTENDED, str(new))
            except CommandFailed as error:
                if os.strerror(errno.ENOSPC) in error.stderr:
                    raise Invalid("disk", why=f"disk: {os.strerror(errno.ENOSPC)}: {new}") from error
                raise
            new.rename(blank)
        return blank

    def _check_reserve(self) -> None:
        """Invalid when the host's disk is so full that the tasks which run may soon need the rest."""
        folder = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        seen = os.statvfs(folder)
        if seen.f_bavail * 100 < seen.f_blocks * self._reserve_percent:
            free_gib = seen.f_bavail * seen.f_frsize / GIB
            why = (
                f"unable to allocate ephemeral storage: {free_gib:.1f} GiB of the host's disk are free,"
                f" less than the {self._reserve_percent} % kept for tasks that run"
            )
            raise Invalid("disk", why=why)

    async def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return await on_own_thread(work)
        except OSError as error:
            fault = FAULTS.get(error.errno or 0, Unavailable)
            raise fault("disk", why=f"disk: {error.strerror}: {error.filename}") from error

    def _image(self, task_id: str) -> Path:
        return self._folder / f"{task_id}.img"

    def _target(self, task_id: str) -> Path:
        return self._folder / task_id / "fs"

    def _lock(self, task_id: str) -> asyncio.Lock:
        return self._locks.setdefault(task_id, asyncio.Lock())


def check_name(name: str) -> None:
    """Invalid for one that could be anything but a single file name below a folder of ours."""
    if not _NAME.fullmatch(name):
        raise Invalid("name", name)


def _make_image(image: Path, blank: Path) -> None:
    """A copy of the blank, holes and all."""
    image.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = image.with_suffix(".img.new")
    with blank.open("rb") as source, new.open("wb") as copy:
        os.fchmod(copy.fileno(), 0o600)
        copy_extents(source.fileno(), copy.fileno(), name=str(new))
    new.rename(image)


def _mount(image: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True, mode=0o755)
    flags = syscalls.MS_NODEV | syscalls.MS_NOATIME
    mounts.mount_image(image, target, kind="ext4", flags=flags, options=MOUNT_OPTIONS)


def _copy_owner(original: Path, copy: Path) -> None:
    """The merged root shows the upper directory's owner and mode: let them be the image's."""
    seen = original.stat()
    os.chown(copy, seen.st_uid, seen.st_gid)
    copy.chmod(seen.st_mode & 0o7777)


def _remove(image: Path, folder: Path) -> None:
    for target in mounts.read_mounts_below(folder):
        mounts.unmount(target)
    for device in mounts.read_loops(image):
        mounts.free_loop(device)
    _remove_empty_tree(folder)
    image.with_suffix(".img.new").unlink(missing_ok=True)
    image.unlink(missing_ok=True)


def _remove_empty_tree(folder: Path) -> None:
    """Mount points only: a folder that holds a file, or is mounted again, stays and fails."""
    for path, _, _ in os.walk(folder, topdown=False):
        Path(path).rmdir()
