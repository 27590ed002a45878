"""What a task's log router finds in its container: its configuration, and a folder for the socket it makes.

The folder lies on the task's disk, since the router may fill it. A link to it beside the task's pipes is how
an agent finds the socket, also one that was restarted.
"""

import os
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bastide.agent.output.routes import LINK
from bastide.model.assignment import Assignment
from bastide.plan.log_router import render_router_config
from bastide.plan.oci.prepared import Prepared

# gVisor keeps a task's sockets to its sandbox. The router's alone are made on this host, in its own mounts,
# and can be connected to from here; connecting from inside to any of the host's stays forbidden to it too.
SOCKET_FLAGS = {"host-uds": "create"}


def ensure_router(spec: Assignment, folder: Path, disk: Path, prepared: Prepared) -> Prepared:
    """Make both, where the task has a router; repeatable. Invalid when no configuration can be written."""
    router = next((each.router for each in spec.containers if each.router is not None), None)
    if router is None:
        return prepared
    config, link, target = folder / "fluent.conf", folder / "io" / LINK, disk / "router"
    config.write_text(render_router_config(router))
    config.chmod(0o644)
    target.mkdir(exist_ok=True)
    link.parent.mkdir(mode=0o700, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(target)
    return replace(prepared, router_config=str(config), router_socket=str(target))


def own_socket_folder(folder: Path, user: dict[str, Any]) -> None:
    """The router makes its socket there, whoever it runs as; `user` as its process has it."""
    os.chown(folder, user["uid"], user["gid"])
