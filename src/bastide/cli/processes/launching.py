"""How containerd, agent and server are started: with what, as whom, and where what they say goes.

The server's start is also the proof that its user can run it. It says over a pipe that it has imported
everything; where it ended before that, the next command is tried.
"""

import os
import pwd
import select
import sys
from collections.abc import Sequence

from bastide import __version__
from bastide.cli.processes import code, folders
from bastide.cli.processes.accounts import as_account
from bastide.cli.processes.containerd import DAEMON, read_versions
from bastide.cli.processes.running import Running, start_detached
from bastide.config import Settings

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IMPORT_TIMEOUT_S = 60.0  # a first start compiles what nobody else has
LOG_LIMIT_BYTES = 64 * 1024 * 1024  # at a start, a larger log becomes the one older log that is kept


def launch(name: str, settings: Settings, account: pwd.struct_passwd) -> Running:
    """Start it as root."""
    # -B: under our umask, compiled files beside the code would be unreadable for the server's user.
    program = [sys.executable, "-I", "-B", "-m", "bastide"]
    return _start(name, [*program, name, "--frozen", str(folders.root_settings(settings))], settings)


def launch_server(name: str, settings: Settings, account: pwd.struct_passwd) -> Running:
    """Start it as its user, by the first command that user can run. Unavailable when there is none."""

    def attempt(command: list[str]) -> Running | None:
        frozen = str(folders.server_settings(settings))
        read_end, write_end = os.pipe()
        with open(read_end, "rb", buffering=0) as told:  # noqa: PTH123 -- a pipe
            try:
                words = [*command, name, "--frozen", frozen, "--imported", str(write_end)]
                running = _start(name, as_account(account, words), settings, handles=(write_end,))
            finally:
                os.close(write_end)
            if select.select([told], [], [], IMPORT_TIMEOUT_S)[0] and told.read(1):
                code.remove_other_copies(settings.data_folder, command)
                return running
        running.stop(grace_s=0)
        return None

    return code.try_commands(account, settings.data_folder, attempt)


def _start(name: str, argv: Sequence[str], settings: Settings, *, handles: Sequence[int] = ()) -> Running:
    log = folders.log_file(settings, name)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return start_detached(
        argv,
        log=log,
        pid_file=folders.pid_file(settings, name),
        env={"PATH": SEARCH_PATH, "LANG": "C.UTF-8"} | _proxies(name),
        version=_version(name, settings),
        handles=handles,
    )


def _version(name: str, settings: Settings) -> str:
    return read_versions(settings).get(DAEMON, "unknown") if name == DAEMON else __version__


def _proxies(name: str) -> dict[str, str]:
    """The ways out of whoever types `up`, for the process that pulls images."""
    wanted = ("http_proxy", "https_proxy", "no_proxy") if name == "agent" else ()
    return {key: value for key, value in os.environ.items() if key.lower() in wanted}
