"""`bastide doctor`: does everything a task needs, once, and says of each failure what to do about it."""

import argparse

from bastide.cli.commands import Command
from bastide.config import Settings


def doctor(settings: Settings, args: argparse.Namespace) -> int:
    """Probe by doing; exit code 1 when something failed."""
    from bastide.cli.doctor.diagnosis import diagnose  # all of the host's parts, heavy

    return 1 if diagnose(settings) else 0


COMMANDS = (Command("doctor", "try everything a task needs", doctor),)
