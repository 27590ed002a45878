"""A pull that was broken off: what stays of it, and who goes on with it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from bastide.host.containerd.images import ContainerdImages
from tests.containerd_fixture import PrivateContainerd
from tests.contract.images import archives
from tests.contract.images.test_containerd_store import held
from tests.registry import OwnRegistry, Trouble

pytestmark = pytest.mark.real

SIZE = 4_000_000  # of the layer, of which half comes


@pytest.fixture
async def store(containerd: PrivateContainerd) -> AsyncIterator[ContainerdImages]:
    """An empty store of a containerd of our own."""
    async with containerd.images() as made:
        yield made


@pytest.fixture
def name(registry: OwnRegistry) -> str:
    """An image whose only layer comes half, and then no further, to whoever asks first."""
    noise = archives.tar_of({"noise": os.urandom(SIZE)})
    registry.add("app", archives.layout_of([noise], packing=("", bytes)))
    registry.troubles.append(Trouble(archives.digest(noise), stall))
    return f"{registry.authority}/app:1"


async def stall(registry: OwnRegistry, request: web.Request) -> web.StreamResponse:
    data = registry.blobs[request.match_info["reference"]]
    answer = web.StreamResponse()
    answer.content_length = len(data)
    await answer.prepare(request)
    await answer.write(data[: len(data) // 2])
    await asyncio.Event().wait()
    return answer


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


async def test_the_next_agent_goes_on_where_the_last_one_had_come_to(
    store: ContainerdImages, containerd: PrivateContainerd, registry: OwnRegistry, name: str
) -> None:
    before = held(containerd)
    async with containerd.images() as last:

        async def end() -> None:
            last.suspend()

        await broken_off(last, name, end)
    assert len(held(containerd)) == len(before) + 1, "what there was of the layer"
    image = await store.ensure_image(name, credentials=None, progress=silent)
    first = int(registry.ranges[0].removeprefix("bytes=").removesuffix("-"))
    assert first >= SIZE // 4
    await store.remove_image(image.reference)
    assert held(containerd) == before


async def test_two_processes_may_pull_one_layer_at_once(
    store: ContainerdImages, containerd: PrivateContainerd, registry: OwnRegistry, name: str
) -> None:
    async with containerd.images() as other:

        async def pull_too() -> None:
            await store.ensure_image(name, credentials=None, progress=silent)

        await broken_off(other, name, pull_too)
        await store.remove_image(name)
