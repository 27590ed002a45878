"""`bastide doctor`: does everything a task needs, once, and says of each failure what to do about it."""

import argparse

from msgspec.structs import replace

from bastide.cli.commands import Command
from bastide.cli.processes.folders import read_frozen
from bastide.config import Settings


def doctor(settings: Settings, args: argparse.Namespace) -> int:
    """Probe by doing; exit code 1 when something failed."""
    from bastide.cli.doctor.diagnosis import diagnose  # all of the host's parts, heavy

    return 1 if diagnose(_of_running_class(settings, args.flags)) else 0


def _of_running_class(asked: Settings, flags: tuple[str, ...]) -> Settings:
    """With the runtime that the instance was started with, unless another one is asked for here."""
    frozen = read_frozen(asked)
    if frozen is None or "runtime" in flags:
        return asked
    return replace(
        asked,
        runtime=frozen.runtime,
        allow_shared_kernel=frozen.allow_shared_kernel,
        runtime_folder=frozen.runtime_folder,
    )


COMMANDS = (Command("doctor", "try everything a task needs", doctor),)
