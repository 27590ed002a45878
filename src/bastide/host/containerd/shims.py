"""What differs between the runtime classes on containerd's side: programs, options, one removal.

A shim is the process between containerd and a task's containers. Both kinds are grouped: one for a whole
task, found by the annotation that names its sandbox.
"""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage

from bastide.host.command import run
from bastide.host.containerd.runtime_options import ensure_options_file, render_options
from bastide.host.containerd.sandbox import read_sandbox_memory
from bastide.host.containerd_api.types.runc_options_pb2 import Options as RuncOptions
from bastide.host.containerd_api.types.runtime_options_pb2 import Options
from bastide.model.status import RuntimeClass

GVISOR_OPTIONS = "runtimeoptions.v1.Options"
RUNC_OPTIONS = "containerd.runc.v1.Options"


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
        """Of its containerd; the shim's own state lies in it."""

    @property
    def wrapper(self) -> str:
        """The script that containerd finds by that name, and that becomes the shim."""

    def make_options(self, flags: Mapping[str, str]) -> AnyMessage:
        """What the shim is told at each create; `flags` are the runtime's own, if it takes any."""

    async def unhinge(self, container_id: str, *, namespace: str) -> bool:
        """Before the shim deletes what was never started; True: a start, which will fail, must come first."""

    async def read_memory_bytes(self, container_id: str, *, namespace: str) -> int | None:
        """What the container uses, by a way cheaper than containerd's; None where there is none."""


class GvisorShim(msgspec.Struct, frozen=True):
    """gVisor's: its options are a TOML file, and it must be told of grouping by a file too."""

    program: Path
    runsc: Path
    run_folder: Path

    @property
    def runtime_name(self) -> str:
        """What containerd calls it."""
        return "io.containerd.runsc.v1"

    @property
    def state(self) -> Path:
        """runsc's own, one folder a containerd namespace."""
        return self.run_folder / "runsc"

    @property
    def wrapper(self) -> str:
        """Switches on one shim per task, then becomes the shim.

        `grouping` is read from config.toml in the shim's working folder (the task's bundle) when there is no
        such file in /run/containerd or /etc/containerd, which belong to the machine and not to us.
        """
        grouped = "[ ! -f config.json ] || [ -e config.toml ] || echo 'grouping = true' >config.toml"
        return f"#!/bin/sh\n{grouped}\n{_become(self.program)}"

    def make_options(self, flags: Mapping[str, str]) -> AnyMessage:
        """Which runsc, and its flags."""
        text = render_options(flags, runsc=self.runsc, root=self.state)
        path = ensure_options_file(self.run_folder / "options", text)
        options = Options(config_path=str(path))
        return AnyMessage(type_url=GVISOR_OPTIONS, value=options.SerializeToString())

    async def unhinge(self, container_id: str, *, namespace: str) -> bool:
        """Take it from the shim behind its back.

        The shim's delete waits for output pipes that it only lets go when a start fails or a process ends.
        """
        await run(str(self.runsc), f"--root={self.state / namespace}", "delete", "--force", container_id)
        return True

    async def read_memory_bytes(self, container_id: str, *, namespace: str) -> int | None:
        """The sandbox's own count, page cache left out."""
        return await read_sandbox_memory(self.state / namespace, container_id)


class RuncShim(msgspec.Struct, frozen=True):
    """runc's, as containerd ships it; it takes runc by the path it is given."""

    program: Path
    runc: Path
    run_folder: Path

    @property
    def runtime_name(self) -> str:
        """What containerd calls it."""
        return "io.containerd.runc.v2"

    @property
    def wrapper(self) -> str:
        """Becomes the shim, wherever it is."""
        return f"#!/bin/sh\n{_become(self.program)}"

    def make_options(self, flags: Mapping[str, str]) -> AnyMessage:
        """Which runc, and where its state lies; it takes no flags."""
        options = RuncOptions(binary_name=str(self.runc), root=str(self.run_folder / "runc"))
        return AnyMessage(type_url=RUNC_OPTIONS, value=options.SerializeToString())

    async def unhinge(self, container_id: str, *, namespace: str) -> bool:
        """Nothing: the shim deletes what was only created."""
        return False

    async def read_memory_bytes(self, container_id: str, *, namespace: str) -> int | None:
        """containerd's way reads the container's group, and costs no process."""
        return None


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The programs a class takes beside containerd, and the shim made of them."""

    shim: str
    runtime: str
    are_of_machine: bool  # the machine's own will do; otherwise only those that the set-up probed
    advice: str  # where one is missing
    make: Callable[[Path, Path, Path], Shim]  # shim, runtime, run folder


PARTS: Mapping[RuntimeClass, Parts] = {
    RuntimeClass.GVISOR: Parts(
        shim="containerd-shim-runsc-v1",
        runtime="runsc",
        are_of_machine=False,
        advice="run tools/setup, or set another runtime_folder",
        make=GvisorShim,
    ),
    RuntimeClass.RUNC: Parts(
        shim="containerd-shim-runc-v2",
        runtime="runc",
        are_of_machine=True,
        advice="apt-get install containerd runc, or set another runtime_folder",
        make=RuncShim,
    ),
}


def _become(program: Path) -> str:
    return f'exec {shlex.quote(str(program))} "$@"\n'
