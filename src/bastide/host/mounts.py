"""Mounts and loop devices: made by system call, found again by path.

Bastide's mounts are in the host's mount namespace, where shim and runsc see them; nothing here changes
how mounts propagate. Calls block for a few milliseconds and are repeatable.
"""

import contextlib
import errno
import fcntl
import os
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bastide.host import syscalls

_LOOP_CONTROL = Path("/dev/loop-control")
_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LOOP_CLR_FD = 0x4C01
_LO_FLAGS_AUTOCLEAR = 4  # the device lets its file go with its last user
_LOOP_CONFIG_BYTES = 304  # struct loop_config: fd, block size, struct loop_info64, reserved
_LO_FLAGS_OFFSET = 8 + 52
_LO_NAME_OFFSET = 8 + 56
_LO_NAME_BYTES = 64
_LOOP_TRIES = 64  # another program may take the free device before us
_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A line of mountinfo."""

    target: str
    root: str
    type: str
    source: str
    options: str  # of the file system


def read_mounts() -> list[Mount]:
    """Every mount of this process's namespace, oldest first."""
    return [parse_mount(line) for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def parse_mount(line: str) -> Mount:
    """One line of proc_pid_mountinfo(5)."""
    left, _, right = line.partition(" - ")
    fields, tail = left.split(" "), right.split(" ")
    return Mount(
        target=_plain(fields[4]),
        root=_plain(fields[3]),
        type=tail[0],
        source=_plain(tail[1]),
        options=tail[2],
    )


def read_mounts_below(folder: Path) -> list[str]:
    """Targets at or below `folder`, the newest first, as they have to be unmounted."""
    at, below = str(folder), f"{folder}/"
    targets = [mount.target for mount in read_mounts()]
    return [target for target in reversed(targets) if target == at or target.startswith(below)]


def is_mounted(target: Path) -> bool:
    """Whether something is mounted exactly there."""
    return any(mount.target == str(target) for mount in read_mounts())


def mount_image(image: Path, target: Path, *, kind: str, flags: int, options: str) -> None:
    """Mount the filesystem in a file over a loop device that goes with the mount."""
    with _loop_device(image) as device:
        syscalls.mount(device, str(target), kind=kind, flags=flags, options=options)


def mount_overlay(target: Path, *, lower: Sequence[str], upper: Path, work: Path) -> None:
    """Mount an overlay. Changes the calling thread's folder: call it on a thread of its own.

    Lower directories are named from their common folder: the options of mount(2) fill one page at most.
    """
    common = os.path.commonpath([os.path.dirname(path) for path in lower])  # noqa: PTH120
    syscalls.unshare(syscalls.CLONE_FS)
    os.chdir(common)
    named = ":".join(_escaped(os.path.relpath(path, common)) for path in lower)
    options = f"lowerdir={named},upperdir={_escaped(str(upper))},workdir={_escaped(str(work))}"
    syscalls.mount("overlay", str(target), kind="overlay", flags=syscalls.MS_NODEV, options=options)


def unmount(target: str) -> None:
    """Nothing when it is not mounted; OSError EBUSY while something in it is in use."""
    try:
        syscalls.unmount(target)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise


def read_loops(image: Path) -> list[str]:
    """Loop devices that hold the file, also when it is deleted by now."""
    held = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if backing.read_text().strip().removesuffix(" (deleted)") == str(image):
                held.append(f"/dev/{backing.parent.parent.name}")
    return held


def free_loop(device: str) -> None:
    """The device lets its file go, now or with its last user."""
    with contextlib.suppress(OSError):
        descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _LOOP_CLR_FD)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _loop_device(image: Path) -> Iterator[str]:
    """A loop device with the file; without a mount on it at the end it is free again."""
    with image.open("r+b") as file:
        device, descriptor = _configured(file.fileno(), image)
    try:
        yield device
    finally:
        os.close(descriptor)


def _configured(file: int, image: Path) -> tuple[str, int]:
    config = bytearray(_LOOP_CONFIG_BYTES)
    struct.pack_into("=I", config, 0, file)
    struct.pack_into("=I", config, _LO_FLAGS_OFFSET, _LO_FLAGS_AUTOCLEAR)
    name = os.fsencode(image)[: _LO_NAME_BYTES - 1]
    config[_LO_NAME_OFFSET : _LO_NAME_OFFSET + len(name)] = name
    for _ in range(_LOOP_TRIES):
        with _LOOP_CONTROL.open("r+b", buffering=0) as control:
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
        device = f"/dev/loop{number}"
        descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _LOOP_CONFIGURE, bytes(config))
        except OSError as error:
            os.close(descriptor)
            if error.errno != errno.EBUSY:
                raise
        else:
            return device, descriptor
    raise OSError(errno.EBUSY, "no loop device stays free", str(image))


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)


def _escaped(path: str) -> str:
    return re.sub(r"([\\:,])", r"\\\1", path)
