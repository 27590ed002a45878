"""The folders that a task's containers mount: its volumes, and the volumes its images declare.

All of them but file systems mapped by the operator lie on the task's disk and go with it.
"""

import posixpath
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from bastide.host.ports import Disks, ImageConfig
from bastide.host.threads import on_own_thread
from bastide.host.volumes.images import ensure_volume
from bastide.model.assignment import Assignment
from bastide.plan.oci.mounts import mount_path

# Mounted by the runtime or by the agent whatever an image declares.
TAKEN = ("/", "/proc", "/dev", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
TAKEN_BELOW = ("//", "/proc/", "/dev/", "/sys/")


class VolumeFolders(msgspec.Struct, frozen=True, kw_only=True):
    """Where they are on the host."""

    named: Mapping[str, str]  # by the volume's name
    of_images: Mapping[str, Mapping[str, str]]  # by container, then by path in it


async def ensure_volumes(
    spec: Assignment, disks: Disks, disk: Path, roots: Mapping[str, Path], images: Mapping[str, ImageConfig]
) -> VolumeFolders:
    """Make and fill what is not there yet. Preconditions: no container of the task has run before that."""
    mounted = {
        container.name: {mount_path(mount.path): mount.volume for mount in container.mounts}
        for container in spec.containers
    }
    named: dict[str, Path] = {}
    for volume in spec.volumes:
        if volume.efs is not None:
            named[volume.name] = await disks.ensure_efs(spec.task_id, volume.name, volume.efs)
            continue
        folder = disk / "volumes" / volume.name
        sources = [
            (roots[name], path)
            for name, paths in mounted.items()
            for path, mounted_there in paths.items()
            if mounted_there == volume.name
        ]
        await on_own_thread(partial(ensure_volume, folder, sources))
        named[volume.name] = folder
    of_images: dict[str, dict[str, str]] = {}
    for container in spec.containers:
        own = of_images.setdefault(container.name, {})
        for number, path in enumerate(declared_volumes(images[container.name])):
            if path not in mounted[container.name]:
                folder = disk / "image-volumes" / container.name / str(number)
                source = (roots[container.name], path)
                await on_own_thread(partial(ensure_volume, folder, [source]))
                own[path] = str(folder)
    return VolumeFolders(named={name: str(path) for name, path in named.items()}, of_images=of_images)


def declared_volumes(image: ImageConfig) -> list[str]:
    """The paths of an image's VOLUME lines that can be mounted, in one order whatever the image's is."""
    paths = {posixpath.normpath(path) for path in image.volumes if path.startswith("/")}
    return sorted(path for path in paths if path not in TAKEN and not path.startswith(TAKEN_BELOW))
