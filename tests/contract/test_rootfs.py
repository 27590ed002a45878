"""Reading inside a root filesystem built to lead us astray. Real files: the kernel's walk is the point."""

import os
from pathlib import Path

import pytest

from bastide.host.rootfs import TEXT_MAX_BYTES, ensure_folder_in_root, read_in_root
from bastide.model.faults import Invalid


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    """A root filesystem beside a file of the host that must stay unseen."""
    (tmp_path / "secret").write_text("the host's")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return root


def test_a_plain_file_is_read(rootfs: Path) -> None:
    assert read_in_root(rootfs, "/etc/passwd").startswith("root:")


@pytest.mark.parametrize("path", ["/etc/none", "/none/passwd", "/etc/passwd/x", "/etc", "/"])
def test_what_is_no_file_reads_as_nothing(rootfs: Path, path: str) -> None:
    assert read_in_root(rootfs, path) == ""


@pytest.mark.parametrize("target", ["../../secret", "/../secret", "../../../../../../secret"])
def test_a_link_out_of_the_root_stays_inside(rootfs: Path, target: str) -> None:
    (rootfs / "etc" / "group").symlink_to(target)
    assert read_in_root(rootfs, "/etc/group") == ""
    (rootfs / "secret").write_text("the container's")
    assert read_in_root(rootfs, "/etc/group") == "the container's"


def test_an_absolute_link_counts_from_the_root(rootfs: Path, tmp_path: Path) -> None:
    (rootfs / "etc" / "group").symlink_to(tmp_path / "secret")
    assert read_in_root(rootfs, "/etc/group") == ""


def test_a_linked_folder_is_followed_inside(rootfs: Path) -> None:
    (rootfs / "usr" / "etc").mkdir(parents=True)
    (rootfs / "usr" / "etc" / "group").write_text("wheel:x:10:\n")
    (rootfs / "conf").symlink_to("/usr/etc")
    assert read_in_root(rootfs, "/conf/../etc/group") == "wheel:x:10:\n"


def test_a_loop_of_links_is_refused(rootfs: Path) -> None:
    (rootfs / "a").symlink_to("b")
    (rootfs / "b").symlink_to("a")
    with pytest.raises(Invalid, match="too many links"):
        read_in_root(rootfs, "/a")


def test_a_fifo_does_not_block(rootfs: Path) -> None:
    os.mkfifo(rootfs / "etc" / "group")
    assert read_in_root(rootfs, "/etc/group") == ""


def test_a_huge_file_is_cut(rootfs: Path) -> None:
    os.truncate(rootfs / "etc" / "passwd", 10 * TEXT_MAX_BYTES)
    assert len(read_in_root(rootfs, "/etc/passwd")) == TEXT_MAX_BYTES


def test_a_missing_folder_is_made_inside(rootfs: Path, tmp_path: Path) -> None:
    (rootfs / "app").symlink_to("/../outside")
    ensure_folder_in_root(rootfs, "/app/data")
    ensure_folder_in_root(rootfs, "/app/data")
    assert (rootfs / "outside" / "data").is_dir()
    assert not (tmp_path / "outside").exists()


def test_a_file_in_the_way_is_invalid(rootfs: Path) -> None:
    with pytest.raises(Invalid, match="not a directory"):
        ensure_folder_in_root(rootfs, "/etc/passwd/data")
    with pytest.raises(Invalid, match="not a directory"):
        ensure_folder_in_root(rootfs, "/etc/passwd")


def test_no_descriptor_is_left_open(rootfs: Path) -> None:
    before = open_descriptors()
    for path in ("/etc/passwd", "/etc/none", "/etc/passwd/x", "/../etc"):
        read_in_root(rootfs, path)
    assert open_descriptors() == before


def open_descriptors() -> int:
    """How many this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))
