"""The `bastide` program: words to commands. Heavy parts are imported by the command that needs them."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bastide import __version__
from bastide.cli import demo, doctor, down, env, foreground, image, logs, status, up
from bastide.cli.commands import Command, require_root
from bastide.cli.processes.folders import read_frozen
from bastide.config import DESCRIPTIONS, KEYS, Settings, find_nearest_key, parse_settings, read_settings
from bastide.model.faults import Fault, Invalid, Unavailable

FAILED = 1
INTERRUPTED = 130  # as a shell says of a program ended by SIGINT
FRESH = ("up", "prepare", "doctor", "server", "agent", "containerd")  # what runs does not bind them

COMMANDS: tuple[Command, ...] = (
    *up.COMMANDS,
    *down.COMMANDS,
    *status.COMMANDS,
    *logs.COMMANDS,
    *env.COMMANDS,
    *doctor.COMMANDS,
    *image.COMMANDS,
    *demo.COMMANDS,
    *foreground.COMMANDS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; what is known to go wrong is one line, not a traceback."""
    args, unknown = build_parser().parse_known_args(argv)
    command: Command = args.command
    try:
        if unknown:
            raise _unknown_argument(unknown[0])
        if command.needs_root:
            require_root(command.name)
        return command.run(_settings_for(command, args), args)
    except Fault as fault:
        print(f"bastide: {fault}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def build_parser() -> argparse.ArgumentParser:
    """Every command, each taking every setting as a flag."""
    parser = argparse.ArgumentParser(
        prog="bastide", description="A self-hosted AWS Fargate.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"bastide {__version__}")
    settings = _settings_parser()
    words = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        if command.hidden:  # without a help text a word is left out of the list
            word = words.add_parser(command.name, parents=[settings], allow_abbrev=False)
        else:
            word = words.add_parser(
                command.name,
                parents=[settings],
                help=command.help,
                description=command.help,
                allow_abbrev=False,
            )
        if command.add_arguments is not None:
            command.add_arguments(word)
        word.set_defaults(command=command)
    return parser


def _unknown_argument(word: str) -> Invalid:
    if not word.startswith("--"):
        return Invalid("argument", word, why=f"`{word}` means nothing here. See: bastide --help")
    flag = word.partition("=")[0]
    near = find_nearest_key(flag.removeprefix("--").replace("-", "_")).replace("_", "-")
    return Invalid("flag", flag, why=f"There is no flag `{flag}`. Did you mean `--{near}`?")


def _settings_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    group = parser.add_argument_group("settings (docs/configuration.md)")
    group.add_argument("--config", metavar="FILE", dest="setting_config", help="the settings file")
    for key in KEYS:
        flag = f"--{key.replace('_', '-')}"
        group.add_argument(flag, metavar="VALUE", dest=f"setting_{key}", help=DESCRIPTIONS[key])
    return parser


def _settings_for(command: Command, args: argparse.Namespace) -> Settings:
    given = {key: getattr(args, f"setting_{key}") for key in ("config", *KEYS)}
    flags = {key: text for key, text in given.items() if text is not None}
    args.flags = tuple(flags)
    frozen: Path | None = getattr(args, "frozen", None)
    if frozen is not None:
        try:
            return parse_settings(frozen.read_bytes())
        except OSError as error:
            raise Unavailable("settings", str(frozen), why=f"{frozen}: {error.strerror}.") from error
    asked = read_settings(flags, os.environ)
    return asked if command.name in FRESH else read_frozen(asked) or asked
