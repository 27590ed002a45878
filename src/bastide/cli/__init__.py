"""The `bastide` program: words to commands. Heavy parts are imported by the command that needs them."""

import argparse
import errno
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bastide import __version__
from bastide.cli import demo, doctor, down, efs, env, foreground, image, logs, network, operator, status, up
from bastide.cli.commands import MISUSED, Command, Parser, require_root, settings_parser, silence
from bastide.cli.processes.folders import read_frozen
from bastide.config import KEYS, Settings, find_nearest, parse_settings, read_settings
from bastide.model.faults import Fault, Invalid, Unavailable

FAILED = 1
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  # where nft and mkfs are; not on everybody's PATH
INTERRUPTED = 130  # as a shell says of a program ended by SIGINT
FOREGROUND = ("server", "agent", "containerd")
FRESH = ("up", "prepare", "doctor", *FOREGROUND)  # what runs does not bind them
ADVICE = {
    errno.ENOSPC: "Free space there, or choose another place: --data-root, --run-root",
    errno.EDQUOT: "Free space there, or choose another place: --data-root, --run-root",
    errno.EROFS: "Choose a place that can be written to: --data-root, --run-root",
}

COMMANDS: tuple[Command, ...] = (
    *up.COMMANDS,
    *down.COMMANDS,
    *status.COMMANDS,
    *logs.COMMANDS,
    *operator.COMMANDS,
    *env.COMMANDS,
    *doctor.COMMANDS,
    *image.COMMANDS,
    *efs.COMMANDS,
    *network.COMMANDS,
    *demo.COMMANDS,
    *foreground.COMMANDS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; what is known to go wrong is one line, not a traceback."""
    typed = sys.argv[1:] if argv is None else list(argv)
    try:
        if typed:
            _check_command(typed[0])
            return _run(typed)
        build_parser().print_help()
        return MISUSED
    except Fault as fault:
        print(f"bastide: {fault}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        silence()
        return FAILED
    except OSError as error:
        if typed[0] in FOREGROUND:
            raise  # its log is read by whoever looks for a mistake of ours
        print(f"bastide: {_render_os_error(error)}", file=sys.stderr)
        return FAILED


def build_parser(commands: Sequence[Command] = COMMANDS) -> Parser:
    """Of these commands, each taking every setting as a flag."""
    parser = Parser(prog="bastide", description="A self-hosted AWS Fargate.")
    parser.add_argument("--version", action="version", version=f"bastide {__version__}")
    settings = settings_parser()
    words = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        # Without a help text a word is left out of the list.
        shown: dict[str, Any] = {} if command.hidden else {"help": command.help, "description": command.help}
        word = words.add_parser(command.name, parents=[settings], **shown)
        if command.add_arguments is not None:
            command.add_arguments(word)
        word.set_defaults(command=command, word=word)
    return parser


def _run(typed: Sequence[str]) -> int:
    asked = [command for command in COMMANDS if command.name == typed[0]]  # all at once take their time
    args, unknown = build_parser(asked or COMMANDS).parse_known_args(typed)
    command: Command = args.command
    if unknown:
        raise _unknown_argument(unknown[0], command, known=re.findall(r"--[a-z-]+", args.word.format_usage()))
    if command.needs_root:
        require_root(command.name)
        os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH") or os.defpath, SYSTEM_FOLDERS))
    return command.run(_settings_for(command, args), args)


def _render_os_error(error: OSError) -> str:
    """What the kernel refused, and what to do where that is known."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}. {ADVICE.get(error.errno or 0, 'Try: bastide doctor')}"


def _check_command(word: str) -> None:
    if word.startswith("-") or any(command.name == word for command in COMMANDS):
        return
    near = find_nearest(word, [command.name for command in COMMANDS if not command.hidden])
    why = f"There is no command `{word}`. Did you mean `bastide {near}`? See: bastide --help"
    raise Invalid("command", word, why=why)


def _unknown_argument(word: str, command: Command, *, known: Sequence[str]) -> Invalid:
    if not word.startswith("--"):
        why = f"`{word}` means nothing here. See: bastide {command.name} --help"
        return Invalid("argument", word, why=why)
    flag = word.partition("=")[0]
    why = f"There is no flag `{flag}`. Did you mean `{find_nearest(flag, known)}`?"
    return Invalid("flag", flag, why=why)


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
