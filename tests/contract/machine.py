"""A machine made for a test, which forwards nothing by itself: namespaces are it, its LAN and a back room."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from bastide.model.assignment import Eni
from bastide.model.network import AnyPart
from tests.contract.network_world import run_inside
from tests.real_host import instance_name, require_root

LAN_IP, MACHINE_IP = "203.0.113.1", "203.0.113.2"
ROOM_IP = "10.99.0.1"
CALL = """
import asyncio, sys
from pathlib import Path
import msgspec
from bastide.model.assignment import Eni
from bastide.model.network import AnyPart, assemble_vpcs
from tests.contract.network_world import make_network
instance, folder, task_id, eni, parts = sys.argv[1:]
network = make_network(instance, Path(folder))
if parts:
    network.is_told = True
    network.know(assemble_vpcs(msgspec.json.decode(parts, type=list[AnyPart])))
made = msgspec.json.decode(eni, type=Eni) if eni else None
print(asyncio.run(network.ensure_eni(made, task_id=task_id) if made else network.remove_eni(task_id)))
"""
TASK, HIDDEN = "a" * 32, "b" * 32


class Machine:
    """A machine with an uplink to its LAN and a private network behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.instance = folder, instance_name("n")
        self.main, self.lan, self.room = (str(folder / name) for name in ("machine", "lan", "room"))

    def call(self, task_id: str, eni: Eni | None = None, parts: Sequence[AnyPart] = ()) -> str:
        """Ensure the interface, or remove it, by a program that runs on this machine.

        What its VPC is the parts say; without any, all is open.
        """
        encoded = [msgspec.json.encode(one).decode() if one else "" for one in (eni, parts)]
        argv = [sys.executable, "-c", CALL, self.instance, str(self.folder), task_id, *encoded]
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
