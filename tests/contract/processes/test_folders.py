"""Folders, owners and modes; settings only their owner can read; one command at a time; ports."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.cli.processes import folders
from bastide.cli.processes.accounts import ensure_account
from bastide.cli.processes.services import check_ports
from bastide.config import Settings
from bastide.model.faults import Unavailable

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving folders to another user needs root")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """An instance in a folder others can pass through."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o711)
    yield Settings(data_root=tmp_path / "data", run_root=tmp_path / "run", store_url="postgresql://u:pw@h/d")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@needs_root
def test_the_servers_folders_are_its_own_and_all_else_is_roots(settings: Settings) -> None:
    account = ensure_account(settings.server_user)
    for _ in range(2):
        folders.prepare_folders(settings, account)
    for path in (settings.server_folder, settings.session_socket.parent):
        assert (path.stat().st_uid, mode(path)) == (account.pw_uid, 0o700)
    for path in (settings.agent_folder, settings.log_folder):
        assert (path.stat().st_uid, mode(path)) == (0, 0o700)
    for path, owner in (
        (folders.root_settings(settings), 0),
        (folders.server_settings(settings), account.pw_uid),
    ):
        assert (path.stat().st_uid, mode(path)) == (owner, 0o600)
    assert folders.read_frozen(settings) == settings


@needs_root
def test_another_user_gets_what_the_earlier_one_left(settings: Settings) -> None:
    account = ensure_account(settings.server_user)
    folders.prepare_folders(settings, account)
    left = settings.server_folder / "store.db"
    left.touch()
    for path in (left, settings.server_folder):
        os.chown(path, 12345, 12345)
    folders.prepare_folders(settings, account)
    assert left.stat().st_uid == account.pw_uid


@needs_root
def test_a_folder_the_server_cannot_get_to_is_told_before_it_starts(settings: Settings) -> None:
    settings.data_root.mkdir()
    settings.data_root.chmod(0o700)
    with pytest.raises(Unavailable, match="keeps others out"):
        folders.prepare_folders(settings, ensure_account(settings.server_user))


def test_one_command_at_a_time(settings: Settings) -> None:
    with folders.locked(settings), pytest.raises(Unavailable, match="Another"), folders.locked(settings):
        pass
    with folders.locked(settings):
        pass


def test_a_port_in_use_names_the_flag(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"Port {port} .*--port"):
            check_ports(Settings(port=port, metrics_port=port + 1 if port < 65534 else port - 1))
