"""Address translation: public addresses one to one, NAT gateways many to one.

A flow through a NAT gateway carries the gateway's number as connection mark, from its first packet on.
"""

from bastide.model.network import Interface, VpcState
from bastide.plan.firewall.expressions import Expression, ct
from bastide.plan.firewall.table import Holder, Key, Value

FIRST_PORT, LAST_PORT = 1024, 65535  # VPC guide, "NAT gateway basics"
_NUMBER_DIGITS = 7  # of the id: below a mark's 32 bits


def plan_translation(state: VpcState) -> dict[str, Holder]:
    """The maps of addresses."""
    pairs = _pairs(state)
    numbers: dict[Key, Value] = {number_of(one.id): one.public_ip for one in state.nat_gateways.values()}
    back: dict[Key, Value] = {
        number_of(one.id): ("jump", nat_chain(one.id, "back")) for one in state.nat_gateways.values()
    }
    to_public: dict[Key, Value] = dict(pairs)
    to_private: dict[Key, Value] = {public_ip: private_ip for private_ip, public_ip in pairs}
    return {
        "public-sources": Holder(key=("ipv4_addr",), elements=dict.fromkeys(to_public)),
        "public-to-private": Holder(key=("ipv4_addr",), value="ipv4_addr", elements=to_private),
        "private-to-public": Holder(key=("ipv4_addr",), value="ipv4_addr", elements=to_public),
        "nat-addresses": Holder(key=("mark",), value="ipv4_addr", elements=numbers),
        "nat-back": Holder(key=("mark",), value="verdict", elements=back),
    }


def public_addresses_of(state: VpcState) -> list[str]:
    """Every address by which the outside may speak to the VPC, or hears of it."""
    return sorted({*dict(_pairs(state)).values(), *(one.public_ip for one in state.nat_gateways.values())})


def number_of(gateway_id: str) -> str:
    """The gateway's mark, never 0."""
    return str(int(gateway_id[-_NUMBER_DIGITS:], 16) + 1)


def mark_of(gateway_id: str) -> Expression:
    """Let the flow be the gateway's."""
    return {"mangle": {"key": ct("mark"), "value": int(number_of(gateway_id))}}


def nat_chain(gateway_id: str, way: str) -> str:
    """Through the gateway on the way out, or back."""
    return f"{gateway_id}-{way}"


def _pairs(state: VpcState) -> list[tuple[str, str]]:
    """Private and public address; none without an internet gateway."""
    if not state.gateways:
        return []
    return [pair for one in state.interfaces.values() for pair in _pairs_of(one)]


def _pairs_of(interface: Interface) -> list[tuple[str, str]]:
    return [(one.private_ip, one.public_ip) for one in interface.addresses if one.public_ip]
