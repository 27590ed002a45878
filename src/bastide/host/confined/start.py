"""What a confined process is started with: one argument, as JSON, and the sockets it inherits."""

import os
import socket
from typing import Any, TypeVar

import msgspec

from bastide import __version__

SOCKETS = "BASTIDE_SOCKETS"  # variable with the numbers of the inherited sockets


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What every one of them is told."""

    netns: int  # inode of the namespace of its sockets: another one needs others
    version: str = __version__


S = TypeVar("S", bound=Start)


def render_start(start: Start) -> str:
    """As an argument."""
    return msgspec.json.encode(start, enc_hook=str).decode()


def parse_start(text: str, kind: type[S]) -> S:
    """From the argument."""
    return msgspec.json.decode(text, type=kind, dec_hook=_path)


def inherited_sockets() -> list[socket.socket]:
    """Those it was started with."""
    return [socket.socket(fileno=int(number)) for number in os.environ[SOCKETS].split(",")]


def _path(kind: type[Any], value: Any) -> Any:
    return kind(value)
