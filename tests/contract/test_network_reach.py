"""Who reaches whom on the real network, asked by packets: the promises of docs/network.md."""

import itertools
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.host import names
from bastide.model.network import eni_link, host_address, public_pool
from tests.contract.network_world import (
    OpenNetwork,
    answering,
    ask,
    is_silent,
    make_eni,
    make_network,
    run_inside,
    words_of,
)
from tests.real_host import instance_name, nothing_left, require_root

pytestmark = pytest.mark.real
TASKS = [f"{number}" * 32 for number in range(1, 6)]
HOST_PORT = 18099


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[OpenNetwork]:
    require_root("nft", "ip", "nsenter")
    instance = instance_name("n")
    with nothing_left(*words_of(instance)):
        made = make_network(instance, tmp_path)
        yield made
        for task_id in TASKS:
            await made.remove_eni(task_id)


async def test_tasks_of_one_vpc_reach_each_other_within_and_across_subnets(network: OpenNetwork) -> None:
    here, near, far = make_eni(1), make_eni(2), make_eni(1, subnet=1)
    paths = [await network.ensure_eni(e, task_id=t) for e, t in zip((here, near, far), TASKS, strict=False)]
    with answering(paths[1], "near"), answering(paths[2], "far"):
        assert ask(paths[0], near.private_ip) == f"near heard {here.private_ip}"
        assert ask(paths[0], far.private_ip) == f"far heard {here.private_ip}"
        assert ask(paths[1], far.private_ip) == f"far heard {near.private_ip}"


async def test_a_router_answers_for_its_tasks_at_once(network: OpenNetwork) -> None:
    """Else the kernel puts off what it answers by proxy ARP, by up to 0.8 s."""
    await network.ensure_eni(make_eni(1), task_id=TASKS[0])
    delay = f"net.ipv4.neigh.{eni_link(TASKS[0])}.proxy_delay"
    assert run_inside(network.router_path(make_eni(1).vpc_id), "sysctl", "-n", delay).strip() == "0"


async def test_tasks_of_two_vpcs_with_the_same_cidr_do_not_meet(network: OpenNetwork) -> None:
    ours, theirs = make_eni(1, public=True), make_eni(2, vpc="b", public=True)
    twin = make_eni(1, vpc="b")
    a, b, c = [
        await network.ensure_eni(e, task_id=t) for e, t in zip((ours, theirs, twin), TASKS, strict=False)
    ]
    assert theirs.public_ip and ours.public_ip
    with answering(a, "ours"), answering(b, "theirs"), answering(c, "twin"):
        assert is_silent(a, theirs.private_ip)
        assert is_silent(a, theirs.public_ip)
        assert is_silent(b, ours.public_ip)
        assert ask(b, twin.private_ip) == f"twin heard {theirs.private_ip}"


async def test_the_host_reaches_a_public_address_and_nothing_else(network: OpenNetwork) -> None:
    shown, hidden = make_eni(1, public=True), make_eni(2)
    a, b = [await network.ensure_eni(e, task_id=t) for e, t in zip((shown, hidden), TASKS, strict=False)]
    assert shown.public_ip
    with answering(a, "shown"), answering(b, "hidden"):
        pool = public_pool(instance_name("n"))
        assert ask(None, shown.public_ip) == f"shown heard {host_address(pool)}"
        assert is_silent(None, str(pool.network_address + 200))
    await network.remove_eni(TASKS[0])
    assert is_silent(None, shown.public_ip)


async def test_a_task_reaches_nothing_of_the_host(network: OpenNetwork) -> None:
    eni = make_eni(1, public=True)
    netns = await network.ensure_eni(eni, task_id=TASKS[0])
    pool = public_pool(instance_name("n"))
    own = {str(host_address(pool)), "127.0.0.1", "169.254.171.2", *_host_addresses()}
    with answering(None, "host", port=HOST_PORT):
        assert not is_silent(None, "127.0.0.1", port=HOST_PORT)
        for address in own:
            assert is_silent(netns, address, port=HOST_PORT), address


async def test_metadata_addresses_are_refused_at_once(network: OpenNetwork) -> None:
    netns = await network.ensure_eni(make_eni(1, public=True), task_id=TASKS[0])
    assert is_silent(netns, "169.254.169.254", port=80)
    assert ask(netns, "169.254.170.2", port=80) == "refused"  # where no agent listens
    table = run_inside(_router(network), "nft", "list", "chain", "inet", "vpc", "leave")
    assert "169.254.0.0/16 reject" in table


