"""Volumes filled from images built to lead us astray. Real files: what the kernel keeps is the point."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from bastide.host.volumes import images as volumes
from bastide.host.volumes.images import DEPTH_MAX, ensure_volume
from bastide.model.faults import Invalid
from tests.real_host import Crash, Fuse, require_root

pytestmark = pytest.mark.real


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root filesystem with a folder of its own content, beside a file of the host that must stay unseen."""
    require_root()
    (tmp_path / "secret").write_text("the host's")
    made = tmp_path / "root"
    (made / "data" / "deep").mkdir(parents=True)
    (made / "data" / "deep" / "file").write_text("content")
    return made


def fill(root: Path, path: str = "/data") -> Path:
    """A volume made from one container's image."""
    folder = root.parent / "volumes" / "shared"
    ensure_volume(folder, [(root, path)])
    return folder


def test_content_owner_mode_and_time_are_the_images(root: Path) -> None:
    file = root / "data" / "deep" / "file"
    os.chown(file, 1000, 1001)
    file.chmod(0o4750)
    os.utime(file, (1, 2))
    os.chown(root / "data", 1002, 1003)
    (root / "data").chmod(0o2771)
    volume = fill(root)
    seen, top = (volume / "deep" / "file").stat(), volume.stat()
    assert (volume / "deep" / "file").read_text() == "content"
    assert (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode), seen.st_mtime) == (1000, 1001, 0o4750, 2)
    assert (top.st_uid, top.st_gid, stat.S_IMODE(top.st_mode)) == (1002, 1003, 0o2771)


def test_links_stay_links_and_are_never_followed(root: Path) -> None:
    (root / "data" / "out").symlink_to("../../secret")
    (root / "data" / "absolute").symlink_to(root.parent / "secret")
    (root / "data" / "folder").symlink_to("/etc")
    os.link(root / "data" / "deep" / "file", root / "data" / "second")
    os.lchown(root / "data" / "out", 5, 6)
    volume = fill(root)
    assert str((volume / "out").readlink()) == "../../secret"
    assert (volume / "out").lstat().st_uid == 5
    assert str((volume / "folder").readlink()) == "/etc"
    assert (volume / "second").stat().st_ino == (volume / "deep" / "file").stat().st_ino
    assert (volume / "second").stat().st_nlink == 2


def test_a_path_that_is_a_link_counts_from_the_images_root(root: Path) -> None:
    (root / "linked").symlink_to("/data/../../../data")
    assert (fill(root, "/linked") / "deep" / "file").read_text() == "content"


@pytest.mark.parametrize("target", ["../..", "/..", "../../.."])
def test_a_path_that_leads_out_ends_at_the_images_root(root: Path, target: str) -> None:
    (root / "linked").symlink_to(target)
    assert sorted(path.name for path in fill(root, "/linked").iterdir()) == ["data", "linked"]


def test_a_device_a_pipe_and_a_socket_are_not_opened(root: Path) -> None:
    os.mknod(root / "data" / "memory", stat.S_IFCHR | 0o600, os.makedev(1, 1))
    os.mkfifo(root / "data" / "pipe", 0o640)
    os.mknod(root / "data" / "socket", stat.S_IFSOCK | 0o600)
    volume = fill(root)
    assert (volume / "memory").stat().st_rdev == os.makedev(1, 1)
    assert stat.S_ISFIFO((volume / "pipe").stat().st_mode)
    assert not (volume / "socket").exists()


def test_extended_attributes_come_along(root: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service=ep
    os.setxattr(root / "data" / "deep" / "file", "security.capability", capability)
    volume = fill(root)
    assert os.getxattr(volume / "deep" / "file", "security.capability") == capability


def test_a_hole_stays_a_hole(root: Path) -> None:
    with (root / "data" / "sparse").open("wb") as file:
        file.truncate(1024**4)
    volume = fill(root)
    assert (volume / "sparse").stat().st_size == 1024**4
    assert (volume / "sparse").stat().st_blocks == 0


def test_the_first_image_with_content_fills_it(root: Path) -> None:
    empty = root.parent / "empty"
    (empty / "data").mkdir(parents=True)
    folder = root.parent / "shared"
    ensure_volume(folder, [(empty, "/none"), (empty, "/data"), (root, "/data"), (root, "/")])
    assert [path.name for path in folder.iterdir()] == ["deep"]


def test_what_is_no_folder_fills_nothing(root: Path) -> None:
    assert list(fill(root, "/data/deep/file").iterdir()) == []


def test_a_volume_that_is_whole_is_never_filled_again(root: Path) -> None:
    volume = fill(root)
    (volume / "deep" / "file").unlink()
    (volume / "deep").rmdir()
    assert list(fill(root).iterdir()) == []


def test_folders_beyond_any_measure_are_refused(root: Path) -> None:
    folder = os.open(root / "data", os.O_RDONLY)
    for _ in range(DEPTH_MAX + 2):
        os.mkdir("x", dir_fd=folder)
        inner = os.open("x", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    with pytest.raises(Invalid, match="folders in one another"):
        fill(root)


def test_a_crash_midway_is_made_good(root: Path) -> None:
    for blows_at in range(1, 30):
        fuse = Fuse(blows_at)
        try:
            with fuse.laid([(volumes, "_copy_file"), (volumes, "_copy_attributes"), (shutil, "rmtree")]):
                fill(root)
        except Crash:
            pass
        volume = fill(root)
        assert (volume / "deep" / "file").read_text() == "content"
        assert [path.name for path in volume.parent.iterdir()] == ["shared"]
        shutil.rmtree(volume)
        if not fuse.blown:
            return
    raise AssertionError("it never came through")
