"""What a container's own process is, as containerd keeps it; another one in it is made by that."""

import json
from typing import TYPE_CHECKING, Any

from google.protobuf.any_pb2 import Any as AnyMessage

from bastide.host.containerd.channel import Channel
from bastide.host.containerd_api.services import containers_pb2 as containers

if TYPE_CHECKING:  # the stubs' asynchronous faces exist for the type checker alone
    from bastide.host.containerd_api.services.containers_pb2_grpc import ContainersAsyncStub

PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process"


async def read_process(channel: Channel, stub: "ContainersAsyncStub", container_id: str) -> dict[str, Any]:
    """The process of its OCI spec."""
    request = containers.GetContainerRequest(id=container_id)
    found = await channel.call(stub.Get, request, about=("container", container_id))
    process: dict[str, Any] = json.loads(found.container.spec.value)["process"]
    return process


def pack_process(process: dict[str, Any]) -> AnyMessage:
    """A process as containerd takes it."""
    return AnyMessage(type_url=PROCESS_TYPE, value=json.dumps(process).encode())
