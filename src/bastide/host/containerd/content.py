"""containerd's content store: bytes by digest.

What is written without a lease and without a reference is collected by containerd at any moment; so is all
that a lease held once the lease is gone.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import aio

from bastide.host.containerd.channel import Channel, fault_from
from bastide.host.containerd_api.services import content_pb2 as content
from bastide.host.containerd_api.services import leases_pb2 as leases
from bastide.host.containerd_api.services.content_pb2_grpc import ContentStub
from bastide.host.containerd_api.services.leases_pb2_grpc import LeasesStub
from bastide.host.image_archive.archive import Blob
from bastide.model.faults import AlreadyExists, Conflict, Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from bastide.host.containerd_api.services.content_pb2_grpc import ContentAsyncStub
    from bastide.host.containerd_api.services.leases_pb2_grpc import LeasesAsyncStub

    WriteCall = aio.StreamStreamCall[content.WriteContentRequest, content.WriteContentResponse]

Taken = Callable[[int], None]
STEP_TIMEOUT_S = 60.0  # for one chunk, or for the commit with its sync to disk
READ_MAX_BYTES = 8 * 1024 * 1024


class Content:
    """Reads and writes blobs."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._content: ContentAsyncStub = ContentStub(channel.grpc)
        self._leases: LeasesAsyncStub = LeasesStub(channel.grpc)

    async def read(self, digest: str) -> bytes:
        """A small blob, whole; NotFound when it is not here."""
        parts: list[bytes] = []
        held = 0
        stream = self._content.Read(
            content.ReadContentRequest(digest=digest),
            metadata=self._channel.metadata(),
            timeout=STEP_TIMEOUT_S,
        )
        try:
            async for answer in stream:
                parts.append(answer.data)
                held += len(answer.data)
                if held > READ_MAX_BYTES:
                    stream.cancel()
                    raise Invalid("content", digest, why=f"{digest} is larger than {READ_MAX_BYTES} bytes")
        except grpc.RpcError as error:
            raise fault_from(error, "content", digest) from error
        return b"".join(parts)

    async def write(self, blob: Blob, chunks: AsyncIterator[bytes], *, lease: str, taken: Taken) -> None:
        """Store a blob, telling `taken` of each chunk; Invalid when the bytes are not the digest's."""
        # A message keeps every value it ever had until it goes: a layer's chunks need one each.
        asked = partial(
            content.WriteContentRequest,
            ref=f"{lease}-{blob.digest}",
            total=blob.size,
            expected=blob.digest,
        )
        offset = 0
        call = self._content.Write(metadata=self._channel.metadata(lease=lease))
        try:
            async for chunk in chunks:
                await _exchange(call, asked(action=content.WRITE, offset=offset, data=chunk))
                offset += len(chunk)
                taken(len(chunk))
            await _exchange(call, asked(action=content.COMMIT, offset=offset))
            await call.done_writing()
        except TimeoutError as error:
            raise Unavailable("content", blob.digest, why="containerd did not answer in time") from error
        except grpc.RpcError as error:
            fault = fault_from(error, "content", blob.digest)
            if isinstance(fault, Conflict):
                fault = Invalid("content", blob.digest, why=f"{blob.digest} has other bytes: {fault.why}")
            if not isinstance(fault, AlreadyExists):  # there already: the lease holds it from now on
                raise fault from error
        finally:
            call.cancel()

    async def hold(self, blob: Blob, *, lease: str) -> bool:
        """Keep it for the lease; False when it is not here, or not of that size."""
        resource = leases.AddResourceRequest(
            id=lease, resource=leases.Resource(id=blob.digest, type="content")
        )
        about = ("content", blob.digest)
        try:
            await self._channel.call(self._leases.AddResource, resource, about=about)
            request = content.InfoRequest(digest=blob.digest)
            found = await self._channel.call(self._content.Info, request, about=about)
        except NotFound:
            return False
        return found.info.size == blob.size

    async def add_labels(self, digest: str, labels: Mapping[str, str]) -> None:
        """Put labels on a blob beside those it has: containerd's collector follows some of them."""
        request = content.UpdateRequest(
            info=content.Info(digest=digest, labels=dict(labels)),
            update_mask=FieldMask(paths=[f"labels.{name}" for name in labels]),
        )
        await self._channel.call(self._content.Update, request, about=("content", digest))


async def _exchange(call: "WriteCall", request: content.WriteContentRequest) -> None:
    async with asyncio.timeout(STEP_TIMEOUT_S):
        with contextlib.suppress(asyncio.InvalidStateError):  # the call has ended; reading says how
            await call.write(request)
        if await call.read() is aio.EOF:
            raise Unavailable("content", request.expected, why="containerd ended the transfer early")
