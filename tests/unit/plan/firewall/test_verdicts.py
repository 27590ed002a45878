"""The rules made for a VPC judge packets as AWS does: random networks and packets, equal verdicts."""

import random

import pytest

from bastide.model.network import VpcState, eni_link
from bastide.plan.firewall import plan_table, plan_vpc, render_table
from tests.networks import Packet, allows, random_packet, random_vpc
from tests.nft import Nft

SEEDS = 10
NETWORKS = 250  # a seed
PACKETS = 4  # a network


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_packets_get_awss_verdict(seed: int) -> None:
    rng = random.Random(seed)
    for number in range(NETWORKS):
        state = random_vpc(rng)
        kernel = Nft().apply(render_table(plan_vpc(state)))
        for _ in range(PACKETS):
            packet = random_packet(rng, state)
            assert judge(kernel, state, packet) is allows(state, packet), (seed, number, packet)


def test_random_packets_are_neither_all_let_through_nor_all_dropped() -> None:
    rng = random.Random(0)
    states = [random_vpc(rng) for _ in range(500)]
    passed = sum(allows(state, random_packet(rng, state)) for state in states)
    assert 100 < passed < 400


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_change_comes_to_the_same_as_the_whole(seed: int) -> None:
    rng = random.Random(seed)
    old = plan_vpc(random_vpc(rng))
    kernel = Nft().apply(render_table(old))
    for _ in range(40):
        new = plan_vpc(random_vpc(rng))
        kernel.apply(plan_table(old, new))
        assert kernel.state() == Nft().apply(render_table(new)).state()
        assert plan_table(new, new) == []
        old = new


def judge(kernel: Nft, state: VpcState, packet: Packet) -> bool:
    """Whether the packet passes where it comes in, and then is forwarded."""
    sender = state.interfaces.get(packet.sender)
    receiver = next((one for one in state.interfaces.values() if _has(one, packet.destination)), None)
    fields = {
        "iifname": eni_link(sender.task_id) if sender else "up",
        "oifname": eni_link(receiver.task_id) if receiver else "up",
        "nfproto": "ipv4",
        "ether saddr": sender.mac if sender else "",
        "ip saddr": packet.source,
        "ip daddr": packet.destination,
        "l4proto": packet.protocol,
        "ct state": "established" if packet.is_known else "new",
        "ct mark": 0,
        "ct status": "dnat" if receiver and _is_public(state, packet.destination) and not sender else "",
    }
    if packet.protocol in (6, 17):
        fields["tcp dport" if packet.protocol == 6 else "udp dport"] = packet.port
    if packet.protocol == 1:
        fields["icmp type"], fields["icmp code"] = packet.icmp
    comes_in = kernel.judge(fields, "antispoof")[0] == "accept"
    return comes_in and kernel.judge(fields, "forward")[0] == "accept"


def _has(interface: object, address: str) -> bool:
    return address in {one.private_ip for one in getattr(interface, "addresses", ())}


def _is_public(state: VpcState, address: str) -> bool:
    pairs = (one for interface in state.interfaces.values() for one in interface.addresses)
    return bool(state.gateways) and any(one.public_ip and one.private_ip == address for one in pairs)
