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
    before, after = _Seen(old), _Seen(new)
    return [
        flow
        for flow in flows
        if _ends(before, after, flow.destination, flow, is_egress=False)
        or _ends(before, after, flow.source, flow, is_egress=True)
    ]


class _Seen:
    """A VPC as flows are asked about: rules by group, interfaces by address, members' addresses by group."""

    def __init__(self, state: VpcState) -> None:
        self.state = state
        self.owners = {
            address.private_ip: one for one in state.interfaces.values() for address in one.addresses
        }
        self._rules = state.rules_by_group()
        self._members = {key: set(held) for key, held in state.addresses_by_group().items()}

    def rules_of(self, interface: Interface, *, is_egress: bool) -> list[SecurityGroupRule]:
        """Of all its groups."""
        groups = dict.fromkeys(interface.group_ids)
        return [rule for group_id in groups for rule in self._rules.get((group_id, is_egress), ())]

    def is_peer(self, rule: SecurityGroupRule, peer: str) -> bool:
        """Whether the rule speaks of whoever has this address."""
        if rule.cidr:
            return IPv4Address(peer) in IPv4Network(rule.cidr)
        if rule.peer_group_id:
            return peer in self._members.get(rule.peer_group_id, ())
        listed = self.state.prefix_lists.get(rule.prefix_list_id)
        return listed is not None and any(IPv4Address(peer) in IPv4Network(cidr) for cidr in listed.cidrs)


def _ends(old: _Seen, new: _Seen, address: str, flow: Flow, *, is_egress: bool) -> bool:
    """Whether it ends at the end that has this address, which may lie outside."""
    before, after = old.owners.get(address), new.owners.get(address)
    if before is None:
        return False
    if after is None or after.id != before.id:
        return True
    if any(_allows(new, rule, flow) for rule in new.rules_of(after, is_egress=is_egress)):
        return False
    return any(
        _allows(old, rule, flow) and rule.cidr == EVERYWHERE
        for rule in old.rules_of(before, is_egress=is_egress)
    ) and _is_open(old, before, flow, is_egress=not is_egress)


def _is_open(seen: _Seen, interface: Interface, flow: Flow, *, is_egress: bool) -> bool:
    return flow.protocol in WITH_PORTS and any(
        rule.cidr == EVERYWHERE and rule.traffic.protocol in (ALL, flow.protocol) and not rule.traffic.ports
        for rule in seen.rules_of(interface, is_egress=is_egress)
    )


def _allows(seen: _Seen, rule: SecurityGroupRule, flow: Flow) -> bool:
    peer = flow.destination if rule.is_egress else flow.source
    return _is_of(rule.traffic, flow) and seen.is_peer(rule, peer)


def _is_of(traffic: Traffic, flow: Flow) -> bool:
    """ICMP's type is not known of a flow: such a rule is taken to fit, and the flow goes on."""
    if traffic.protocol not in (ALL, flow.protocol):
        return False
    return traffic.ports is None or traffic.ports[0] <= flow.port <= traffic.ports[1]
