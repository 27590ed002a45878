"""Network namespaces, kept alive by a bind mount each in a folder of the instance's own.

Not /run/netns: iproute2 remounts that folder when it is first used, which would hide and leak what is
there already. `nsenter --net=<path>` enters one. No call here changes the namespace of a thread that
lives on: each runs on a thread of its own that ends with it.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from bastide.host import syscalls
from bastide.host.threads import on_own_thread
from bastide.model.faults import NotFound, Unavailable

T = TypeVar("T")
_NO_LINK = (errno.ENODEV, errno.ENOENT, errno.ESRCH)


def is_netns(path: Path) -> bool:
    """Whether a namespace is bound there: nsfs is one filesystem for all of them."""
    try:
        return path.stat().st_dev == Path("/proc/self/ns/net").stat().st_dev
    except FileNotFoundError:
        return False


def read_inode(path: Path) -> int:
    """The kernel's number for the namespace bound there; NotFound without one."""
    try:
        return path.stat().st_ino
    except FileNotFoundError as error:
        raise NotFound("network namespace", path.name) from error


async def ensure_netns(path: Path, set_up: Callable[[IPRoute], None]) -> bool:
    """A namespace bound at `path`, set up inside before it can be found there; True when it is new."""
    if is_netns(path):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o400)

    def create() -> None:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        with IPRoute() as netlink:
            set_up(netlink)
        syscalls.mount("/proc/thread-self/ns/net", str(path), flags=syscalls.MS_BIND)

    await _guarded(create, str(path))
    return True


async def remove_netns(path: Path) -> None:
    """Let the namespace go; the kernel frees it, and what is in it, a moment later. Repeatable."""
    while is_netns(path):
        with contextlib.suppress(FileNotFoundError):
            syscalls.unmount(str(path), flags=syscalls.UMOUNT_DETACH)
    path.unlink(missing_ok=True)


async def inside(path: Path | None, work: Callable[[IPRoute], T]) -> T:
    """Do `work` with a netlink socket of the namespace at `path` (None: the host's own).

    sysctls written meanwhile are that namespace's too. NotFound when there is no such namespace.
    """

    def enter() -> T:
        if path is not None:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                syscalls.setns(descriptor, syscalls.CLONE_NEWNET)
            finally:
                os.close(descriptor)
        with IPRoute() as netlink:
            return work(netlink)

    if path is not None and not is_netns(path):
        raise NotFound("network namespace", path.name)
    return await _guarded(enter, str(path or "host"))


def write_sysctl(name: str, value: int | str) -> None:
    """Set `net.…` of the calling thread's namespace; what this kernel does not have is left out."""
    file = Path("/proc/sys", *name.split("/"))
    with contextlib.suppress(FileNotFoundError):
        file.write_text(str(value))


def read_sysctl(name: str) -> str:
    """Its value in the calling thread's namespace; empty when this kernel does not have it."""
    try:
        return Path("/proc/sys", *name.split("/")).read_text().strip()
    except FileNotFoundError:
        return ""


async def _guarded(work: Callable[[], T], name: str) -> T:
    try:
        return await on_own_thread(work)
    except NetlinkError as error:
        fault = NotFound if error.code in _NO_LINK else Unavailable
        raise fault("network", name, why=f"netlink: {error.args[-1]}") from error
    except OSError as error:
        raise Unavailable("network namespace", name, why=f"network namespace {name}: {error}") from error
