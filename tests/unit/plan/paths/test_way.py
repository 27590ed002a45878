"""The words on a packet's way say what AWS does with it: random networks and packets, equal verdicts."""

import random

import pytest
from msgspec.structs import replace

from bastide.model.network import AclEntry, Traffic, VpcState
from bastide.plan.paths.way import explain, explain_answer
from bastide.plan.paths.words import Packets, describe_traffic
from tests.networks import Packet, allows, random_packet, random_vpc

SEEDS = 5
NETWORKS = 200  # a seed
PACKETS = 10  # a network


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_path_is_open_where_aws_lets_the_packet_pass(seed: int) -> None:
    rng = random.Random(f"path {seed}")
    for number in range(NETWORKS):
        state = random_vpc(rng)
        for _ in range(PACKETS):
            packet = replace(random_packet(rng, state), is_known=False)
            if is_forged(state, packet):
                continue
            steps = explain(state, flow_of(packet))
            assert steps[-1].passes is allows(state, packet), (seed, number, packet, steps)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_an_answer_comes_back_where_aws_lets_it_at_every_port(seed: int) -> None:
    rng = random.Random(f"answer {seed}")
    for number in range(NETWORKS // 4):
        state = random_vpc(rng)
        for _ in range(PACKETS):
            packet = replace(random_packet(rng, state), icmp=(8, 0), is_known=False)
            if is_forged(state, packet) or not allows(state, packet) or is_translated(state, packet):
                continue
            ports = (32768, 39999, 40000, 40001, 60999) if packet.protocol in (6, 17) else (0,)
            expected = all(allows(state, answer(state, packet, port)) for port in ports)
            steps = explain_answer(state, flow_of(packet))
            assert steps[-1].passes is expected, (seed, number, packet, steps)


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        (Traffic(), "all traffic"),
        (Traffic(protocol=6), "all TCP"),
        (Traffic(protocol=6, first=0, last=65535), "all TCP"),
        (Traffic(protocol=17, first=53, last=53), "UDP 53"),
        (Traffic(protocol=6, first=80, last=443), "TCP 80-443"),
        (Traffic(protocol=1, first=8, last=-1), "ICMP type 8"),
        (Traffic(protocol=1, first=3, last=4), "ICMP type 3 code 4"),
        (Traffic(protocol=47), "all protocol 47"),
    ],
)
def test_traffic_in_words(traffic: Traffic, words: str) -> None:
    assert describe_traffic(traffic) == words


def test_only_some_of_the_ports_of_an_answer_is_not_enough() -> None:
    rng = random.Random(1)
    state = random_vpc(rng)
    a, b = (one.addresses[0].private_ip for one in list(state.interfaces.values())[:2])
    half = AclEntry(number=1, allows=True, cidr="0.0.0.0/0", traffic=Traffic(protocol=6, first=0, last=40000))
    acls = {key: replace(acl, ingress=(half,), egress=(half,)) for key, acl in state.acls.items()}
    two = [replace(one, subnet_id=f"subnet-{n}") for n, one in enumerate(list(state.interfaces.values())[:2])]
    crossing = replace(state, acls=acls, interfaces={one.id: one for one in two})
    steps = explain_answer(crossing, Packets(a, b, 6, 80))
    assert not steps[-1].passes
    assert "no entry speaks of TCP 40001" in steps[-1].text


def is_forged(state: VpcState, packet: Packet) -> bool:
    """Words are for whoever says who he is."""
    sender = state.interfaces.get(packet.sender)
    own = {one.private_ip for one in sender.addresses} if sender else set()
    inside = any(packet.source == a.private_ip for one in state.interfaces.values() for a in one.addresses)
    return packet.source not in own if sender else inside or packet.source.startswith("10.")


def is_translated(state: VpcState, packet: Packet) -> bool:
    """By a NAT gateway, whose own answers the packets of `tests.networks` do not speak of."""
    sender = state.interfaces.get(packet.sender)
    return sender is not None and not packet.destination.startswith("10.")


def answer(state: VpcState, packet: Packet, port: int) -> Packet:
    receiver = next(
        one for one in state.interfaces.values() for a in one.addresses if a.private_ip == packet.destination
    )
    return replace(
        packet,
        sender=receiver.id,
        source=packet.destination,
        destination=packet.source,
        port=port,
        icmp=(0, 0),
        is_known=True,
    )


def flow_of(packet: Packet) -> Packets:
    return Packets(packet.source, packet.destination, packet.protocol, packet.port, packet.icmp)
