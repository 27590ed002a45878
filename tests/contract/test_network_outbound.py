"""The way to the internet, on a machine made for it: namespaces are the machine, its LAN and a back room.

The machine forwards nothing by itself. A task with a public address must get out by the machine's own
address all the same, and that must open no other way through the machine.
"""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from bastide.model.network import public_pool
from tests.contract.network_world import VPC_CIDR, answering, ask, is_silent, make_eni, run_inside
from tests.real_host import instance_name, require_root

pytestmark = pytest.mark.real
TASK, HIDDEN = "a" * 32, "b" * 32
LAN_IP, MACHINE_IP = "203.0.113.1", "203.0.113.2"
ROOM_IP = "10.99.0.1"
CALL = """
import asyncio, sys
from pathlib import Path
import msgspec
from bastide.model.assignment import Eni
from tests.contract.network_world import make_network
network = make_network(sys.argv[1], Path(sys.argv[2]))
eni = msgspec.json.decode(sys.argv[4], type=Eni) if len(sys.argv) > 4 else None
print(asyncio.run(network.ensure_eni(eni, task_id=sys.argv[3]) if eni else network.remove_eni(sys.argv[3])))
"""


class Machine:
    """A machine with an uplink to its LAN and a private network behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.instance = folder, instance_name("n")
        self.main, self.lan, self.room = (str(folder / name) for name in ("machine", "lan", "room"))

    def call(self, task_id: str, eni: str = "") -> str:
        """Ensure the interface, or remove it, by a program that runs on this machine."""
        argv = [sys.executable, "-c", CALL, self.instance, str(self.folder), task_id, *([eni] if eni else [])]
        return run_inside(self.main, *argv).strip()

    def forwarding(self) -> tuple[str, str]:
        """Of the uplink, and of the machine at large."""
        files = ("/proc/sys/net/ipv4/conf/eth0/forwarding", "/proc/sys/net/ipv4/ip_forward")
        uplink, at_large = run_inside(self.main, "cat", *files).split()
        return uplink, at_large


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    require_root("nft", "ip", "nsenter", "unshare")
    made = Machine(tmp_path)
    with ExitStack() as undo:
        for path in (made.main, made.lan, made.room):
            Path(path).touch()
            subprocess.run(["unshare", f"--net={path}", "true"], check=True)
            undo.callback(subprocess.run, ["umount", path], check=True)
        _wire(made)
        yield made
        for task_id in (TASK, HIDDEN):
            made.call(task_id)
        assert run_inside(made.main, "nft", "list", "ruleset") == ""
        assert made.forwarding() == ("0", "0")


def test_a_public_task_gets_out_by_the_machines_address(machine: Machine) -> None:
    netns = machine.call(TASK, _encoded(public=True))
    with answering(machine.lan, "lan"):
        assert ask(netns, LAN_IP) == f"lan heard {MACHINE_IP}"
    assert machine.forwarding() == ("1", "0")


def test_a_task_without_a_public_address_does_not_get_out(machine: Machine) -> None:
    machine.call(TASK, _encoded(public=True))
    netns = machine.call(HIDDEN, _encoded(number=2))
    with answering(machine.lan, "lan"):
        assert is_silent(netns, LAN_IP)


def test_no_other_way_through_the_machine_opens(machine: Machine) -> None:
    machine.call(TASK, _encoded(public=True))
    run_inside(machine.lan, "ip", "route", "add", "10.99.0.0/24", "via", MACHINE_IP)
    with answering(machine.room, "room"):
        assert is_silent(machine.lan, ROOM_IP)
        # Without the guard it would be heard: the way is there.
        run_inside(machine.main, "nft", "delete", "table", "inet", f"bastide-{machine.instance}")
        run_inside(machine.main, "sysctl", "-q", "-w", "net.ipv4.conf.back.forwarding=1")
        assert ask(machine.lan, ROOM_IP) == f"room heard {LAN_IP}"
    run_inside(machine.main, "sysctl", "-q", "-w", "net.ipv4.conf.back.forwarding=0")
    machine.call(TASK, _encoded(public=True))


def test_a_task_does_not_reach_the_machines_other_networks(machine: Machine) -> None:
    netns = machine.call(TASK, _encoded(public=True))
    with answering(machine.room, "room"):
        assert not is_silent(machine.main, ROOM_IP)
        assert is_silent(netns, ROOM_IP)


def test_the_lan_does_not_reach_a_task(machine: Machine) -> None:
    netns = machine.call(TASK, _encoded(public=True))
    public_ip = make_eni(1, public=True).public_ip
    assert public_ip
    run_inside(machine.lan, "ip", "route", "add", str(public_pool(machine.instance)), "via", MACHINE_IP)
    run_inside(machine.lan, "ip", "route", "add", VPC_CIDR, "via", MACHINE_IP)
    with answering(netns, "task"):
        assert not is_silent(machine.main, public_ip)
        assert is_silent(machine.lan, public_ip)
        assert is_silent(machine.lan, make_eni(1).private_ip)


def _wire(machine: Machine) -> None:
    for peer, near, far, near_ip, far_ip in (
        (machine.lan, "eth0", "eth0", MACHINE_IP, LAN_IP),
        (machine.room, "back", "eth0", "10.99.0.254", ROOM_IP),
    ):
        script = f"""
            ip link add {near} type veth peer name {far} netns {peer}
            ip link set {near} up; ip link set lo up
            ip address add {near_ip}/24 dev {near}
            inside="nsenter --net={peer} ip"
            $inside link set lo up; $inside link set {far} up
            $inside address add {far_ip}/24 dev {far}
        """
        run_inside(machine.main, "sh", "-ec", textwrap.dedent(script))
    run_inside(machine.main, "ip", "route", "add", "default", "via", LAN_IP)
    run_inside(machine.room, "ip", "route", "add", "default", "via", "10.99.0.254")
    run_inside(machine.main, "sysctl", "-q", "-w", "net.ipv4.ip_forward=0")


def _encoded(number: int = 1, *, public: bool = False) -> str:
    return msgspec.json.encode(make_eni(number, public=public)).decode()
