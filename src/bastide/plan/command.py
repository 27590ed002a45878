"""What a container runs, where and with which environment: Docker's rules over image and task definition."""

import posixpath
import re
import signal
from collections.abc import Iterable, Mapping, Sequence

from bastide.model.faults import Invalid

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INIT_PATH = "/sbin/docker-init"  # where Docker puts its init, so that images which look for it find it
_REALTIME = re.compile(r"RTM(IN|AX)(?:([+-])([0-9]{1,2}))?")
_RTMIN, _RTMAX = 34, 64  # as glibc and musl number them for applications


def plan_arguments(
    *,
    entry_point: Sequence[str] | None,
    command: Sequence[str] | None,
    image_entry_point: Sequence[str],
    image_command: Sequence[str],
) -> tuple[str, ...]:
    """The process's arguments: an entry point of its own makes the image's command void.

    An empty list counts as none given, as in Docker's API. Invalid when nothing is left to run.
    """
    if entry_point:
        arguments = (*entry_point, *(command or ()))
    else:
        arguments = (*image_entry_point, *(command or image_command))
    if not arguments:
        raise Invalid("command", why="no command specified")
    return arguments


def plan_environment(
    image: Iterable[str], *layers: Mapping[str, str], defaults: Mapping[str, str]
) -> tuple[str, ...]:
    """`NAME=value` each: the defaults, over them the image's, over it each of the layers."""
    merged = dict(defaults)
    for setting in image:
        name, equals, value = setting.partition("=")
        if name and equals:
            merged[name] = value
    for layer in layers:
        merged.update(layer)
    return tuple(f"{name}={value}" for name, value in merged.items())


def plan_working_directory(asked: str | None, image: str) -> str:
    """An absolute, normal path; a relative one counts from the root."""
    return posixpath.normpath(posixpath.join("/", asked or image or "/")).replace("//", "/")


def parse_signal(text: str) -> int:
    """The number behind an image's STOPSIGNAL (`SIGTERM`, `term`, `15`, `SIGRTMIN+3`); Invalid if unknown."""
    bare = text.strip().upper().removeprefix("SIG")
    if bare.isascii() and bare.isdigit() and 1 <= int(bare) <= _RTMAX:
        return int(bare)
    if realtime := _REALTIME.fullmatch(bare):
        base = _RTMIN if realtime[1] == "IN" else _RTMAX
        offset = int(realtime[3] or 0) * (-1 if realtime[2] == "-" else 1)
        if _RTMIN <= base + offset <= _RTMAX:
            return base + offset
    known = signal.Signals.__members__.get(f"SIG{bare}")
    if known is None:
        raise Invalid("signal", text, why=f"invalid signal: {text}")
    return known.value
