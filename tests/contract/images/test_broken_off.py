"""A pull that was broken off: what stays of it, and who goes on with it."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bastide.host.containerd.channel import Channel
from bastide.host.containerd.images import ContainerdImages
from bastide.host.containerd.unpacking import Room
from bastide.host.registry.client import RegistryClient
from bastide.host.registry.endpoints import Registries
from bastide.model.faults import Invalid
from tests.containerd_fixture import PrivateContainerd
from tests.contract.images import archives
from tests.contract.images.test_containerd_store import held
from tests.registry import OwnRegistry, Trouble, stall

pytestmark = pytest.mark.real

SIZE = 4_000_000  # of the layer, of which half comes


@pytest.fixture
async def store(containerd: PrivateContainerd) -> AsyncIterator[ContainerdImages]:
    """An empty store of a containerd of our own."""
    async with containerd.images() as made:
        yield made


@pytest.fixture
def name(registry: OwnRegistry) -> str:
    """An image whose upper layer comes half, and then no further, to whoever asks first."""
    base, noise = archives.tar_of({"base": os.urandom(10)}), archives.tar_of({"noise": os.urandom(SIZE)})
    registry.add("app", archives.layout_of([base, noise], packing=("", bytes)))
    registry.troubles.append(Trouble(archives.digest(noise), stall))
    return f"{registry.authority}/app:1"


async def broken_off(
    store: ContainerdImages, name: str, meanwhile: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Begin to pull it, and be stopped when there is something of it."""
    begun = asyncio.Event()

    def tell(what: str, done: int, total: int) -> None:
        if done > SIZE // 4:
            begun.set()

    pulling = asyncio.create_task(store.ensure_image(name, credentials=None, progress=tell))
    async with asyncio.timeout(20):
        await begun.wait()
    if meanwhile is not None:
        await meanwhile()
    pulling.cancel()
    await asyncio.wait([pulling])
    assert pulling.cancelled()


def silent(what: str, done: int, total: int) -> None:
    """No progress shown."""


async def test_a_pull_that_is_stopped_leaves_nothing(
    store: ContainerdImages, containerd: PrivateContainerd, registry: OwnRegistry, name: str
) -> None:
    before = held(containerd)
    await broken_off(store, name)
    assert held(containerd) == before
    await store.ensure_image(name, credentials=None, progress=silent)
    assert registry.ranges == []


def agent(socket: Path, namespace: str, folder: Path, name: str) -> None:
    """One that pulls, and ends as agents do when they are told to."""

    async def pull() -> None:
        channel = Channel(socket, namespace=namespace)
        registry = RegistryClient(Registries(folder / "registries.toml"))
        room = Room(bytes=SIZE * 2, entries=100)
        images = ContainerdImages(
            channel, scratch_folder=folder, registry=registry, layers_at_once=4, limits=room
        )
        pulling = asyncio.create_task(images.ensure_image(name, credentials=None, progress=silent))

        def end() -> None:
            images.suspend()
            pulling.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        await asyncio.wait([pulling])
        await registry.close()
        await channel.close()

    asyncio.run(pull())


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
async def test_the_next_agent_goes_on_where_the_last_one_had_come_to(
    store: ContainerdImages,
    containerd: PrivateContainerd,
    registry: OwnRegistry,
    name: str,
    ending: signal.Signals,
) -> None:
    # Of an agent that was killed before the layer was read, the pipe's name stays, for a day.
    before, scratch = without_pipes(held(containerd)), containerd.daemon.data_folder / "tmp"
    args = (containerd.daemon.socket, containerd.instance, scratch, name)
    last = multiprocessing.get_context("spawn").Process(target=agent, args=args)
    last.start()
    assert last.pid is not None
    async with asyncio.timeout(30):
        while not is_half_there(containerd):
            await asyncio.sleep(0.05)
    os.kill(last.pid, ending)
    await asyncio.to_thread(last.join)
    registry.requests.clear()
    image = await store.ensure_image(name, credentials=None, progress=silent)
    first = int(registry.ranges[0].removeprefix("bytes=").removesuffix("-"))
    assert first >= SIZE // 4
    assert registry.asked_for("GET /v2/app/blobs") == 2, "the config, and what was broken off"
    await store.remove_image(image.reference)
    assert without_pipes(held(containerd)) == before


def without_pipes(names: list[str]) -> list[str]:
    return [each for each in names if not each.endswith(".pipe")]


def is_half_there(containerd: PrivateContainerd) -> bool:
    """The lower layer is unpacked, and of the upper one a part has come."""
    packed = (containerd.daemon.data_folder / "tmp" / "layers").glob("*")
    return any(path.stat().st_size > SIZE // 4 for path in packed) and any(
        "Committed" in line for line in held(containerd)
    )


async def test_a_full_disk_is_told_and_leaves_nothing(
    store: ContainerdImages, containerd: PrivateContainerd, registry: OwnRegistry
) -> None:
    before = held(containerd)
    noise = archives.tar_of({"noise": os.urandom(SIZE)})
    registry.add("app", archives.layout_of([noise], packing=("", bytes)))
    data = containerd.daemon.data_folder
    layers, snapshots = data / "tmp" / "layers", data / "io.containerd.snapshotter.v1.overlayfs" / "snapshots"
    for folder, doing in ((layers, "failed to copy"), (snapshots, r"failed to extract layer sha256:\w+")):
        with small_disk_at(folder):
            told = rf"ref pull has been retried 1 time\(s\): {doing}: no space left on device"
            with pytest.raises(Invalid, match=told):
                await store.ensure_image(f"{registry.authority}/app:1", credentials=None, progress=silent)
    assert held(containerd) == before
    await store.ensure_image(f"{registry.authority}/app:1", credentials=None, progress=silent)


@contextlib.contextmanager
def small_disk_at(folder: Path) -> Iterator[None]:
    """A quarter of the layer fits on it."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE // 4}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_two_processes_may_pull_one_layer_at_once(
    store: ContainerdImages, containerd: PrivateContainerd, registry: OwnRegistry, name: str
) -> None:
    async with containerd.images() as other:

        async def pull_too() -> None:
            await store.ensure_image(name, credentials=None, progress=silent)

        await broken_off(other, name, pull_too)
        await store.remove_image(name)
