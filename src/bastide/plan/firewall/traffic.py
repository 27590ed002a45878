"""Which packets a rule of a security group or a network ACL speaks of, as nft matches."""

from typing import Any

from bastide.model.network import Traffic
from bastide.model.network.kinds import EVERYWHERE
from bastide.model.network.parts import ALL, TCP
from bastide.plan.firewall.expressions import Expression, equals, ip, meta, payload, prefix


def matches_traffic(traffic: Traffic) -> list[Expression]:
    """Protocol, and ports or ICMP type and code where they matter."""
    if traffic.protocol == ALL:
        return []
    if traffic.ports:
        return [equals(payload("tcp" if traffic.protocol == TCP else "udp", "dport"), _span(*traffic.ports))]
    if traffic.icmp:
        kind, code = traffic.icmp
        coded = [] if code == ALL else [equals(payload("icmp", "code"), code)]
        return [equals(payload("icmp", "type"), kind), *coded]
    return [equals(meta("l4proto"), traffic.protocol)]


def matches_address(field: str, cidr: str) -> list[Expression]:
    """Source (`saddr`) or destination (`daddr`) in the CIDR."""
    return [] if cidr == EVERYWHERE else [equals(ip(field), prefix(cidr))]


def _span(first: int, last: int) -> Any:
    return first if first == last else {"range": [first, last]}
