"""The image store's suite runs on the fake, and on containerd where it is."""

from collections.abc import AsyncIterator

import pytest

from bastide.host.ports import Images
from tests.containerd_fixture import PrivateContainerd, containerd
from tests.fakes.images import FakeImages

__all__ = ["containerd"]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def images(request: pytest.FixtureRequest) -> AsyncIterator[Images]:
    """An empty image store."""
    if request.param == "fake":
        yield FakeImages()
        return
    private: PrivateContainerd = request.getfixturevalue("containerd")
    channel = private.channel()
    store = private.images(channel)
    try:
        yield store
    finally:
        for image in await store.read_images():
            await store.remove_image(image.reference)
        await channel.close()
