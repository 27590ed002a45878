"""The three processes in the foreground: started by `up`, or by a service file of the machine.

`containerd` becomes the daemon itself, so that its process id is the one that was started.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bastide.cli.commands import Command
from bastide.cli.processes.containerd import daemon_of
from bastide.config import Settings
from bastide.host.containerd.daemon import write_daemon_files

# The agent feeds all that boots here: with an equal turn among twenty sandboxes it would hold them up.
AGENT_NICENESS = -10
LOG_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class Lines(logging.Formatter):
    """One record a line, times in UTC, whatever was given as `extra` behind the message."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        """The message, then name=value."""
        fields = [f" {name}={value}" for name, value in vars(record).items() if name not in PLAIN]
        return super().formatMessage(record) + "".join(fields)


def containerd(settings: Settings, args: argparse.Namespace) -> int:
    """Write containerd's settings and become containerd."""
    daemon = daemon_of(settings)
    write_daemon_files(daemon)
    os.umask(0o022)
    os.execve(daemon.argv[0], daemon.argv, daemon.environment())


def server(settings: Settings, args: argparse.Namespace) -> int:
    """Serve until SIGTERM."""
    with _nothing_collected():
        from bastide.server import run_server  # heavy, and the other commands do without
    if args.imported is not None:
        with contextlib.suppress(BrokenPipeError), open(args.imported, "wb", buffering=0) as told:  # noqa: PTH123
            told.write(b"1")
    if args.only_import:
        return 0
    log_to(logging.StreamHandler(sys.stderr), settings)
    return run_server(settings)


def agent(settings: Settings, args: argparse.Namespace) -> int:
    """Work for the tasks of this host until SIGTERM."""
    with _nothing_collected():
        from bastide.agent.main import run_agent
        from bastide.cli.host import open_host
    log_to(logging.StreamHandler(sys.stderr), settings)
    os.umask(0o022)
    with contextlib.suppress(PermissionError):  # without CAP_SYS_NICE, in some containers
        os.setpriority(os.PRIO_PROCESS, 0, AGENT_NICENESS)

    async def run() -> None:
        async with open_host(settings) as host:
            await run_agent(settings, host)

    asyncio.run(run())
    return 0


@contextlib.contextmanager
def _nothing_collected() -> Iterator[None]:
    """Imports make much and leave nothing: looking for garbage would take a tenth of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def log_to(output: logging.Handler, settings: Settings) -> None:
    """Send everything that is logged from here on there."""
    output.setFormatter(Lines(LOG_FORMAT, TIME_FORMAT))
    logging.basicConfig(level=settings.log_level, handlers=[output], force=True)


def _add_frozen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frozen", type=Path, help="file with all settings, written by `bastide up`")


def _add_server_arguments(parser: argparse.ArgumentParser) -> None:
    _add_frozen(parser)
    parser.add_argument("--imported", type=int, help="descriptor to write to when everything is imported")
    parser.add_argument("--only-import", action="store_true", help="end when everything is imported")


COMMANDS = (
    Command("containerd", "become containerd", containerd, _add_frozen, hidden=True),
    Command("server", "run the server", server, _add_server_arguments, needs_root=False, hidden=True),
    Command("agent", "run the agent", agent, _add_frozen, hidden=True),
)
