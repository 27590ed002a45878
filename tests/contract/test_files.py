"""Files that are whole or not there: who may read them, and what is left beside them."""

import os
from pathlib import Path

import pytest

from bastide.files import replace_file, write_once, write_whole


def test_a_replaced_file_has_its_mode_and_owner_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    replace_file(path, b"first")
    assert path.stat().st_mode & 0o777 == 0o600
    before = os.umask(0o077)
    try:
        replace_file(path, b"second", mode=0o644, owner=(os.getuid(), os.getgid()))
    finally:
        os.umask(before)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"second", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "settings.json"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    replace_file(path, b"ours")
    assert (victim.read_bytes(), path.is_symlink(), path.read_bytes()) == (b"precious", False, b"ours")


@pytest.mark.parametrize("write", [replace_file, write_whole])
def test_what_cannot_be_put_there_leaves_nothing(tmp_path: Path, write: object) -> None:
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(OSError):
        write(path, b"x")  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == [path] and path.is_dir()


def test_what_is_written_once_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    assert write_once(path, b"first")
    assert not write_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert [each.name for each in path.parent.iterdir()] == ["key"]
