"""What a command of the `bastide` program is, and how commands speak to the user."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from bastide.config import DESCRIPTIONS, KEYS, PREFIX, SWITCHES, Settings
from bastide.model.faults import Denied

MISUSED = 2  # as argparse and most shells say

Run = Callable[[Settings, argparse.Namespace], int]


@dataclass(frozen=True)
class Command:
    """One word after `bastide`; `run` returns the exit code."""

    name: str
    help: str
    run: Run
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None
    needs_root: bool = True
    hidden: bool = False


def say(text: str = "") -> None:
    """A line for the user, at once."""
    print(text, flush=True)


def tell(text: str = "") -> None:
    """A line about work that is finished whether anybody still reads or not, as in `bastide up | head`."""
    try:
        say(text)
    except BrokenPipeError:
        silence()


def silence() -> None:
    """Nobody reads our output any more: what is still said goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """argparse's, without the whole usage before every complaint, and never guessing at half a flag."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"allow_abbrev": False} | options))

    def error(self, message: str) -> NoReturn:
        """One line, and where to read on."""
        self.exit(MISUSED, f"bastide: {message}. See: {self.prog} --help\n")


def settings_parser(default: object = None) -> Parser:
    """Every setting as a flag; `default` is argparse.SUPPRESS where an outer parser takes them too."""
    parser = Parser(add_help=False, argument_default=default)
    group = parser.add_argument_group("settings (docs/configuration.md)")
    group.add_argument("--config", metavar="FILE", dest="setting_config", help="the settings file")
    for key in KEYS:
        flag = f"--{key.replace('_', '-')}"
        # One that is true or false may stand alone: then it is true.
        alone: dict[str, Any] = {"nargs": "?", "const": "true"} if key in SWITCHES else {}
        group.add_argument(flag, metavar="VALUE", dest=f"setting_{key}", help=DESCRIPTIONS[key], **alone)
    return parser


def require_root(command: str) -> None:
    """Denied, with what to type instead, unless we are root."""
    if os.geteuid() != 0:
        typed = shlex.join((*sudo(), *sys.argv))
        raise Denied("command", command, why=f"`bastide {command}` needs root. Type: {typed}")


def sudo() -> tuple[str, ...]:
    """What whoever called us types before a command that needs root."""
    if os.geteuid() == 0 and "SUDO_UID" not in os.environ:
        return ()
    return ("sudo", "-E") if any(name.startswith(PREFIX) for name in os.environ) else ("sudo",)
