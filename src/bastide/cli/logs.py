"""`bastide logs`: what the processes say, the last lines and, with -f, whatever comes."""

import argparse
import time
from collections import deque
from pathlib import Path

from bastide.cli.commands import Command, say
from bastide.cli.processes.folders import log_file
from bastide.cli.processes.services import SERVICES
from bastide.config import Settings
from bastide.model.faults import NotFound

LINES = 200
POLL_S = 0.2


class Tail:
    """One growing file, read line by line; begins anew when it was replaced or cut."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._inode = 0
        self._offset = 0
        self._rest = b""

    def last(self, amount: int) -> list[str]:
        """The file's last lines; `more` goes on behind them."""
        kept: deque[str] = deque(self.more(), maxlen=amount)
        return list(kept)

    def more(self) -> list[str]:
        """Whole lines written since the last look."""
        try:
            with self._path.open("rb") as file:
                status = self._path.stat()
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._inode, self._offset, self._rest = status.st_ino, 0, b""
                file.seek(self._offset)
                read = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(read)
        *whole, self._rest = (self._rest + read).split(b"\n")
        return [self._prefix + line.decode("utf-8", "replace") for line in whole]


def logs(settings: Settings, args: argparse.Namespace) -> int:
    """Print them; of all processes with a name before each line."""
    names = [args.process] if args.process else [service.name for service in SERVICES]
    paths = {name: log_file(settings, name) for name in names}
    if not any(path.exists() for path in paths.values()):
        why = f"There are no logs of {settings.instance} yet. Type: bastide up"
        raise NotFound("logs", settings.instance, why=why)
    width = max(map(len, names))
    tails = [Tail(path, "" if args.process else f"{name:<{width}} | ") for name, path in paths.items()]
    for tail in tails:
        for line in tail.last(args.lines):
            say(line)
    while args.follow:
        time.sleep(POLL_S)
        for tail in tails:
            for line in tail.more():
                say(line)
    return 0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    names = [service.name for service in SERVICES]
    parser.add_argument("process", nargs="?", choices=names, help="one of them; all when not given")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument("-n", "--lines", type=int, default=LINES, help=f"how many lines back ({LINES})")


COMMANDS = (Command("logs", "show what the processes say", logs, _add_arguments),)
