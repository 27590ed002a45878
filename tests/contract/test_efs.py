"""File systems of the host mounted for tasks: only what was mapped, only below it, gone with the task."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bastide.host import mounts
from bastide.host.disks import LoopDisks
from bastide.host.volumes.efs import MOUNT_NFS, read_file_systems, save_file_systems
from bastide.model.assignment import EfsVolume
from bastide.model.faults import Invalid
from bastide.model.file_systems import AccessPoint, FileSystem
from tests.real_host import require_root

pytestmark = pytest.mark.real

TASK = "1" * 32
FS, POINT = "fs-12345678", "fsap-12345678"


@pytest.fixture
def folder() -> Iterator[Path]:
    """The file system's folder, beside one of the host's that must stay unseen."""
    require_root()
    path = Path(tempfile.mkdtemp(prefix="bastide-efs-", dir="/var/tmp"))
    (path / "shared" / "sub").mkdir(parents=True)
    (path / "shared" / "sub" / "file").write_text("shared")
    (path / "secret").mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def disks(folder: Path) -> AsyncIterator[LoopDisks]:
    """Disks of a host where FS is that folder."""
    points = {
        POINT: AccessPoint(path="/points/one", uid=1000, gid=1001),
        "fsap-22222222": AccessPoint(path="/sub"),
    }
    save_file_systems(
        folder / "efs.json", {FS: FileSystem(source=str(folder / "shared"), access_points=points)}
    )
    made = LoopDisks(folder / "disks", efs_file=folder / "efs.json")
    yield made
    await made.remove_disk(TASK)
    assert mounts.read_mounts_below(folder) == []
    assert (folder / "shared" / "sub" / "file").read_text() == "shared"


async def refusal(disks: LoopDisks, efs: EfsVolume) -> str:
    with pytest.raises(Invalid) as caught:
        await disks.ensure_efs(TASK, "data", efs)
    assert caught.value.why.startswith("failed to invoke EFS utils commands to set up EFS volumes: stderr: ")
    return caught.value.why


async def test_what_is_written_is_there_for_the_next_task(disks: LoopDisks, folder: Path) -> None:
    mounted = await disks.ensure_efs(TASK, "data", EfsVolume(file_system_id=FS))
    assert await disks.ensure_efs(TASK, "data", EfsVolume(file_system_id=FS)) == mounted
    (mounted / "new").write_text("new")
    await disks.remove_disk(TASK)
    assert await disks.read_disks() == set()
    assert (folder / "shared" / "new").read_text() == "new"


async def test_the_root_directory_is_the_mounts_root(disks: LoopDisks) -> None:
    mounted = await disks.ensure_efs(TASK, "data", EfsVolume(file_system_id=FS, root_directory="/sub"))
    assert [path.name for path in mounted.iterdir()] == ["file"]


@pytest.mark.parametrize("target", ["../secret", "/secret", "../../../../../../../../../../var/tmp"])
async def test_no_link_leads_out_of_the_folder(disks: LoopDisks, folder: Path, target: str) -> None:
    (folder / "shared" / "out").symlink_to(target)
    said = await refusal(disks, EfsVolume(file_system_id=FS, root_directory="/out"))
    assert "No such file or directory" in said
    said = await refusal(disks, EfsVolume(file_system_id=FS, root_directory="/../secret"))
    assert f"mounting {FS}:/../secret failed" in said


async def test_a_missing_root_directory_or_file_system_fails(disks: LoopDisks) -> None:
    assert "No such file" in await refusal(disks, EfsVolume(file_system_id=FS, root_directory="/none"))
    assert "Not a directory" in await refusal(disks, EfsVolume(file_system_id=FS, root_directory="/sub/file"))
    unknown = await refusal(disks, EfsVolume(file_system_id="fs-99999999"))
    assert 'Failed to resolve "fs-99999999"' in unknown
    assert "bastide efs map fs-99999999 FOLDER" in unknown


async def test_an_access_point_is_a_root_with_an_owner(disks: LoopDisks, folder: Path) -> None:
    asked = EfsVolume(file_system_id=FS, access_point_id=POINT)
    mounted = await disks.ensure_efs(TASK, "data", asked)
    assert mounted.samefile(folder / "shared" / "points" / "one")
    assert (mounted.stat().st_uid, mounted.stat().st_gid) == (1000, 1001)
    os.chown(mounted, 5, 5)
    await disks.remove_disk(TASK)
    mounted = await disks.ensure_efs(TASK, "data", asked)
    assert mounted.stat().st_uid == 5  # one that was there keeps its owner
    other = await disks.ensure_efs(
        TASK, "other", EfsVolume(file_system_id=FS, access_point_id="fsap-22222222")
    )
    assert (other / "file").read_text() == "shared"
    said = await refusal(disks, EfsVolume(file_system_id=FS, access_point_id="fsap-99999999"))
    assert "fsap-99999999 does not exist" in said


async def test_an_nfs_server_needs_its_program(
    disks: LoopDisks, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file_systems(folder / "efs.json", {FS: FileSystem(source="nfs://127.0.0.1/export")})
    monkeypatch.setattr(shutil, "which", lambda program: None)
    said = await refusal(disks, EfsVolume(file_system_id=FS))
    assert f"{MOUNT_NFS} is missing: install the package nfs-common" in said


def test_a_damaged_file_is_told_by_its_path(folder: Path) -> None:
    (folder / "efs.json").write_text("{")
    with pytest.raises(Invalid, match=r"efs\.json"):
        read_file_systems(folder / "efs.json")
    assert read_file_systems(folder / "none") == {}
