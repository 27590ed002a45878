"""Pulls by containerd as Debian ships it, which is older: layers pass through the same program."""

import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import zstandard

from bastide.host.containerd.images import ContainerdImages
from bastide.model.faults import Invalid
from tests.containerd_fixture import PrivateContainerd, debian_containerd
from tests.contract.images import archives
from tests.contract.images.test_bad_layers import member, pulled, tar_with
from tests.contract.images.test_containerd_store import held
from tests.registry import OwnRegistry

__all__ = ["debian_containerd"]

pytestmark = pytest.mark.real

PACKS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.fixture
async def store(debian_containerd: PrivateContainerd) -> AsyncIterator[ContainerdImages]:
    """An empty store of that containerd."""
    async with debian_containerd.images() as made:
        yield made


@pytest.mark.parametrize("packing", PACKS)
async def test_every_packing_is_unpacked(
    store: ContainerdImages, registry: OwnRegistry, packing: str
) -> None:
    plain = [archives.tar_of({"etc/one": packing}), archives.tar_of({"etc/two": "2"})]
    registry.add("app", archives.layout_of(plain, packing=(packing, PACKS[packing])))
    upper, lower = await pulled(store, registry)
    assert ((upper / "etc/two").read_text(), (lower / "etc/one").read_text()) == ("2", packing)


async def test_a_bad_layer_is_refused_and_leaves_nothing(
    store: ContainerdImages, debian_containerd: PrivateContainerd, registry: OwnRegistry
) -> None:
    before = held(debian_containerd)
    bad = tar_with(member("../../outside"))
    registry.add("app", archives.layout_of([archives.tar_of({"etc/one": "1"}), bad]))
    with pytest.raises(Invalid, match=r"failed to extract layer sha256:\w+: .*leads out of the image's root"):
        await pulled(store, registry)
    assert held(debian_containerd) == before
    assert not Path("/outside").exists()
