"""What a command of the `bastide` program is, and how commands speak to the user."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from bastide.config import Settings
from bastide.model.faults import Denied

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


def require_root(command: str) -> None:
    """Denied, with what to type instead, unless we are root."""
    if os.geteuid() != 0:
        program = sys.argv[0]
        why = f"`bastide {command}` needs root. Type: sudo {program} {command}"
        raise Denied("command", command, why=why)
