"""Packets and what rules say of them, in words. Pure."""

import msgspec

from bastide.model.network import Traffic
from bastide.model.network.parts import ALL, ICMP, TCP, UDP, WITH_PORTS

NAMES = {ICMP: "ICMP", TCP: "TCP", UDP: "UDP"}


class Packets(msgspec.Struct, frozen=True):
    """Those of one kind between two addresses, as they are inside the VPC."""

    source: str
    destination: str
    protocol: int
    port: int = 0  # destination port of TCP and UDP
    icmp: tuple[int, int] = (8, 0)  # type and code: an echo request

    @property
    def has_ports(self) -> bool:
        """Whether `port` means anything."""
        return self.protocol in WITH_PORTS


def is_meant(traffic: Traffic, flow: Packets) -> bool:
    """Whether a rule of a group or an ACL that speaks of this traffic speaks of the flow."""
    if traffic.protocol not in (ALL, flow.protocol):
        return False
    if traffic.ports:
        return traffic.first <= flow.port <= traffic.last
    if traffic.icmp:
        kind, code = traffic.icmp
        return kind == flow.icmp[0] and code in (ALL, flow.icmp[1])
    return True


def describe_flow(flow: Packets) -> str:
    """`TCP 5432`."""
    name = NAMES.get(flow.protocol, f"protocol {flow.protocol}")
    return f"{name} {flow.port}" if flow.has_ports else name


def describe_traffic(traffic: Traffic) -> str:
    """`TCP 80-443`, `ICMP type 8`, `all traffic`."""
    if traffic.protocol == ALL:
        return "all traffic"
    name = NAMES.get(traffic.protocol, f"protocol {traffic.protocol}")
    if traffic.ports:
        first, last = traffic.ports
        return f"{name} {first}" if first == last else f"{name} {first}-{last}"
    if traffic.icmp:
        kind, code = traffic.icmp
        return f"{name} type {kind}" if code == ALL else f"{name} type {kind} code {code}"
    return f"all {name}"
