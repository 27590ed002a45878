"""Asks the server of this installation over its operators' socket."""

import socket
import sys
from collections.abc import Iterator

import msgspec

from bastide.cli.commands import require_root
from bastide.config import Settings
from bastide.model.faults import Fault, Invalid, Unavailable
from bastide.model.messages.asked import Asked, P, R
from bastide.model.messages.framing import Bodies, render_message
from bastide.model.messages.operator import Answer, Ask, Done, Refused, parse_reply

READ_BYTES = 64 * 1024
TIMEOUT_S = 30.0


class Cut(Unavailable):
    """The server went away in the middle of its answers, or cannot answer now; who follows may ask again."""


def ask(settings: Settings, operation: Asked[P, R], params: P) -> R:
    """The one answer; raises what the server refuses, Unavailable when there is none to ask."""
    return next(iter(answers(settings, operation, params, timeout_s=TIMEOUT_S)))


def answers(
    settings: Settings, operation: Asked[P, R], params: P, *, timeout_s: float | None = None
) -> Iterator[R]:
    """Every answer as it comes, until the server has said all."""
    with _connected(settings) as line:
        line.settimeout(timeout_s)
        line.sendall(render_message(Ask(operation.name, msgspec.Raw(msgspec.json.encode(params)))))
        bodies = Bodies()
        while data := _read(line):
            for body in bodies.feed(data):
                reply = parse_reply(body)
                if isinstance(reply, Refused):
                    fault = Cut if reply.is_passing else Invalid
                    raise fault("operation", operation.name, why=reply.why)
                if isinstance(reply, Done):
                    return
                assert isinstance(reply, Answer)
                yield msgspec.json.decode(reply.result, type=operation.result)
    raise Cut("server", why="The server went away before it had answered.")


def _read(line: socket.socket) -> bytes:
    try:
        return line.recv(READ_BYTES)
    except TimeoutError as error:
        raise Unavailable("server", why="The server does not answer. See: bastide logs server") from error
    except OSError:
        return b""


def _connected(settings: Settings) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(str(settings.operator_socket))
    except OSError as error:
        line.close()
        raise _unreachable(settings, error) from error
    return line


def _unreachable(settings: Settings, error: OSError) -> Fault:
    if isinstance(error, PermissionError):
        require_root(sys.argv[1] if len(sys.argv) > 1 else "")
    why = f"The server of {settings.instance} does not run. Type: bastide up"
    return Unavailable("server", settings.instance, why=why)
