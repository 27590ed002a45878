"""What a resolver process is told by whoever starts it."""

from pathlib import Path
from typing import Any

import msgspec

from bastide import __version__

SOCKETS = "BASTIDE_SOCKETS"  # variable with the numbers of the inherited sockets


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Its one argument, as JSON."""

    names_file: Path
    resolv_conf: Path
    netns: int  # inode of the VPC's namespace: another one needs other sockets
    version: str = __version__


def render_start(start: Start) -> str:
    """As an argument."""
    return msgspec.json.encode(start, enc_hook=str).decode()


def parse_start(text: str) -> Start:
    """From the argument."""
    return msgspec.json.decode(text, type=Start, dec_hook=_path)


def _path(kind: type[Any], value: Any) -> Any:
    return kind(value)
