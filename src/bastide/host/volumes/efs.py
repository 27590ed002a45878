"""EFS volumes: which host folder or NFS export stands for a file system, and mounting a folder of it.

The folder that is mounted is found by walking on descriptors from the file system's root, so that no link in
it, whoever made it, leads out; its descriptor is what is bound. Mounts lie below the task's folder of disks
and go with it. Every failure is told as ECS tells the failure of its EFS utilities.
"""

import contextlib
import os
import posixpath
import shutil
from pathlib import Path

import msgspec

from bastide.host import mounts, syscalls
from bastide.host.command import CommandFailed, run
from bastide.host.kept import read_kept, save_kept
from bastide.host.rootfs import ensure_folder_in_root, opened_in_root
from bastide.host.threads import on_own_thread
from bastide.model.assignment import EfsVolume
from bastide.model.faults import Fault, Invalid
from bastide.model.file_systems import AccessPoint, FileSystem

FileSystems = dict[str, FileSystem]

MOUNT_NFS = "mount.nfs4"
# As the EFS user guide recommends; without a second try, since the task is told why it failed.
NFS_OPTIONS = "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport,retry=0"
_FAILED = (
    "failed to invoke EFS utils commands to set up EFS volumes: stderr: {} : "
    "unsuccessful EFS utils command execution; code: 1"
)
_decoder = msgspec.json.Decoder(FileSystems)


def read_file_systems(path: Path) -> FileSystems:
    """By id; none when nothing was ever mapped. Invalid when the file is no longer what was written."""
    return read_kept(path, _decoder, noun="file systems", nothing={})


def save_file_systems(path: Path, systems: FileSystems) -> None:
    """Replace what is mapped."""
    save_kept(path, msgspec.json.encode(systems, order="sorted"))


async def mount_efs(systems: FileSystems, efs: EfsVolume, *, root: Path, target: Path) -> None:
    """Mount the volume at `target`; an NFS export is mounted at `root` first. Repeatable.

    Invalid for whatever stands in the way.
    """
    try:
        system, point = _find(systems, efs)
        base = Path(system.source) if system.nfs is None else await _mount_export(system.nfs, root)
        await on_own_thread(lambda: _bind(base, efs, point, target))
    except (Fault, OSError) as error:
        said = f"{error.strerror}" if isinstance(error, OSError) else str(error)
        raise Invalid("efs volume", why=_FAILED.format(said)) from error


def _find(systems: FileSystems, efs: EfsVolume) -> tuple[FileSystem, AccessPoint | None]:
    system = systems.get(efs.file_system_id)
    if system is None:
        why = (
            f'Failed to resolve "{efs.file_system_id}" - check that your file system ID is correct. '
            f"An operator has to map it: bastide efs map {efs.file_system_id} FOLDER"
        )
        raise Invalid("file system", efs.file_system_id, why=why)
    if efs.access_point_id is None:
        return system, None
    point = system.access_points.get(efs.access_point_id)
    if point is None:
        why = f"access point {efs.access_point_id} does not exist on {efs.file_system_id}"
        raise Invalid("access point", efs.access_point_id, why=why)
    return system, point


async def _mount_export(export: str, root: Path) -> Path:
    if shutil.which(MOUNT_NFS) is None:
        raise Invalid("program", MOUNT_NFS, why=f"{MOUNT_NFS} is missing: install the package nfs-common")
    if not mounts.is_mounted(root):
        root.mkdir(parents=True, exist_ok=True)
        try:
            await run("mount", "-t", "nfs4", "-o", NFS_OPTIONS, "--", export, str(root))
        except CommandFailed as error:
            raise Invalid("export", export, why=error.why) from error
    return root


def _bind(base: Path, efs: EfsVolume, point: AccessPoint | None, target: Path) -> None:
    if mounts.is_mounted(target):
        return
    path = efs.root_directory
    if point is not None:
        path = point.path
        _ensure_owned(base, point)
    target.mkdir(parents=True, exist_ok=True)
    try:
        with opened_in_root(base, path) as found:
            syscalls.mount(f"/proc/self/fd/{found}", str(target), flags=syscalls.MS_BIND)
    except (FileNotFoundError, NotADirectoryError) as error:
        why = f"mount.nfs4: mounting {efs.file_system_id}:{path} failed, reason given by server: "
        raise Invalid("folder", path, why=why + str(error.strerror)) from error


def _ensure_owned(base: Path, point: AccessPoint) -> None:
    """An access point's folder: one that is missing is made, and has its owner before it has its name."""
    parent, name = posixpath.split(point.path.rstrip("/"))
    try:
        with opened_in_root(base, point.path):
            return
    except FileNotFoundError:
        ensure_folder_in_root(base, parent)
    new = f".{name}.new"
    with opened_in_root(base, parent) as folder:
        with contextlib.suppress(FileExistsError):  # of an attempt that was cut short
            os.mkdir(new, dir_fd=folder)
        os.chown(new, point.uid, point.gid, dir_fd=folder, follow_symlinks=False)
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
