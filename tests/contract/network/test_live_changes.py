"""A rule changes while packets flow: new flows meet it at once, known ones go on or are cut as AWS has it."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bastide.host.network.netlink.flows import cut_flows
from bastide.model.network import AnyPart, Flow, Interface, SecurityGroup, SecurityGroupRule, assemble_vpcs
from tests.contract.network.crafting import inside
from tests.contract.network_world import (
    OpenNetwork,
    answering,
    ask,
    is_silent,
    make_eni,
    make_network,
    words_of,
)
from tests.real_host import instance_name, nothing_left, require_root
from tests.vpcs import open_parts

pytestmark = pytest.mark.real
CALLER, SERVER = make_eni(1), make_eni(2)
TASKS = {"a" * 32: CALLER, "b" * 32: SERVER}
PORT, FLOW_PORT = 8080, 9000
EVERYWHERE, INSIDE = "0.0.0.0/0", "172.31.0.0/16"


class World:
    """Two tasks; the server's is alone in group sg-server, open both ways at first."""

    def __init__(self, network: OpenNetwork) -> None:
        self.network = network
        self.parts: dict[str, AnyPart] = {part.id: part for part in open_parts(TASKS)}
        server = self.parts[SERVER.id]
        assert isinstance(server, Interface)
        self.put(replace(server, group_ids=("sg-server",)), SecurityGroup(id="sg-server", vpc_id="vpc-a"))
        self.put(rule("sgr-out", is_egress=True), rule("sgr-in", is_egress=False))
        self.paths: list[Path] = []

    def put(self, *parts: AnyPart) -> None:
        self.parts |= {part.id: part for part in parts}
        self.network.know(assemble_vpcs(self.parts.values()))

    async def change(self, *parts: AnyPart) -> None:
        self.put(*parts)
        await self.network.ensure_vpc("vpc-a")

    async def take(self, *ids: str) -> None:
        for part_id in ids:
            del self.parts[part_id]
        await self.change()

    @contextlib.contextmanager
    def flow(self) -> Iterator[tuple[socket.socket, socket.socket]]:
        """A connection from the caller to the server."""
        listening = inside(self.paths[1], lambda: socket.create_server(("", FLOW_PORT)))
        to = (SERVER.private_ip, FLOW_PORT)
        here = inside(self.paths[0], lambda: socket.create_connection(to, timeout=3))
        there, _ = listening.accept()
        with listening, here, there:
            yield here, there


def rule(name: str, *, is_egress: bool, cidr: str = EVERYWHERE) -> SecurityGroupRule:
    return SecurityGroupRule(id=name, group_id="sg-server", is_egress=is_egress, cidr=cidr)


def goes_on(flow: tuple[socket.socket, socket.socket]) -> bool:
    """Whether words get through, both ways."""
    for sender, receiver in (flow, flow[::-1]):
        receiver.settimeout(0.5)
        sender.sendall(b"word")
        try:
            receiver.recv(100)
        except TimeoutError:
            return False
    return True


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    require_root("nft", "ip", "nsenter")
    with nothing_left(*words_of(instance_name("n"))):
        network = make_network(instance_name("n"), tmp_path)
        network.is_told = True
        made = World(network)
        made.paths = [Path(await network.ensure_eni(eni, task_id=task)) for task, eni in TASKS.items()]
        yield made
        for task_id in TASKS:
            await network.remove_eni(task_id)


async def test_a_tracked_flow_outlives_its_rule_and_no_new_one_comes(world: World) -> None:
    await world.change(rule("sgr-in", is_egress=False, cidr=INSIDE))
    with world.flow() as flow, answering(str(world.paths[1]), "server"):
        assert ask(str(world.paths[0]), SERVER.private_ip).startswith("server heard")
        await world.take("sgr-in")
        assert goes_on(flow)
        assert is_silent(str(world.paths[0]), SERVER.private_ip)
        await world.change(rule("sgr-in", is_egress=False, cidr=INSIDE))
        assert ask(str(world.paths[0]), SERVER.private_ip).startswith("server heard")
        assert goes_on(flow)


async def test_an_untracked_flow_is_cut_with_its_rule(world: World) -> None:
    with world.flow() as flow:
        assert goes_on(flow)
        await world.take("sgr-in")
        assert not goes_on(flow)


async def test_other_groups_of_a_live_interface_count_at_once(world: World) -> None:
    world.put(SecurityGroup(id="sg-shut", vpc_id="vpc-a"))
    server = world.parts[SERVER.id]
    assert isinstance(server, Interface)
    with answering(str(world.paths[1]), "server"):
        assert ask(str(world.paths[0]), SERVER.private_ip).startswith("server heard")
        await world.change(replace(server, group_ids=("sg-shut",)))
        assert is_silent(str(world.paths[0]), SERVER.private_ip)
        await world.change(server)
        assert ask(str(world.paths[0]), SERVER.private_ip).startswith("server heard")


async def test_whoever_joins_a_group_is_meant_by_rules_that_name_it(world: World) -> None:
    named = SecurityGroupRule(id="sgr-in", group_id="sg-server", is_egress=False, peer_group_id="sg-friends")
    await world.change(SecurityGroup(id="sg-friends", vpc_id="vpc-a"), named)
    caller = world.parts[CALLER.id]
    assert isinstance(caller, Interface)
    with answering(str(world.paths[1]), "server"):
        assert is_silent(str(world.paths[0]), SERVER.private_ip)
        await world.change(replace(caller, group_ids=(*caller.group_ids, "sg-friends")))
        assert ask(str(world.paths[0]), SERVER.private_ip).startswith("server heard")


async def test_an_interfaces_flows_end_with_it(world: World) -> None:
    await world.change(rule("sgr-in", is_egress=False, cidr=INSIDE))
    with world.flow() as flow:
        assert goes_on(flow)
        known = Flow(source=CALLER.private_ip, destination=SERVER.private_ip, protocol=6, port=FLOW_PORT)
        assert known in flows(world)
        await world.take(SERVER.id)
        assert known not in flows(world)


def flows(world: World) -> list[Flow]:
    """What the router's connection tracking knows."""
    known: list[Flow] = []

    def note(seen: Iterable[Flow]) -> list[Flow]:
        known.extend(seen)
        return []

    inside(world.network.router_path("vpc-a"), lambda: cut_flows(note))
    return known
