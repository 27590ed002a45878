"""Ways out of a VPC, walked by packets: a NAT gateway, what is behind it, and a route that is gone."""

import itertools

import pytest
from msgspec.structs import replace

from bastide.model.network import (
    AclEntry,
    AnyPart,
    NatGateway,
    NetworkAcl,
    Route,
    RouteTable,
    RouteTarget,
    Traffic,
    public_pool,
)
from tests.contract.machine import HIDDEN, LAN_IP, MACHINE_IP, TASK, Machine
from tests.contract.machine import machine as machine
from tests.contract.network_world import answering, ask, is_silent, make_eni, run_inside
from tests.vpcs import open_parts

pytestmark = pytest.mark.real
PUBLIC, PRIVATE = "subnet-0-a", "subnet-1-a"
SHOWN, BEHIND = make_eni(1, public=True), make_eni(1, subnet=1)
ALL_IN = AclEntry(number=100, allows=True, cidr="0.0.0.0/0")


def gateway(machine: Machine) -> NatGateway:
    address = str(public_pool(machine.instance).network_address + 150)
    return NatGateway(id="nat-0a0a0a0a0a0a0a0a0", vpc_id="vpc-a", subnet_id=PUBLIC, public_ip=address)


def parts(machine: Machine, *more: AnyPart) -> list[AnyPart]:
    """A public subnet with a NAT gateway, and a private one that is routed through it."""
    nat = gateway(machine)
    way = Route(cidr="0.0.0.0/0", target=RouteTarget.NAT_GATEWAY, target_id=nat.id)
    table = RouteTable(id="rtb-private", vpc_id="vpc-a", subnet_ids=(PRIVATE,), routes=(way,))
    held = [*open_parts({TASK: SHOWN, HIDDEN: BEHIND}), nat, table, *more]
    return list({part.id: part for part in held}.values())


def test_a_private_subnet_gets_out_through_nat_and_is_not_reached(machine: Machine) -> None:
    machine.call(TASK, SHOWN, parts(machine))
    netns = machine.call(HIDDEN, BEHIND, parts(machine))
    run_inside(machine.lan, "ip", "route", "add", str(public_pool(machine.instance)), "via", MACHINE_IP)
    with answering(machine.lan, "lan"), answering(netns, "task"):
        assert ask(netns, LAN_IP) == f"lan heard {MACHINE_IP}"
        assert is_silent(machine.main, gateway(machine).public_ip)
        assert is_silent(machine.lan, gateway(machine).public_ip)
        assert is_silent(machine.main, BEHIND.private_ip)


def test_without_its_gateway_a_route_leads_nowhere(machine: Machine) -> None:
    netns = machine.call(HIDDEN, BEHIND, parts(machine))
    with answering(machine.lan, "lan"):
        assert ask(netns, LAN_IP) == f"lan heard {MACHINE_IP}"
        machine.call(HIDDEN, BEHIND, [part for part in parts(machine) if not isinstance(part, NatGateway)])
        assert is_silent(netns, LAN_IP)


def test_the_acl_of_the_gateways_subnet_is_asked_both_ways(machine: Machine) -> None:
    web = AclEntry(
        number=100, allows=True, cidr="0.0.0.0/0", traffic=Traffic(protocol=6, first=8080, last=8080)
    )
    back = replace(web, number=200, traffic=Traffic(protocol=6, first=1024, last=65535))
    acl = NetworkAcl(
        id="acl-public", vpc_id="vpc-a", subnet_ids=(PUBLIC,), ingress=(web, back), egress=(web, back)
    )
    netns = machine.call(HIDDEN, BEHIND, parts(machine, acl))
    with answering(machine.lan, "lan"):
        assert ask(netns, LAN_IP) == f"lan heard {MACHINE_IP}"
        for shut in ({"ingress": (web,)}, {"ingress": (back,)}, {"egress": (web,)}):
            machine.call(HIDDEN, BEHIND, parts(machine, replace(acl, **shut)))
            is_open = shut == {"ingress": (back,)}  # 8080 lies in 1024 to 65535
            assert is_silent(netns, LAN_IP) is not is_open, shut


def test_the_longest_prefix_wins(machine: Machine) -> None:
    nowhere = Route(cidr=f"{LAN_IP}/32", target=RouteTarget.NOWHERE)
    held = parts(machine)
    for position, part in enumerate(held):
        if isinstance(part, RouteTable):
            held[position] = replace(part, routes=(*part.routes, nowhere))
    shown, behind = machine.call(TASK, SHOWN, held), machine.call(HIDDEN, BEHIND, held)
    with answering(machine.lan, "lan"):
        for netns, open_again in itertools.product((shown, behind), (False, True)):
            machine.call(TASK, SHOWN, parts(machine) if open_again else held)
            assert is_silent(netns, LAN_IP) is not open_again
