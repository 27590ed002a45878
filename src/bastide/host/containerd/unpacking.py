"""A layer unpacked where containerd has mounted its snapshot, through the program that looks at it.

The bytes come from the content store, or from a layer that is still arriving: then the stored content that
containerd insists on is a stand-in, and a pipe brings the layer.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from google.protobuf.any_pb2 import Any

from bastide.host.containerd.channel import Channel
from bastide.host.containerd_api.services import diff_pb2 as diff
from bastide.host.containerd_api.services.diff_pb2_grpc import DiffStub
from bastide.host.containerd_api.types.common_pb2 import Descriptor, Mount
from bastide.host.image_archive.archive import Blob
from bastide.host.layers.arrivals import Arrival
from bastide.host.layers.feeding import feed, pipe_at
from bastide.host.layers.order import MEDIA_TYPE, PROCESSOR_ID, TYPE_URL, Order, render_order
from bastide.model.faults import Invalid, Unavailable

if TYPE_CHECKING:
    from bastide.host.containerd_api.services.diff_pb2_grpc import DiffAsyncStub

APPLY_TIMEOUT_S = 900.0  # a layer of many GB on a slow disk; an arriving one: from when all of it is there
ARRIVAL_TIMEOUT_S = 24 * 3600.0


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How much an image may unpack to, or how much of that is taken."""

    bytes: int
    entries: int


class Unpacking:
    """Of one namespace; any number at once. `limits` are an image's."""

    def __init__(self, channel: Channel, *, scratch: Path, limits: Room) -> None:
        self._channel = channel
        self._scratch = scratch  # for pipes, and for files that say what was wrong with a layer
        self._limits = limits
        self._diff: DiffAsyncStub = DiffStub(channel.grpc)

    async def apply(self, stored: Blob, mounts: Sequence[Mount], taken: Room, *, lease: str) -> str:
        """Unpack a layer of the content store; the digest of its tar. Raises Invalid when it is refused."""
        order = self._order(stored, taken)
        return await self._apply(stored, stored, mounts, order, timeout_s=APPLY_TIMEOUT_S, lease=lease)

    async def apply_arriving(
        self, arrival: Arrival, stand_in: Blob, mounts: Sequence[Mount], taken: Room, *, lease: str
    ) -> str:
        """The same of a layer that is on its way, and true to its digest when this returns."""
        path = self._scratch / f"{uuid4().hex}.pipe"
        with pipe_at(path) as pipe:
            order = self._order(arrival.blob, taken)._replace(pipe=str(path))
            applying = asyncio.create_task(
                self._apply(arrival.blob, stand_in, mounts, order, timeout_s=ARRIVAL_TIMEOUT_S, lease=lease)
            )
            feeding = asyncio.create_task(feed(arrival, pipe))
            try:
                await asyncio.wait([applying, feeding], return_when=asyncio.FIRST_COMPLETED)
                if not applying.done():
                    await feeding
                async with asyncio.timeout(APPLY_TIMEOUT_S):
                    unpacked = await applying
            except TimeoutError as error:
                why = "containerd did not answer in time"
                raise Unavailable("layer", arrival.blob.digest, why=why) from error
            finally:
                applying.cancel()
                feeding.cancel()
                await asyncio.gather(applying, feeding, return_exceptions=True)
        await arrival.wait_whole()
        return unpacked

    def _order(self, layer: Blob, taken: Room) -> Order:
        return Order(
            bytes_max=self._limits.bytes,
            entries_max=self._limits.entries,
            reason=str(self._scratch / f"{uuid4().hex}.refused"),
            bytes_below=taken.bytes,
            entries_below=taken.entries,
            size=layer.size,
        )

    async def _apply(
        self,
        layer: Blob,
        stored: Blob,
        mounts: Sequence[Mount],
        order: Order,
        *,
        timeout_s: float,
        lease: str,
    ) -> str:
        asked = diff.ApplyRequest(
            diff=Descriptor(media_type=MEDIA_TYPE, digest=stored.digest, size=stored.size),
            mounts=mounts,
            payloads={PROCESSOR_ID: Any(type_url=TYPE_URL, value=render_order(order))},
        )
        about, reason = ("layer", layer.digest), Path(order.reason)
        try:
            answer = await self._channel.call(
                self._diff.Apply, asked, about=about, timeout_s=timeout_s, lease=lease
            )
        except Invalid as fault:
            raise _refusal(layer, reason) or fault from fault
        else:
            # containerd may not have heard yet how the program ended.
            if refused := _refusal(layer, reason):
                raise refused
            return answer.applied.digest
        finally:
            reason.unlink(missing_ok=True)


def _refusal(layer: Blob, reason: Path) -> Invalid | None:
    why = reason.read_text() if reason.exists() else ""
    return Invalid("layer", layer.digest, why=why) if why else None
