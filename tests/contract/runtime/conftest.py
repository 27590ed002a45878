"""The runtime's suite runs on the fake, and on containerd with runsc where they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.containerd_fixture import PrivateContainerd, containerd, skip_real
from tests.contract.runtime.bench import BUSYBOX, Bench
from tests.fakes.runtime import FakeRuntime

__all__ = ["containerd"]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A task to be, on either runtime."""
    if request.param == "fake":
        fake = FakeRuntime()
        yield Bench(fake, tmp_path, instance="fake", has_kernel=False)
        return
    async for made in _real_bench(request.getfixturevalue("containerd"), tmp_path):
        yield made


@pytest.fixture
async def real_bench(containerd: PrivateContainerd, tmp_path: Path) -> AsyncIterator[Bench]:
    """A task to be, on containerd and runsc."""
    async for made in _real_bench(containerd, tmp_path):
        yield made


async def _real_bench(containerd: PrivateContainerd, folder: Path) -> AsyncIterator[Bench]:
    if not BUSYBOX.exists():
        skip_real("busybox-static is not installed")
    channel = containerd.channel()
    made = Bench(containerd.runtime(channel), folder, instance=containerd.instance, has_kernel=True)
    try:
        yield made
    finally:
        await made.remove()
        await channel.close()
