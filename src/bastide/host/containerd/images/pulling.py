"""One image on its way from a registry into containerd: documents, layers, snapshots, record.

Layers come in at the same time, as many as the host allows, and are unpacked in order, each while it still
comes. Snapshots and documents are held by a lease, and nothing shows the image before its record is written:
a pull that fails or is cancelled leaves nothing. Packed layers never reach containerd: the registry has them,
and what stays is what tasks stand on.
"""

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from bastide.host.containerd.content import Content
from bastide.host.containerd.images.records import ImageRecords, descriptor_of
from bastide.host.containerd.leases import Leases
from bastide.host.containerd.manifests import Manifest, read_manifest
from bastide.host.containerd.snapshots import SNAPSHOT_LABEL, Layer, Snapshots, Unpack
from bastide.host.containerd.unpacking import Unpacking
from bastide.host.image_archive.archive import Blob
from bastide.host.image_archive.layouts import INDEXES
from bastide.host.layers.arrivals import Arrival, Arrivals
from bastide.host.ports import Credentials, Progress
from bastide.host.registry.client import RegistryClient, is_digest
from bastide.host.registry.faults import PullFailed
from bastide.model.container.image_name import ImageName
from bastide.model.faults import Fault, Unavailable

LAYERS_MAX = 500  # an overlay takes no more lower directories
LAYER_TYPES = re.compile(
    r"application/vnd\.(oci\.image\.layer\.v1\.tar(\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(\.gzip|\.zstd)?)"
)
RESOLVING = "pull image manifest has been retried 1 time(s): failed to resolve ref"
FETCHING = "ref pull has been retried 1 time(s)"
NO_SPACE = "no space left on device"
_HOST_PATH = re.compile(
    r"(/[^\s:\"]+)+/(?=(fs|ingest|blobs|snapshots)\b)"
)  # nobody's business but the host's


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all pulls of a host share."""

    registry: RegistryClient
    content: Content
    leases: Leases
    snapshots: Snapshots
    unpacking: Unpacking
    arrivals: Arrivals
    records: ImageRecords
    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))


class Source:
    """An image's documents as the registry has them; each is fetched once and remembered."""

    def __init__(
        self, registry: RegistryClient, name: ImageName, target: Blob, credentials: Credentials | None
    ) -> None:
        self.name = name
        self.target = target
        self.documents: dict[str, bytes] = {}
        self._registry = registry
        self._credentials = credentials

    async def read(self, digest: str) -> bytes:
        """Asked in the order in which an image is read: an index if it has one, its manifest, its config."""
        if digest not in self.documents:
            self.documents[digest] = await self._fetch(digest)
        return self.documents[digest]

    def stream(self, layer: Blob, done: int = 0) -> AsyncGenerator[bytes, None]:
        """A layer's bytes behind the first `done`."""
        return self._registry.stream(self.name, layer, self._credentials, done=done)

    async def _fetch(self, digest: str) -> bytes:
        wanted = 2 if self.target.media_type in INDEXES else 1
        if len(self.documents) < wanted:
            return await self._registry.read_manifest(self.name, digest, self._credentials)
        return await self._registry.read_config(self.name, digest, self._credentials)


async def pull(bench: Bench, source: Source, progress: Progress) -> Manifest:
    """Take the image in. Raises PullFailed, or Unavailable when containerd does not answer."""
    with told_as(source.name, f"{RESOLVING} {source.name}"):
        manifest = await read_manifest(source, descriptor_of(source.target))
        check_layers(source.name, manifest)
    async with bench.leases.lease() as lease:
        await _store_documents(bench, source, manifest, lease=lease)
        await _take_layers(bench, source, manifest, lease=lease, progress=progress)
        if manifest.chain:
            await bench.content.add_labels(manifest.config_blob.digest, {SNAPSHOT_LABEL: manifest.chain[-1]})
        await bench.records.put_pulled(source.name, source.target)
    return manifest


def check_layers(name: ImageName, manifest: Manifest) -> None:
    """What can be seen to be wrong before a byte of a layer is fetched. Raises PullFailed."""
    why = ""
    if len(manifest.layers) > LAYERS_MAX:
        why = f"the image has {len(manifest.layers)} layers, more than the {LAYERS_MAX} that can be stacked"
    for layer in manifest.layers:
        if not LAYER_TYPES.fullmatch(layer.media_type):
            why = f"layer {layer.digest} has the media type {layer.media_type[:100]!r}, which is no layer's"
        elif not is_digest(layer.digest) or layer.size < 0:
            why = f"{layer.digest[:100]!r} of {layer.size} bytes is no layer"
    if why:
        raise PullFailed(str(name), why=f"{FETCHING}: {why}")


async def _store_documents(bench: Bench, source: Source, manifest: Manifest, *, lease: str) -> None:
    """Config, manifest and index, each with the label that keeps the one before."""
    below = ""
    for digest, data in reversed(source.documents.items()):
        blob = Blob(media_type="", digest=digest, size=len(data), data=data)
        await bench.content.write(blob, _once(data), lease=lease, taken=lambda _: None)
        if below:
            kind = "config" if below == manifest.config_blob.digest else "m.0"
            await bench.content.add_labels(digest, {f"containerd.io/gc.ref.content.{kind}": below})
        below = digest


