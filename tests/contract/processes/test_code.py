"""The copy of Bastide that a user who cannot read ours is given."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bastide import __version__
from bastide.cli.processes.accounts import as_account, can_run, ensure_account
from bastide.cli.processes.code import ensure_copy, find_command, remove_other_copies, try_commands
from bastide.cli.processes.folders import write_settings
from bastide.config import Settings
from bastide.model.faults import Unavailable

DEBIANS = "/usr/bin/python3"
VERSION = "import sys; print(sys.version_info[:2])"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, made once."""
    return ensure_copy(tmp_path_factory.mktemp("data"))


def test_the_copy_runs_on_debians_interpreter_alone(copy: Path) -> None:
    said = subprocess.run(
        [DEBIANS, "-I", "-S", "-c", VERSION], capture_output=True, text=True, check=True
    ).stdout
    if said.strip() != str(sys.version_info[:2]):
        pytest.skip(f"Debian's Python is {said.strip()}, ours {sys.version_info[:2]}: the copy was not tried")
    command = [DEBIANS, "-I", "-S", str(copy / "start.py"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", env={})
    assert done.stdout.strip() == f"bastide {__version__}"


def test_everybody_can_read_the_copy_and_only_its_owner_write(copy: Path) -> None:
    for path in [copy, *copy.rglob("*")]:
        mode = path.stat().st_mode
        assert mode & 0o044 == 0o044 and not mode & 0o022, path


def test_a_second_copy_is_the_first_one(copy: Path) -> None:
    inode = copy.stat().st_ino
    assert ensure_copy(copy.parent).stat().st_ino == inode
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_copies_nobody_uses_are_removed(copy: Path) -> None:
    (copy.parent / "code-old").mkdir()
    remove_other_copies(copy.parent, ["python", f"{copy}/start.py"])
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_a_user_keeps_nothing_of_roots(tmp_path: Path) -> None:
    account = ensure_account(Settings().server_user)
    assert account.pw_uid != 0
    tmp_path.chmod(0o700)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert can_run(account, ["true"])
    assert not can_run(account, [str(program)])  # its folder is root's
    status = subprocess.run(
        as_account(account, ["cat", "/proc/self/status"]), capture_output=True, text=True, check=True
    ).stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {str(account.pw_uid)} and fields["Groups"].strip() == ""
    assert fields["NoNewPrivs"] == "1"
    assert {int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_an_installation_others_can_read_is_run_where_it_is() -> None:
    account = ensure_account(Settings().server_user)
    if not can_run(account, [sys.executable, "-I", "-c", "import bastide.server"]):
        pytest.skip("this checkout is not readable by others: only copies were tried")
    with tempfile.TemporaryDirectory(prefix="bastide-code-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        frozen = folder / "settings.json"
        write_settings(Settings(), frozen, account.pw_uid, account.pw_gid)
        assert find_command(account, folder, frozen)[0] == sys.executable
        assert list(folder.iterdir()) == [frozen]


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_of_what_comes_to_nothing_the_next_is_tried_and_at_last_it_is_told(copy: Path) -> None:
    account, tried = ensure_account(Settings().server_user), list[list[str]]()

    def attempt(command: list[str]) -> str | None:
        tried.append(command)
        return "came" if command[-1] == str(copy / "start.py") else None

    assert try_commands(account, copy.parent, attempt) == "came"
    assert len(tried) in (1, 2)  # one where this checkout is not readable by others
    with pytest.raises(Unavailable, match=f"can be run by the user {account.pw_name}"):
        try_commands(account, copy.parent, lambda command: None)