async def test_a_look_up_of_a_name_fails_at_once(network: OpenNetwork) -> None:
    netns = await network.ensure_eni(make_eni(1), task_id=TASKS[0])
    assert ask(netns, "172.31.0.2", port=53) == "refused"


async def test_a_forged_address_or_mac_is_not_heard(network: OpenNetwork) -> None:
    liar, victim, other = make_eni(1, public=True), make_eni(2), make_eni(3)
    a, b, _ = [
        await network.ensure_eni(e, task_id=t) for e, t in zip((liar, victim, other), TASKS, strict=False)
    ]
    with answering(b, "victim"):
        assert ask(a, victim.private_ip) == f"victim heard {liar.private_ip}"
        for forged in (other.private_ip, "172.31.0.99", "8.8.8.8"):
            run_inside(a, "ip", "address", "add", f"{forged}/32", "dev", "eth0")
            assert is_silent(a, victim.private_ip, source=forged), forged
        run_inside(a, "ip", "link", "set", "eth0", "address", other.mac)
        assert is_silent(a, victim.private_ip)


async def test_forged_arp_moves_nobodys_traffic(network: OpenNetwork) -> None:
    liar, victim, asker = make_eni(1), make_eni(2), make_eni(3)
    a, b, c = [
        await network.ensure_eni(e, task_id=t) for e, t in zip((liar, victim, asker), TASKS, strict=False)
    ]
    run_inside(a, "ip", "address", "add", f"{victim.private_ip}/32", "dev", "eth0")
    run_inside(a, "ip", "neigh", "flush", "dev", "eth0")
    with answering(a, "liar"), answering(b, "victim"):
        assert is_silent(a, asker.private_ip)  # it speaks, and is seen on its link
        assert ask(c, victim.private_ip) == f"victim heard {asker.private_ip}"


async def test_a_task_sees_its_subnet_its_mac_and_jumbo_frames(network: OpenNetwork) -> None:
    eni = make_eni(1)
    netns = await network.ensure_eni(eni, task_id=TASKS[0])
    shown = run_inside(netns, "ip", "address", "show", "eth0")
    assert f"inet {eni.private_ip}/20" in shown
    assert f"link/ether {eni.mac}" in shown
    assert "mtu 9001" in shown
    assert "inet6" not in shown
    assert "default via 172.31.0.1 dev eth0" in run_inside(netns, "ip", "route")


async def test_a_task_takes_no_way_but_the_routers(network: OpenNetwork) -> None:
    """Where the kernel is shared, this is what a task's interface does by itself."""
    path = await network.ensure_eni(make_eni(1), task_id=TASKS[0])
    for name in ("ipv4/conf/eth0/accept_redirects", "ipv4/conf/eth0/accept_source_route"):
        assert run_inside(path, "cat", f"/proc/sys/net/{name}").strip() == "0"
    assert "inet6" not in run_inside(path, "ip", "address")


async def test_addresses_a_sandbox_took_stay_away(network: OpenNetwork) -> None:
    eni = make_eni(1)
    netns = await network.ensure_eni(eni, task_id=TASKS[0])
    run_inside(netns, "ip", "address", "flush", "dev", "eth0")
    await network.ensure_eni(eni, task_id=TASKS[0])
    assert "inet " not in run_inside(netns, "ip", "address", "show", "eth0")


async def test_a_lost_host_table_is_put_back(network: OpenNetwork) -> None:
    eni = make_eni(1, public=True)
    netns = await network.ensure_eni(eni, task_id=TASKS[0])
    run_inside(None, "nft", "delete", "table", "inet", names.host_table(instance_name("n")))
    await network.ensure_eni(eni, task_id=TASKS[0])
    with answering(None, "host", port=HOST_PORT):
        for address in _host_addresses():
            assert is_silent(netns, address, port=HOST_PORT)


def _host_addresses() -> list[str]:
    words = run_inside(None, "ip", "-oneline", "-4", "address", "show", "scope", "global").split()
    found = [word.partition("/")[0] for before, word in itertools.pairwise(words) if before == "inet"]
    return [address for address in found if socket.inet_aton(address)]


def _router(network: OpenNetwork) -> Path:
    return network.router_path("vpc-a")
