"""The whole table of a VPC's router, as a value made from the VPC's parts.

A packet that is forwarded meets, in this order: the anti-spoof set, its subnet's routes where it leaves the
VPC, the ACLs of the subnets, the verdict of a known flow, the sender's groups, the receiver's groups. What
these do not let through is dropped. Every rule costs every packet: none is there that the VPC does not need.
Pure.
"""

from bastide.model.network import VpcState, eni_link
from bastide.model.network.flows import VPC_TABLE
from bastide.plan.firewall import look_ups, task_endpoint
from bastide.plan.firewall.counting import plan_counting
from bastide.plan.firewall.expressions import (
    ACCEPT,
    DROP,
    LINK_LOCAL,
    REJECT,
    VERDICT_BY_STATE,
    contains,
    ct,
    equals,
    goto,
    ip,
    jump,
    look_up,
    meta,
    payload,
    prefix,
)
from bastide.plan.firewall.groups import ARRIVE, plan_groups, verdicts_of
from bastide.plan.firewall.nat import FIRST_PORT, LAST_PORT, plan_translation
from bastide.plan.firewall.subnets import UPLINK, borders_of, plan_subnets, ways_of
from bastide.plan.firewall.table import (
    DESTINATION_NAT,
    FILTER,
    RAW,
    SOURCE_NAT,
    Chain,
    Holder,
    Hook,
    Key,
    Rule,
    Table,
    Value,
)

_INCOMING, _OUTGOING = equals(meta("iifname"), UPLINK), equals(meta("oifname"), UPLINK)


def plan_vpc(state: VpcState) -> Table:
    """The router's table."""
    group_chains, group_sets = plan_groups(state)
    counting_chains, counting_sets = plan_counting(state)
    egress = verdicts_of(state, is_egress=True) | {UPLINK: ("goto", "from-internet")}
    ingress = verdicts_of(state, is_egress=False) | {UPLINK: ("accept", "")}
    return Table(
        name=VPC_TABLE,
        chains={**_hooks(state), **plan_subnets(state), **group_chains, **counting_chains},
        holders={
            "sources": Holder(key=("ifname", "ether_addr", "ipv4_addr"), elements=_sources(state)),
            "ways": _by_subnet(ways_of(state)),
            "borders-out": _by_subnet(borders_of(state, "out")),
            "borders-in": _by_subnet(borders_of(state, "in")),
            "egress": Holder(key=("ifname",), value="verdict", elements=egress),
            "ingress": Holder(key=("ifname",), value="verdict", elements=ingress),
            look_ups.LOOK_UPS: look_ups.COUNTED,
            task_endpoint.CALLS: task_endpoint.COUNTED,
            **plan_translation(state),
            **group_sets,
            **counting_sets,
        },
    )


def _by_subnet(verdicts: dict[Key, Value]) -> Holder:
    return Holder(key=("ipv4_addr",), value="verdict", is_interval=True, elements=verdicts)


def _sources(state: VpcState) -> dict[Key, Value]:
    """Link, MAC and address of every task's interface."""
    return {
        (eni_link(one.owner), one.mac, address.private_ip): None
        for one in state.interfaces.values()
        if one.owner
        for address in one.addresses
    }


def _hooks(state: VpcState) -> dict[str, Chain]:
    return {
        "antispoof": Chain(_antispoof(state), Hook("filter", "prerouting", RAW, "drop")),
        "dnat": Chain(_DNAT, Hook("nat", "prerouting", DESTINATION_NAT, "accept")),
        "snat": Chain(_SNAT, Hook("nat", "postrouting", SOURCE_NAT, "accept")),
        "input": Chain(
            (*look_ups.INPUT, *look_ups.API_CALLS, *task_endpoint.INPUT),
            Hook("filter", "input", FILTER, "drop"),
        ),
        "forward": Chain(_forward(state), Hook("filter", "forward", FILTER, "drop")),
        _LEAVE: Chain(_LEAVING),
        "from-internet": Chain(_FROM_INTERNET),
        ARRIVE: Chain(((look_up(meta("oifname"), "ingress"),), (DROP,))),
    }


def _antispoof(state: VpcState) -> tuple[Rule, ...]:
    """An interface's frames carry its own MAC and address; nobody outside claims an inner address.

    Without an internet gateway nothing comes from outside, be it a known flow's.
    """
    sender = {"concat": [meta("iifname"), payload("ether", "saddr"), ip("saddr")]}
    claims = [(_INCOMING, equals(ip("saddr"), prefix(cidr)), DROP) for cidr in state.vpc.cidrs]
    outside = [(_INCOMING, equals(meta("nfproto"), "ipv4"), ACCEPT)] if state.gateways else []
    return (
        (equals(sender, "@sources"), ACCEPT),
        (equals(meta("iifname"), "lo"), ACCEPT),
        *claims,
        *outside,
    )


_TO_PRIVATE = {"map": {"key": ip("daddr"), "data": "@public-to-private"}}
_TO_PUBLIC = {"map": {"key": ip("saddr"), "data": "@private-to-public"}}
_TO_GATEWAY = {"map": {"key": ct("mark"), "data": "@nat-addresses"}}
_DNAT: tuple[Rule, ...] = ((_INCOMING, {"dnat": {"family": "ip", "addr": _TO_PRIVATE}}),)
_SNAT: tuple[Rule, ...] = (
    (
        _OUTGOING,
        equals(meta("l4proto"), {"set": ["tcp", "udp"]}),
        {"snat": {"family": "ip", "addr": _TO_GATEWAY, "port": {"range": [FIRST_PORT, LAST_PORT]}}},
    ),
    (_OUTGOING, {"snat": {"family": "ip", "addr": _TO_GATEWAY}}),
    (_OUTGOING, {"snat": {"family": "ip", "addr": _TO_PUBLIC}}),
)
_LEAVE = "leave"
_LEAVING: tuple[Rule, ...] = (
    # Refused and not dropped: an SDK that looks for instance metadata gives up at once.
    (equals(ip("daddr"), LINK_LOCAL), REJECT),
    # The task announces segments of its own MTU; the internet's side is narrower.
    (
        contains(payload("tcp", "flags"), "syn"),
        {
            "mangle": {
                "key": {"tcp option": {"name": "maxseg", "field": "size"}},
                "value": {"rt": {"key": "mtu"}},
            }
        },
    ),
    (look_up(ip("saddr"), "ways"),),
    (DROP,),
)


def _forward(state: VpcState) -> tuple[Rule, ...]:
    """Where the ACLs are open, a packet of a known flow inside the VPC meets two rules."""
    goes_out, comes_in = ((look_up(ip(f), f"borders-{w}"),) for f, w in (("saddr", "out"), ("daddr", "in")))
    comes_back = (_INCOMING, look_up(ct("mark"), "nat-back"))
    return (
        (_OUTGOING, jump(_LEAVE)),
        *([goes_out] if borders_of(state, "out") else []),
        *([comes_back] if state.nat_gateways else []),
        *([comes_in] if borders_of(state, "in") else []),
        (VERDICT_BY_STATE,),
        (look_up(meta("iifname"), "egress"),),
    )


_FROM_INTERNET: tuple[Rule, ...] = (
    (contains(ct("status"), "dnat"), goto(ARRIVE)),
    (DROP,),
)
