"""The image store's suite runs on the fake, and on containerd where it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.host.ports import Images
from bastide.host.registry.client import RegistryClient
from bastide.host.registry.endpoints import Registries
from tests.containerd_fixture import PrivateContainerd, containerd, no_sleep
from tests.fakes.images import FakeImages
from tests.registry import OwnRegistry, own_registry

__all__ = ["containerd"]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def images(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Images]:
    """An empty image store."""
    if request.param == "fake":
        client = RegistryClient(Registries(tmp_path / "registries.toml"), sleep=no_sleep)
        yield FakeImages(client)
        await client.close()
        return
    private: PrivateContainerd = request.getfixturevalue("containerd")
    async with private.images() as store:
        yield store


@pytest.fixture
async def registry() -> AsyncIterator[OwnRegistry]:
    """A registry of the tests' own."""
    async with own_registry() as running:
        yield running
