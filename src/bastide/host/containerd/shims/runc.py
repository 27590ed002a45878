"""containerd's own shim for runc, from the machine's packages."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage

from bastide.host.containerd.shims.shim import become
from bastide.host.containerd_api.types.runc_options_pb2 import Options

OPTIONS_TYPE = "containerd.runc.v1.Options"


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
    def state(self) -> Path:
        """runc's own, one folder a containerd namespace."""
        return self.run_folder / "runc"

    @property
    def wrapper(self) -> str:
        """Becomes the shim, wherever it is."""
        return f"#!/bin/sh\n{become(self.program)}"

    def make_options(self, flags: Mapping[str, str]) -> AnyMessage:
        """Which runc, and where its state lies; it takes no flags."""
        options = Options(binary_name=str(self.runc), root=str(self.state))
        return AnyMessage(type_url=OPTIONS_TYPE, value=options.SerializeToString())

    async def unhinge(self, container_id: str, *, namespace: str) -> bool:
        """Nothing: the shim deletes what was only created."""
        return False

    async def read_memory_bytes(self, container_id: str, *, namespace: str) -> int | None:
        """containerd's way reads the container's group, and costs no process."""
        return None
