"""Disks that are plain folders. tests/contract holds them to the real ones, but for sizes and crashes."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from bastide.host.disks import check_name
from bastide.host.ports import Disks
from bastide.model.assignment import EfsVolume
from bastide.model.faults import Invalid, NotFound
from bastide.model.usage import DiskUse


class FakeDisks(Disks):
    """Below `folder`: <task>/fs and <task>/rootfs/<container>, the latter a copy of the lower directories."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sizes_gib: dict[str, int] = {}
        self.file_systems: dict[str, Path] = {}

    async def ensure_disk(self, task_id: str, *, size_gib: int) -> Path:
        self.sizes_gib.setdefault(task_id, size_gib)
        path = self.folder / task_id / "fs"
        path.mkdir(parents=True, exist_ok=True)
        return path

    async def ensure_rootfs(self, task_id: str, container: str, lower: Sequence[str]) -> Path:
        check_name(container)
        if task_id not in self.sizes_gib:
            raise NotFound("disk", task_id)
        path = self.rootfs_path(task_id, container)
        if not path.exists():
            for layer in reversed(lower):
                shutil.copytree(layer, path, dirs_exist_ok=True)
        return path

    async def ensure_efs(self, task_id: str, volume: str, efs: EfsVolume) -> Path:
        check_name(volume)
        if efs.file_system_id not in self.file_systems:
            raise Invalid("efs volume", why="failed to invoke EFS utils commands to set up EFS volumes")
        return self.file_systems[efs.file_system_id]

    def rootfs_path(self, task_id: str, container: str) -> Path:
        return self.folder / task_id / "rootfs" / container

    async def read_use(self, task_id: str) -> DiskUse | None:
        if task_id not in self.sizes_gib:
            return None
        return DiskUse(used_mib=0, major=7, minor=0, reads=0, read_bytes=0, writes=0, written_bytes=0)

    async def remove_disk(self, task_id: str) -> None:
        self.sizes_gib.pop(task_id, None)
        shutil.rmtree(self.folder / task_id, ignore_errors=True)

    async def read_disks(self) -> set[str]:
        return set(self.sizes_gib)
