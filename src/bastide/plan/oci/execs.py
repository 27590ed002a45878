"""The process of an exec session: the container's own, but root's, on a terminal, with another command.

It never has more than its container: the capabilities are the container's bounding set, everything that is
not named here (no_new_privileges, limits, folder, environment) is what the container's first process has.
"""

import shlex
from typing import Any

from bastide.model.faults import Invalid

SHELL = ("sh",)  # what a blank command means
# What the SSM agent sets where the container does not.
DEFAULTS = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


def split_command(command: str) -> tuple[str, ...]:
    """Its words as the agent of ECS Exec takes them, without a shell; Invalid for an open quote."""
    try:
        return tuple(shlex.split(command)) or SHELL
    except ValueError as error:
        raise Invalid("command", why=str(error)) from error


def render_exec_process(process: dict[str, Any], arguments: tuple[str, ...]) -> dict[str, Any]:
    """The process to run, by the container's own as its OCI spec has it."""
    bounding = list(process["capabilities"]["bounding"])
    environment = list(process["env"])
    names = {setting.partition("=")[0] for setting in environment}
    added = [f"{name}={value}" for name, value in DEFAULTS.items() if name not in names]
    held = {"bounding": bounding, "effective": bounding, "permitted": bounding}
    return {
        **process,
        "args": list(arguments),
        "terminal": True,
        "user": {"uid": 0, "gid": 0, "additionalGids": [], "umask": 0o022},
        "env": [*environment, *added],
        "capabilities": {**held, "inheritable": [], "ambient": []},
    }
