"""A crash at any step of an interface's life, then a fresh agent: the same end."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.host import names, syscalls
from bastide.host.network import addresses, enis, gateway, links, nft, routers
from bastide.host.network.netns import remove_netns
from tests.contract.network_world import describe, make_eni, make_network, run_inside, words_of
from tests.real_host import Crash, Fuse, instance_name, nothing_left, require_root

pytestmark = pytest.mark.real
TASK = "c" * 32
STEPS = [
    (syscalls, "unshare"),
    (syscalls, "mount"),
    (syscalls, "unmount"),
    (links, "add_veth"),
    (links, "write_alias"),
    (links, "ensure_up"),
    (links, "remove_link"),
    (addresses, "ensure_address"),
    (addresses, "ensure_link_route"),
    (addresses, "ensure_route"),
    (addresses, "ensure_neighbour"),
    (addresses, "ensure_blackhole"),
    (addresses, "remove_route"),
    (nft, "run"),
    (gateway, "write_sysctl"),
    (routers, "remove_netns"),
    (enis, "remove_netns"),
]
MOST_STEPS = 120


@pytest.fixture
def instance() -> Iterator[str]:
    require_root("nft", "ip", "nsenter")
    name = instance_name("n")
    with nothing_left(*words_of(name)):
        yield name


async def test_a_crash_on_the_way_up_is_made_good(instance: str, tmp_path: Path) -> None:
    clean = make_network(instance, tmp_path)
    eni = make_eni(1, public=True)
    await clean.ensure_eni(eni, task_id=TASK)
    wanted = describe(instance, tmp_path)
    await clean.remove_eni(TASK)
    nothing = describe(instance, tmp_path)
    for blows_at in range(1, MOST_STEPS):
        fuse = Fuse(blows_at)
        with fuse.laid(STEPS), contextlib.suppress(Crash):
            await make_network(instance, tmp_path).ensure_eni(eni, task_id=TASK)
        again = make_network(instance, tmp_path)
        if blows_at % 2:  # either it is made whole, or it is taken down as it is
            await again.ensure_eni(eni, task_id=TASK)
            assert describe(instance, tmp_path) == wanted, f"step {blows_at}"
        await again.remove_eni(TASK)
        assert describe(instance, tmp_path) == nothing, f"step {blows_at}"
        if not fuse.blown:
            break
    assert not fuse.blown
    assert blows_at > 20


async def test_a_crash_on_the_way_down_is_made_good(instance: str, tmp_path: Path) -> None:
    nothing = describe(instance, tmp_path)
    eni = make_eni(1, public=True)
    for blows_at in range(1, MOST_STEPS):
        network = make_network(instance, tmp_path)
        await network.ensure_eni(eni, task_id=TASK)
        fuse = Fuse(blows_at)
        with fuse.laid(STEPS), contextlib.suppress(Crash):
            await network.remove_eni(TASK)
        again = make_network(instance, tmp_path)
        if fuse.blown and await again.read_enis():
            await again.remove_eni(TASK)
        elif fuse.blown:  # as every agent does when it starts
            await again.remove_unused()
        assert describe(instance, tmp_path) == nothing, f"step {blows_at}"
        if not fuse.blown:
            break
    assert not fuse.blown
    assert blows_at > 6


async def test_a_host_table_without_any_vpc_goes(instance: str, tmp_path: Path) -> None:
    network = make_network(instance, tmp_path)
    await network.ensure_eni(make_eni(1, public=True), task_id=TASK)
    for path in list((tmp_path / "netns").iterdir()):
        await remove_netns(path)
    run_inside(None, "ip", "link", "del", names.transit_link(instance, "vpc-a"))
    await make_network(instance, tmp_path).remove_unused()
