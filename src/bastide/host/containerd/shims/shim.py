"""What the Runtime asks of a class's shim."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from google.protobuf.any_pb2 import Any as AnyMessage


class Shim(Protocol):
    """How containerd runs the containers of one class."""

    @property
    def runtime_name(self) -> str:
        """What containerd calls it."""

    @property
    def program(self) -> Path:
        """The shim itself; containerd looks for its name."""

    @property
    def run_folder(self) -> Path:
        """Of its containerd."""

    @property
    def state(self) -> Path:
        """The runtime's own, one folder a containerd namespace."""

    @property
    def wrapper(self) -> str:
        """The script that containerd finds by that name, and that becomes the shim."""

    def make_options(self, flags: Mapping[str, str]) -> AnyMessage:
        """What the shim is told at each create; `flags` are the runtime's own, if it takes any."""

    async def unhinge(self, container_id: str, *, namespace: str) -> bool:
        """Before the shim deletes what was never started; True: a start, which will fail, must come first."""

    async def read_memory_bytes(self, container_id: str, *, namespace: str) -> int | None:
        """What the container uses, by a way cheaper than containerd's; None where there is none."""


def become(program: Path) -> str:
    """The script's last line."""
    return f'exec {shlex.quote(str(program))} "$@"\n'
