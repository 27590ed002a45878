"""Random networks made real, random packets sent through them: what arrives is what AWS would let through.

Run as a program in a network namespace of its own, so that nothing of the machine's own network is touched:
`unshare --net python -m tests.contract.network.sample <folder> <seed> <networks>`.
"""

import asyncio
import random
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path

from bastide.host import names
from bastide.host.network import VpcNetwork
from bastide.model.assignment import Eni
from bastide.model.network import Interface, VpcState
from bastide.plan import firewall
from tests.contract.network.crafting import Sniffer, ipv4, send, transport
from tests.networks import OTHER, Packet, allows, random_packet, random_vpc

INSTANCE = "sample"
PACKETS = 60  # a network


def main(folder: Path, seed: int, networks: int) -> int:
    """How many packets were not judged as they should be."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    rng = random.Random(seed)
    wrong = passed = sent = 0
    for number in range(networks):
        state = random_vpc(rng)
        drawn = (random_packet(rng, state) for _ in range(PACKETS))
        packets = _without_answers([one for one in drawn if _is_sendable(state, one)])
        arrived = asyncio.run(judge(folder / str(number), state, packets))
        for packet, is_there in zip(packets, arrived, strict=True):
            sent, passed = sent + 1, passed + is_there
            if is_there is not allows(state, packet):
                wrong += 1
                print(f"network {number}: {'arrived' if is_there else 'was lost'}: {packet}")
    print(f"{sent} packets, {passed} arrived, {wrong} wrong")
    return wrong


async def judge(folder: Path, state: VpcState, packets: list[Packet]) -> list[bool]:
    """Whether each packet arrives in the network made real."""
    pool = IPv4Network("198.18.0.0/24")
    network = VpcNetwork(INSTANCE, folder=folder, pool=pool, firewall=firewall)
    network.know({state.vpc.id: state})
    tasks = [one for one in state.interfaces.values() if one.task_id]
    try:
        paths = {
            one.id: Path(await network.ensure_eni(_eni(state, one), task_id=one.task_id)) for one in tasks
        }
        places: dict[str, tuple[Path | None, str]] = {name: (path, "eth0") for name, path in paths.items()}
        places["outside"] = (None, names.transit_link(INSTANCE, state.vpc.id))
        return await asyncio.to_thread(_exchange, state, packets, paths, places)
    finally:
        for one in tasks:
            await network.remove_eni(one.task_id)


def _exchange(
    state: VpcState,
    packets: list[Packet],
    paths: dict[str, Path],
    places: dict[str, tuple[Path | None, str]],
) -> list[bool]:
    sniffer = Sniffer(places)
    goals = []
    for number, packet in enumerate(packets, 1):
        owners = [
            one for one in state.interfaces.values() if packet.destination == one.addresses[0].private_ip
        ]
        goals.append((owners[0].id if owners else "outside", number))
        to = packet.destination
        if not packet.sender:
            to = owners[0].addresses[0].public_ip or to
        ports = (20000 + number, packet.port)
        body = transport(packet.source, to, packet.protocol, ports=ports)
        made = ipv4(packet.source, to, packet.protocol, body, number=number)
        send(paths[packet.sender] if packet.sender else None, made)
    sniffer.wait([goal for goal, packet in zip(goals, packets, strict=True) if allows(state, packet)])
    sniffer.close()
    return [number in sniffer.seen[name] for name, number in goals]


def _is_sendable(state: VpcState, packet: Packet) -> bool:
    """A new flow; from outside only to a public address, and no ICMP error that answers to nothing."""
    is_to_public = packet.sender or any(
        one.public_ip and one.private_ip == packet.destination
        for interface in state.interfaces.values()
        for one in interface.addresses
    )
    return bool(is_to_public) and not packet.is_known and not (packet.protocol == 1 and packet.icmp[0] != 8)


def _without_answers(packets: list[Packet]) -> list[Packet]:
    """Without ports, a second packet between two addresses would be of the first one's flow."""
    ends = {
        frozenset((packet.source, packet.destination)): packet
        for packet in reversed(packets)
        if packet.protocol == OTHER
    }
    return [one for one in packets if one.protocol != OTHER or one in ends.values()]


def _eni(state: VpcState, interface: Interface) -> Eni:
    address = interface.addresses[0]
    return Eni(
        id=interface.id,
        mac=interface.mac,
        private_ip=address.private_ip,
        subnet_id=interface.subnet_id,
        subnet_cidr=state.subnets[interface.subnet_id].cidr,
        vpc_id=state.vpc.id,
        vpc_cidr=state.vpc.cidrs[0],
        hostname="",
        public_ip=address.public_ip,
    )


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), 100))
