"""The folders of an installation and the settings it was started with.

Root owns everything but the server's two folders. What a process is started with lies in settings.json, once
for root and once for the server's user: it may hold a database password, so only its owner can read it.
"""

import contextlib
import fcntl
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from bastide.cli.processes.accounts import can_run
from bastide.config import Settings, parse_settings, render_settings
from bastide.files import replace_file
from bastide.model.faults import Unavailable

SETTINGS_FILE = "settings.json"


def prepare_folders(settings: Settings, account: pwd.struct_passwd) -> None:
    """Make every folder with its owner and mode, and write the settings down. Repeatable."""
    for root in (settings.data_root, settings.run_root):
        if not root.exists():
            root.mkdir(parents=True, mode=0o755)
            root.chmod(0o755)
    for folder, mode in (
        (settings.data_folder, 0o711),
        (settings.run_folder, 0o711),
        (settings.agent_folder, 0o700),
        (settings.log_folder, 0o700),
    ):
        _ensure_folder(folder, mode, 0, 0)
    for folder in (settings.server_folder, settings.session_socket.parent):
        _ensure_folder(folder, 0o700, account.pw_uid, account.pw_gid)
        if not can_run(account, ["test", "-w", str(folder)]):
            why = (
                f"The user {account.pw_name} cannot get to {folder}: a folder above it keeps others out."
                " Choose another data_root or run_root, or open the way (chmod o+x)."
            )
            raise Unavailable("folder", str(folder), why=why)
    write_settings(settings, root_settings(settings), 0, 0)
    write_settings(settings, server_settings(settings), account.pw_uid, account.pw_gid)


def root_settings(settings: Settings) -> Path:
    """What containerd and the agent are started with."""
    return settings.run_folder / SETTINGS_FILE


def server_settings(settings: Settings) -> Path:
    """What the server is started with."""
    return settings.session_socket.parent / SETTINGS_FILE


def pid_file(settings: Settings, service: str) -> Path:
    """Finds a process again."""
    return settings.run_folder / f"{service}.pid"


def log_file(settings: Settings, service: str) -> Path:
    """What a process says."""
    return settings.log_folder / f"{service}.log"


def lock_file(settings: Settings) -> Path:
    """Held by the command that is working on the instance."""
    return settings.run_root / f"{settings.instance}.lock"


def read_frozen(settings: Settings) -> Settings | None:
    """The settings this instance was last started with in this boot."""
    try:
        return parse_settings(root_settings(settings).read_bytes())
    except OSError:
        return None


def write_settings(settings: Settings, path: Path, uid: int, gid: int) -> None:
    """Put the settings where one user alone can read them."""
    replace_file(path, render_settings(settings), owner=(uid, gid))


@contextlib.contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """One `up`, `down` or `reset` of an instance at a time."""
    settings.run_root.mkdir(parents=True, exist_ok=True, mode=0o755)
    handle = os.open(lock_file(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        why = f"Another bastide command is working on the instance {settings.instance}. Wait for it."
        raise Unavailable("instance", settings.instance, why=why) from error
    try:
        yield
    finally:
        os.close(handle)


def _ensure_folder(folder: Path, mode: int, uid: int, gid: int) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != uid:  # another server_user than before gets what the earlier one left
        for entry in folder.iterdir() if uid != 0 else ():
            os.lchown(entry, uid, gid)
    os.chown(folder, uid, gid)
    folder.chmod(mode)