async def _take_layers(
    bench: Bench, source: Source, manifest: Manifest, *, lease: str, progress: Progress
) -> None:
    there = await _count_unpacked(bench, manifest, lease=lease)
    missing = manifest.stack[there:]
    work = _Work(bench, source, manifest.config_blob, lease=lease)
    work.begin(missing, progress)
    before: asyncio.Task[None] | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for layer in missing:
                before = group.create_task(work.take(layer, before))
    except BaseExceptionGroup as group:
        raise _first(group) from group


class _Work:
    """The layers of one pull: how each is fetched and unpacked, and how far all of them are."""

    def __init__(self, bench: Bench, source: Source, config: Blob, *, lease: str) -> None:
        self._bench = bench
        self._source = source
        self._config = config
        self._lease = lease
        self._downloaded: dict[str, int] = {}  # by digest: a layer may be there twice
        self._download_bytes = self._unpack_bytes = self._unpacked = 0
        self._progress: Progress = lambda what, done, total: None

    def begin(self, layers: Sequence[Layer], progress: Progress) -> None:
        """These are to be taken."""
        self._progress = progress
        self._download_bytes = sum({layer.packed.digest: layer.packed.size for layer in layers}.values())
        self._unpack_bytes = sum(layer.packed.size for layer in layers)
        progress("download", 0, self._download_bytes)

    async def take(self, layer: Layer, before: asyncio.Task[None] | None) -> None:
        """Fetch and unpack it, over the layer that `before` takes. Raises PullFailed."""
        packed, unpacking = layer.packed, self._bench.unpacking
        if await self._bench.content.hold(packed, lease=self._lease):  # of an imported image
            self._tell_downloaded(packed, packed.size)
            await self._unpack(layer, before, partial(unpacking.apply, packed, lease=self._lease))
            return
        stream = partial(self._source.stream, packed)
        async with self._bench.arrivals.expect(packed, stream) as arrival:
            unpack = partial(unpacking.apply_arriving, arrival, self._config, lease=self._lease)
            async with asyncio.TaskGroup() as group:
                following = group.create_task(self._follow(arrival))
                try:
                    await self._unpack(layer, before, unpack)
                except PullFailed:
                    if arrival.has_failed:
                        await following  # which says it as it is
                    raise

    async def _follow(self, arrival: Arrival) -> None:
        """Tell how far it is; whatever breaks it ends the pull."""
        done = 0
        with told_as(self._source.name, f"{FETCHING}: failed to copy"):
            while done < arrival.blob.size:
                done = await arrival.wait_beyond(done)
                self._tell_downloaded(arrival.blob, done)
            await arrival.wait_whole()

    async def _unpack(self, layer: Layer, before: asyncio.Task[None] | None, unpack: Unpack) -> None:
        if before is not None:
            await asyncio.shield(before)
        async with self._bench.locks[layer.name]:
            with told_as(self._source.name, f"{FETCHING}: failed to extract layer {layer.packed.digest}"):
                if not await self._bench.snapshots.hold(layer.name, lease=self._lease):
                    await self._bench.snapshots.ensure_layer(layer, unpack, lease=self._lease)
        self._unpacked += layer.packed.size
        self._tell_unpacked()

    def _tell_downloaded(self, packed: Blob, done: int) -> None:
        self._downloaded[packed.digest] = max(done, self._downloaded.get(packed.digest, 0))
        self._progress("download", self._done_bytes, self._download_bytes)
        self._tell_unpacked()

    def _tell_unpacked(self) -> None:
        """When everything is here: until then the two go on at once, and one figure is enough."""
        if self._done_bytes == self._download_bytes:
            self._progress("unpack", self._unpacked, self._unpack_bytes)

    @property
    def _done_bytes(self) -> int:
        return sum(self._downloaded.values())


async def _count_unpacked(bench: Bench, manifest: Manifest, *, lease: str) -> int:
    """How many of the lower layers this host has unpacked already; held from now on."""
    for count in range(len(manifest.chain), 0, -1):
        if await bench.snapshots.hold(manifest.chain[count - 1], lease=lease):
            return count
    return 0


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@contextlib.contextmanager
def told_as(name: ImageName, doing: str) -> Iterator[None]:
    """A fault that will never mend, told in the words of a failed pull and without the host's paths."""
    try:
        yield
    except (PullFailed, Unavailable):
        raise
    except Fault as fault:
        cause = NO_SPACE if NO_SPACE in str(fault) else _HOST_PATH.sub("", str(fault))
        why = f"{doing}: {cause}"
        raise PullFailed(str(name), why=why) from fault


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What failed by itself, before what only failed with it."""
    errors = [_first(e) if isinstance(e, BaseExceptionGroup) else e for e in group.exceptions]
    return min(errors, key=lambda error: isinstance(error, Unavailable))
