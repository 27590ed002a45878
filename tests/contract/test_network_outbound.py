"""The way to the internet, on a machine made for it: namespaces are the machine, its LAN and a back room.

The machine forwards nothing by itself. A task with a public address must get out by the machine's own
address all the same, and that must open no other way through the machine.
"""

from ipaddress import IPv4Address

import pytest

from bastide.model.network import public_pool
from tests.contract.machine import HIDDEN, LAN_IP, MACHINE_IP, ROOM_IP, TASK, Machine
from tests.contract.machine import machine as machine
from tests.contract.network_world import VPC_CIDR, answering, ask, is_silent, make_eni, run_inside

pytestmark = pytest.mark.real


def test_a_public_task_gets_out_by_the_machines_address(machine: Machine) -> None:
    netns = machine.call(TASK, make_eni(1, public=True))
    with answering(machine.lan, "lan"):
        assert ask(netns, LAN_IP) == f"lan heard {MACHINE_IP}"
    assert machine.forwarding() == ("1", "0")


def test_a_task_without_a_public_address_does_not_get_out(machine: Machine) -> None:
    machine.call(TASK, make_eni(1, public=True))
    netns = machine.call(HIDDEN, make_eni(2))
    with answering(machine.lan, "lan"):
        assert is_silent(netns, LAN_IP)


def test_no_other_way_through_the_machine_opens(machine: Machine) -> None:
    machine.call(TASK, make_eni(1, public=True))
    run_inside(machine.lan, "ip", "route", "add", "10.99.0.0/24", "via", MACHINE_IP)
    with answering(machine.room, "room"):
        assert is_silent(machine.lan, ROOM_IP)
        # Without the guard it would be heard: the way is there.
        run_inside(machine.main, "nft", "delete", "table", "inet", f"bastide-{machine.instance}")
        run_inside(machine.main, "sysctl", "-q", "-w", "net.ipv4.conf.back.forwarding=1")
        assert ask(machine.lan, ROOM_IP) == f"room heard {LAN_IP}"
    run_inside(machine.main, "sysctl", "-q", "-w", "net.ipv4.conf.back.forwarding=0")
    machine.call(TASK, make_eni(1, public=True))


def test_a_task_does_not_reach_the_machines_other_networks(machine: Machine) -> None:
    netns = machine.call(TASK, make_eni(1, public=True))
    with answering(machine.room, "room"):
        assert not is_silent(machine.main, ROOM_IP)
        assert is_silent(netns, ROOM_IP)


def test_the_lan_reaches_a_public_address_and_no_private_one(machine: Machine) -> None:
    netns = machine.call(TASK, make_eni(1, public=True))
    public_ip = make_eni(1, public=True).public_ip
    assert public_ip
    run_inside(machine.lan, "ip", "route", "add", str(public_pool(machine.instance)), "via", MACHINE_IP)
    run_inside(machine.lan, "ip", "route", "add", VPC_CIDR, "via", MACHINE_IP)
    with answering(netns, "task"):
        assert ask(machine.lan, public_ip) == f"task heard {LAN_IP}"
        assert is_silent(machine.lan, make_eni(1).private_ip)
        run_inside(machine.lan, "ip", "address", "add", f"{_neighbour(public_ip)}/32", "dev", "eth0")
        assert is_silent(machine.lan, public_ip, source=_neighbour(public_ip))


def _neighbour(public_ip: str) -> str:
    """Another address of the pool, which nobody on the LAN has a right to."""
    return str(IPv4Address(public_ip) + 50)
