"""Which known flows end with a change of the network.

A security group tracks what it allowed, and such a flow goes on when its rule is gone. Not tracked, and so
cut at once, is TCP and UDP that a rule for 0.0.0.0/0 allows where the other direction is open to everywhere,
all ports (EC2 user guide, "Security group connection tracking"). With an interface all its flows end, so that
whoever gets its address next hears nothing of them. Pure.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from bastide.model.network import Flow, Interface, SecurityGroupRule, Traffic, VpcState
from bastide.model.network.kinds import EVERYWHERE
from bastide.model.network.parts import ALL, WITH_PORTS


def may_cut(old: VpcState, new: VpcState) -> bool:
    """Whether any flow could end by the change: else none need be looked at."""
    gone = old.interfaces.keys() - new.interfaces.keys()
    regrouped = any(
        one.group_ids != new.interfaces[one.id].group_ids or one.addresses != new.interfaces[one.id].addresses
        for one in old.interfaces.values()
        if one.id in new.interfaces
    )
    open_rules = [rule for rule in old.rules.values() if rule.cidr == EVERYWHERE]
    return bool(gone) or regrouped or any(new.rules.get(rule.id) != rule for rule in open_rules)


def plan_cuts(old: VpcState, new: VpcState, flows: Iterable[Flow]) -> list[Flow]:
    """The flows that end."""
    before, after = _owners(old), _owners(new)
    return [
        flow
        for flow in flows
        if _ends(old, new, before.get(flow.destination), after.get(flow.destination), flow, is_egress=False)
        or _ends(old, new, before.get(flow.source), after.get(flow.source), flow, is_egress=True)
    ]


def _ends(
    old: VpcState,
    new: VpcState,
    before: Interface | None,
    after: Interface | None,
    flow: Flow,
    *,
    is_egress: bool,
) -> bool:
    """Whether it ends at one of its ends, which may lie outside."""
    if before is None:
        return False
    if after is None or after.id != before.id:
        return True
    if any(_allows(new, rule, flow) for rule in _rules(new, after, is_egress=is_egress)):
        return False
    return any(
        _allows(old, rule, flow) and rule.cidr == EVERYWHERE
        for rule in _rules(old, before, is_egress=is_egress)
    ) and _is_open(old, before, flow, is_egress=not is_egress)


def _is_open(state: VpcState, interface: Interface, flow: Flow, *, is_egress: bool) -> bool:
    return flow.protocol in WITH_PORTS and any(
        rule.cidr == EVERYWHERE and rule.traffic.protocol in (ALL, flow.protocol) and not rule.traffic.ports
        for rule in _rules(state, interface, is_egress=is_egress)
    )


def _rules(state: VpcState, interface: Interface, *, is_egress: bool) -> list[SecurityGroupRule]:
    groups = set(interface.group_ids)
    return [one for one in state.rules.values() if one.group_id in groups and one.is_egress is is_egress]


def _allows(state: VpcState, rule: SecurityGroupRule, flow: Flow) -> bool:
    peer = flow.destination if rule.is_egress else flow.source
    return _is_of(rule.traffic, flow) and _is_peer(state, rule, peer)


def _is_of(traffic: Traffic, flow: Flow) -> bool:
    """ICMP's type is not known of a flow: such a rule is taken to fit, and the flow goes on."""
    if traffic.protocol not in (ALL, flow.protocol):
        return False
    return traffic.ports is None or traffic.ports[0] <= flow.port <= traffic.ports[1]


def _is_peer(state: VpcState, rule: SecurityGroupRule, peer: str) -> bool:
    if rule.cidr:
        return IPv4Address(peer) in IPv4Network(rule.cidr)
    if rule.peer_group_id:
        members = state.members_of(rule.peer_group_id)
        return any(peer == address.private_ip for one in members for address in one.addresses)
    listed = state.prefix_lists.get(rule.prefix_list_id)
    return listed is not None and any(IPv4Address(peer) in IPv4Network(cidr) for cidr in listed.cidrs)


def _owners(state: VpcState) -> dict[str, Interface]:
    return {address.private_ip: one for one in state.interfaces.values() for address in one.addresses}
