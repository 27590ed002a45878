"""The line to containerd: one gRPC channel, a deadline on every call, its codes turned into faults.

Owns the connection and the namespace header; knows nothing of containers or images. gRPC reconnects by
itself, so a channel outlives any number of containerd's restarts. Used on one event loop only.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import grpc
from grpc import aio

from bastide.model.faults import AlreadyExists, Conflict, Denied, Fault, Invalid, NotFound, Unavailable
from bastide.model.faults import Unsupported as NotDone

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Metadata = tuple[tuple[str, str], ...]

CALL_TIMEOUT_S = 10.0  # a containerd that hangs costs a caller this long, never more
MESSAGE_MAX_BYTES = 16 * 1024 * 1024  # containerd's own default in both directions
RECONNECT_MAX = timedelta(milliseconds=250)  # a restarted containerd is found again within this
CONNECT_TIMEOUT = timedelta(seconds=5)  # for an attempt: on a busy host its first word takes its time

FAULTS: dict[grpc.StatusCode, type[Fault]] = {
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.INVALID_ARGUMENT: Invalid,
    grpc.StatusCode.OUT_OF_RANGE: Invalid,
    grpc.StatusCode.DATA_LOSS: Invalid,
    grpc.StatusCode.UNKNOWN: Invalid,
    grpc.StatusCode.INTERNAL: Invalid,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.UNAUTHENTICATED: Denied,
    grpc.StatusCode.UNIMPLEMENTED: NotDone,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.ABORTED: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Unavailable,
}
# What containerd passes on as UNKNOWN though the next attempt may well succeed.
PASSING = ("ttrpc: closed", "context canceled", "deadline exceeded", "connection refused", "broken pipe")


def fault_from(error: grpc.RpcError, noun: str, name: str) -> Fault:
    """What a failed call means to us; containerd's own text is kept as the reason."""
    if not isinstance(error, aio.AioRpcError):
        return Unavailable(noun, name, why=str(error))
    details = (error.details() or "").removesuffix(": unknown")
    kind = FAULTS.get(error.code(), Unavailable)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        details = "containerd did not answer in time"
    elif kind is Invalid and any(part in details for part in PASSING):
        kind = Unavailable
    return kind(noun, name, why=details)


class Channel:
    """An open line to one containerd, for one of its namespaces."""

    def __init__(self, socket: Path, *, namespace: str) -> None:
        self.namespace, self.socket = namespace, socket
        self.grpc = aio.insecure_channel(
            f"unix:{socket}",
            options=[
                ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
                ("grpc.max_send_message_length", MESSAGE_MAX_BYTES),
                ("grpc.initial_reconnect_backoff_ms", 50),
                # By its name a pause, but gRPC gives each attempt this long.
                ("grpc.min_reconnect_backoff_ms", CONNECT_TIMEOUT // timedelta(milliseconds=1)),
                ("grpc.max_reconnect_backoff_ms", RECONNECT_MAX // timedelta(milliseconds=1)),
                ("grpc.default_authority", "localhost"),
            ],
        )

    def metadata(self, *, lease: str | None = None) -> Metadata:
        """The headers of a call; what it makes is held by `lease`, if one is given."""
        namespace = ("containerd-namespace", self.namespace)
        return (namespace,) if lease is None else (namespace, ("containerd-lease", lease))

    async def call(
        self,
        method: Callable[..., Awaitable[Answered]],
        request: object,
        *,
        about: tuple[str, str],
        timeout_s: float = CALL_TIMEOUT_S,
        lease: str | None = None,
    ) -> Answered:
        """One request, one answer; raises the fault for `about`, a noun and a name."""
        try:
            return await method(request, timeout=timeout_s, metadata=self.metadata(lease=lease))
        except grpc.RpcError as error:
            raise fault_from(error, *about) from error

    async def close(self) -> None:
        """Hang up; calls under way are cancelled."""
        await self.grpc.close()
