"""Whatever somebody takes away of a VPC is put back by the next look, and flows that were right go on."""

import contextlib
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bastide.host import names
from bastide.host.network.netns import is_netns
from bastide.model.network import eni_link
from tests.contract.network.crafting import inside
from tests.contract.network_world import (
    OpenNetwork,
    answering,
    ask,
    describe,
    make_eni,
    make_network,
    run_inside,
    words_of,
)
from tests.real_host import instance_name, nothing_left, require_root
from tests.vpcs import open_vpcs

pytestmark = pytest.mark.real
HIT, WITNESS, PEER = "a" * 32, "b" * 32, "c" * 32
LINK = eni_link(HIT)
ENI = make_eni(1, public=True)
IN_ROUTER = [
    "nft flush ruleset",
    "nft flush chain inet vpc forward",
    f"nft delete element inet vpc ingress {{ {LINK} }}",
    "nft add rule inet vpc input accept",
    f"ip route del {ENI.private_ip}",
    f"ip neighbour del {ENI.private_ip} dev {LINK}",
    f"ip link set {LINK} down",
    "ip address del 172.31.0.1/32 dev lo",
    "ip route del blackhole 172.31.0.0/16",
    "ip route del default",
    "ip link del dev up",
    "sysctl -q -w net.ipv4.ip_forward=0",
    "sysctl -q -w net.ipv4.conf.all.proxy_arp=0",
]
TRANSIT = names.transit_link(instance_name("n"), "vpc-a")
TABLE = names.host_table(instance_name("n"))
ON_HOST = [
    f"nft delete table inet {TABLE}",
    f"nft flush chain inet {TABLE} from_vpc",
    f"ip link del {TRANSIT}",
    f"ip link set {TRANSIT} down",
    f"ip address flush dev {TRANSIT}",
    f"ip route del {ENI.public_ip}",
]


class World:
    """A VPC with three tasks, and a flow between the two that are left alone."""

    def __init__(
        self, network: OpenNetwork, folder: Path, hit: str, flow: tuple[socket.socket, socket.socket]
    ):
        self.network, self.folder, self.hit, self.flow = network, folder, hit, flow

    def flows(self) -> bool:
        """Whether the flow goes on, both ways."""
        for sender, receiver in (self.flow, self.flow[::-1]):
            sender.sendall(b"still here")
            if receiver.recv(100) != b"still here":
                return False
        return True

    def picture(self) -> str:
        """All there is of it, without the numbers that new links take."""
        guard = run_inside(None, "nft", "--stateless", "list", "table", "inet", TABLE)
        return re.sub(r"(?m)^\d+: ", "", describe(instance_name("n"), self.folder) + guard)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    require_root("nft", "ip", "nsenter", "sysctl")
    with nothing_left(*words_of(instance_name("n"))):
        network = make_network(instance_name("n"), tmp_path)
        hit = await network.ensure_eni(ENI, task_id=HIT)
        witness = await network.ensure_eni(make_eni(2), task_id=WITNESS)
        peer = await network.ensure_eni(make_eni(3, subnet=1), task_id=PEER)
        with _flow(Path(witness), Path(peer)) as flow:
            yield World(network, tmp_path, hit, flow)
        for task_id in (HIT, WITNESS, PEER):
            await network.remove_eni(task_id)


async def test_whatever_is_taken_away_is_put_back(world: World) -> None:
    whole = world.picture()
    router = world.network.router_path("vpc-a")
    assert ENI.public_ip
    for netns, command in [*((router, one) for one in IN_ROUTER), *((None, one) for one in ON_HOST)]:
        run_inside(netns, "sh", "-c", command)
        assert await world.network.ensure_vpc("vpc-a")
        assert world.picture() == whole, command
        assert world.flows(), command
    with answering(world.hit, "hit"):
        assert ask(None, ENI.public_ip).startswith("hit heard")


async def test_a_lost_mount_of_a_namespace_is_put_back_with_all_that_is_in_it(world: World) -> None:
    whole = world.picture()
    for path in (world.network.router_path("vpc-a"), Path(world.hit)):
        run_inside(None, "umount", "--lazy", str(path))
        path.unlink()
        assert await world.network.ensure_vpc("vpc-a")
        await world.network.ensure_eni(ENI, task_id=HIT)
        assert is_netns(path)
        assert world.picture() == whole
        assert world.flows()


async def test_a_deleted_link_is_made_anew(world: World) -> None:
    run_inside(world.network.router_path("vpc-a"), "ip", "link", "del", LINK)
    assert await world.network.ensure_vpc("vpc-a")
    assert world.network.take_renewed() == {HIT}
    assert world.network.take_renewed() == set()
    assert world.flows()
    with answering(world.hit, "hit"):
        assert ask(None, ENI.public_ip or "").startswith("hit heard")


async def test_an_agent_that_comes_anew_changes_nothing_that_is_whole(world: World, tmp_path: Path) -> None:
    whole = world.picture()
    again = make_network(instance_name("n"), tmp_path)
    again.know(open_vpcs(world.network.told))
    assert await again.ensure_vpc("vpc-a")
    assert world.picture() == whole
    assert world.flows()


@contextlib.contextmanager
def _flow(one: Path, other: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection between two tasks."""
    server = inside(other, lambda: socket.create_server(("", 9000)))
    here = inside(one, lambda: socket.create_connection((make_eni(3, subnet=1).private_ip, 9000), timeout=3))
    there, _ = server.accept()
    there.settimeout(3)
    with server, here, there:
        yield here, there
