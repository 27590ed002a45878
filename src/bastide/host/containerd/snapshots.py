"""Unpacked layers: one snapshot each, named by its chain id, and the views that pin them for a container.

Two unpackers of one image, here or in another process, may work at once: each fills a snapshot of its own and
the second to commit throws its own away. What is not yet referred to is held by the caller's lease.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import msgspec

from bastide.host.containerd.channel import Channel, fault_from
from bastide.host.containerd.unpacking import Room
from bastide.host.containerd_api.services import leases_pb2 as leases
from bastide.host.containerd_api.services import snapshots_pb2 as snapshots
from bastide.host.containerd_api.services.leases_pb2_grpc import LeasesStub
from bastide.host.containerd_api.services.snapshots_pb2_grpc import SnapshotsStub
from bastide.host.containerd_api.types.common_pb2 import Mount
from bastide.host.image_archive.archive import Blob
from bastide.model.faults import AlreadyExists, Fault, Invalid, NotFound

if TYPE_CHECKING:
    from bastide.host.containerd_api.services.leases_pb2_grpc import LeasesAsyncStub
    from bastide.host.containerd_api.services.snapshots_pb2_grpc import SnapshotsAsyncStub

SNAPSHOTTER = "overlayfs"
SNAPSHOT_LABEL = f"containerd.io/gc.ref.snapshot.{SNAPSHOTTER}"
LIST_TIMEOUT_S = 10.0

Unpack = Callable[[Sequence[Mount], Room], Awaitable[str]]  # where, and what is taken below; the tar's digest


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of one image."""

    packed: Blob
    diff_id: str  # the digest of its tar
    name: str  # of its snapshot: its chain id
    below: tuple[str, ...]  # the snapshots it lies on, lowest first

    @property
    def parent(self) -> str:
        """The snapshot right below; empty for the lowest layer."""
        return self.below[-1] if self.below else ""


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """A layer's name with all those below it (OCI image specification, "Layer ChainID")."""
    chain: list[str] = []
    for diff_id in diff_ids:
        if chain:
            digest = hashlib.sha256(f"{chain[-1]} {diff_id}".encode()).hexdigest()
            chain.append(f"sha256:{digest}")
        else:
            chain.append(diff_id)
    return chain


class Snapshots:
    """The overlayfs snapshots of one namespace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._rooms: dict[str, Room] = {}  # by name; never change
        self._snapshots: SnapshotsAsyncStub = SnapshotsStub(channel.grpc)
        self._leases: LeasesAsyncStub = LeasesStub(channel.grpc)

    async def is_there(self, name: str) -> bool:
        """Whether a snapshot of that name exists."""
        request = snapshots.StatSnapshotRequest(snapshotter=SNAPSHOTTER, key=name)
        try:
            await self._channel.call(self._snapshots.Stat, request, about=("snapshot", name))
        except NotFound:
            return False
        return True

    async def hold(self, name: str, *, lease: str) -> bool:
        """Keep it, with all below it, for the lease; False when it is not here."""
        resource = leases.Resource(id=name, type=f"snapshots/{SNAPSHOTTER}")
        request = leases.AddResourceRequest(id=lease, resource=resource)
        with suppress(NotFound):
            await self._channel.call(self._leases.AddResource, request, about=("snapshot", name))
        return await self.is_there(name)

    async def ensure_layer(self, layer: Layer, unpack: Unpack, *, lease: str) -> None:
        """Its snapshot, filled by `unpack`. Invalid when that is not the layer's content."""
        if await self.is_there(layer.name):
            return
        about = ("snapshot", layer.name)
        key = f"unpack-{uuid4().hex} {layer.name}"
        rooms = [await self.read_room(name) for name in layer.below]
        taken = Room(bytes=sum(each.bytes for each in rooms), entries=sum(each.entries for each in rooms))
        prepare = snapshots.PrepareSnapshotRequest(snapshotter=SNAPSHOTTER, key=key, parent=layer.parent)
        made = await self._channel.call(self._snapshots.Prepare, prepare, about=about, lease=lease)
        try:
            unpacked = await unpack(made.mounts, taken)
            if unpacked != layer.diff_id:
                why = f"layer {layer.packed.digest} unpacks to {unpacked}, its image says {layer.diff_id}"
                raise Invalid("layer", layer.packed.digest, why=why)
            commit = snapshots.CommitSnapshotRequest(snapshotter=SNAPSHOTTER, name=layer.name, key=key)
            await self._channel.call(self._snapshots.Commit, commit, about=about, lease=lease)
        except AlreadyExists:
            await self.remove(key)
        except BaseException:
            with suppress(Fault):
                await self.remove(key)
            raise

    async def view(self, key: str, parent: str) -> tuple[str, ...]:
        """Pin `parent` under `key`: its lower directories, uppermost first. NotFound if not unpacked."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        request = snapshots.ViewSnapshotRequest(
            snapshotter=SNAPSHOTTER, key=key, parent=parent, labels={"containerd.io/gc.root": now}
        )
        about = ("snapshot", key)
        try:
            made = await self._channel.call(self._snapshots.View, request, about=about)
        except AlreadyExists:
            mounts = snapshots.MountsRequest(snapshotter=SNAPSHOTTER, key=key)
            there = await self._channel.call(self._snapshots.Mounts, mounts, about=about)
            return lower_directories(there.mounts)
        return lower_directories(made.mounts)

    async def read_room(self, name: str) -> Room:
        """What a layer's own files take of the disk. NotFound when it is not here."""
        if name not in self._rooms:
            request = snapshots.UsageRequest(snapshotter=SNAPSHOTTER, key=name)
            answer = await self._channel.call(self._snapshots.Usage, request, about=("snapshot", name))
            self._rooms[name] = Room(bytes=answer.size, entries=answer.inodes)
        return self._rooms[name]

    async def read_views(self) -> dict[str, str]:
        """What each view pins, by its key."""
        request = snapshots.ListSnapshotsRequest(snapshotter=SNAPSHOTTER, filters=["kind==view"])
        stream = self._snapshots.List(request, timeout=LIST_TIMEOUT_S, metadata=self._channel.metadata())
        try:
            return {found.name: found.parent async for answer in stream for found in answer.info}
        except grpc.RpcError as error:
            raise fault_from(error, "snapshot", "") from error

    async def remove(self, key: str) -> None:
        """Of a view or an unfinished layer. Repeatable."""
        request = snapshots.RemoveSnapshotRequest(snapshotter=SNAPSHOTTER, key=key)
        with suppress(NotFound):
            await self._channel.call(self._snapshots.Remove, request, about=("snapshot", key))


def lower_directories(mounts: Sequence[Mount]) -> tuple[str, ...]:
    """The directories behind a view's mounts: one layer is a bind, several are an overlay without upper."""
    for mount in mounts:
        if mount.type in ("bind", "none"):
            return (mount.source,)
        for option in mount.options:
            if option.startswith("lowerdir="):
                return tuple(option.removeprefix("lowerdir=").split(":"))
    raise Invalid("snapshot", why="containerd mounts the image in a way that has no lower directories")
