"""The runtime's suite runs on the fake, and on containerd with either class where they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.containerd_fixture import PrivateContainerd, containerd, debian_containerd, skip_real
from tests.contract.runtime.bench import BUSYBOX, FAKE, GVISOR, RUNC, Bench
from tests.fakes.runtime import FakeRuntime

__all__ = ["containerd", "debian_containerd"]


@pytest.fixture(params=[FAKE, GVISOR, RUNC])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A task to be, on either runtime."""
    if request.param == FAKE:
        fake = FakeRuntime()
        yield Bench(fake, tmp_path, instance="fake", has_kernel=False)
        return
    async for made in _real_bench(request.getfixturevalue(request.param), tmp_path):
        yield made


@pytest.fixture(params=[GVISOR, RUNC])
def daemon(request: pytest.FixtureRequest) -> PrivateContainerd:
    """A containerd with gVisor, and one with runc."""
    started: PrivateContainerd = request.getfixturevalue(request.param)
    return started


@pytest.fixture
async def real_bench(daemon: PrivateContainerd, tmp_path: Path) -> AsyncIterator[Bench]:
    """A task to be, on that containerd."""
    async for made in _real_bench(daemon, tmp_path):
        yield made


async def _real_bench(daemon: PrivateContainerd, folder: Path) -> AsyncIterator[Bench]:
    if not BUSYBOX.exists():
        skip_real("busybox-static is not installed")
    channel = daemon.channel()
    made = Bench(daemon.runtime(channel), folder, instance=daemon.instance, has_kernel=True, kind=daemon.kind)
    try:
        yield made
    finally:
        await made.remove()
        await channel.close()
