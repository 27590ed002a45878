"""gVisor's shim, one for a task's whole sandbox."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage

from bastide.host.command import run
from bastide.host.containerd.shims.runtime_options import ensure_options_file, render_options
from bastide.host.containerd.shims.sandbox import read_sandbox_memory
from bastide.host.containerd.shims.shim import become
from bastide.host.containerd_api.types.runtime_options_pb2 import Options

OPTIONS_TYPE = "runtimeoptions.v1.Options"


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
        return f"#!/bin/sh\n{grouped}\n{become(self.program)}"

    def make_options(self, flags: Mapping[str, str]) -> AnyMessage:
        """Which runsc, and its flags."""
        text = render_options(flags, runsc=self.runsc, root=self.state)
        path = ensure_options_file(self.run_folder / "options", text)
        options = Options(config_path=str(path))
        return AnyMessage(type_url=OPTIONS_TYPE, value=options.SerializeToString())

    async def unhinge(self, container_id: str, *, namespace: str) -> bool:
        """Take it from the shim behind its back.

        The shim's delete waits for output pipes that it only lets go when a start fails or a process ends.
        """
        await run(str(self.runsc), f"--root={self.state / namespace}", "delete", "--force", container_id)
        return True

    async def read_memory_bytes(self, container_id: str, *, namespace: str) -> int | None:
        """The sandbox's own count, page cache left out."""
        return await read_sandbox_memory(self.state / namespace, container_id)
