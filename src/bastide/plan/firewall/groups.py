"""Security groups: a set of each group's members, a chain of each group's rules, a map from link to groups.

Two interfaces with the same groups share their chains, so the rules grow with the groups and never with the
interfaces. What is not allowed by any group of the sender, and by any of the receiver, is dropped.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Network, collapse_addresses

from bastide.model.network import Interface, PrefixList, SecurityGroupRule, VpcState, eni_link
from bastide.plan.firewall.expressions import ACCEPT, DROP, equals, goto, ip, jump
from bastide.plan.firewall.table import Chain, Holder, Key, Rule, Value
from bastide.plan.firewall.traffic import matches_address, matches_traffic

ARRIVE = "arrive"  # what the sender's groups have let go
_DIGITS = 12
_RULES_KEPT = 1 << 16  # rendered ones: between two plans all but a few are the same


def plan_groups(state: VpcState) -> tuple[dict[str, Chain], dict[str, Holder]]:
    """The chains and sets of all groups of the VPC."""
    chains: dict[str, Chain] = {}
    rules, members = state.rules_by_group(), state.addresses_by_group()
    for group_id in state.groups:
        for is_egress in (False, True):
            made = tuple(_rules(state, rules.get((group_id, is_egress), ())))
            chains[_chain(group_id, is_egress=is_egress)] = Chain(made)
    for groups in dict.fromkeys(_known_groups(state, one) for one in state.interfaces.values()):
        for is_egress in (False, True):
            names = [_chain(group_id, is_egress=is_egress) for group_id in groups]
            chains[_union(groups, is_egress=is_egress)] = Chain((*((jump(name),) for name in names), (DROP,)))
    holders = {
        _members(group_id): Holder(key=("ipv4_addr",), elements=dict.fromkeys(members.get(group_id, ())))
        for group_id in state.groups
    }
    holders |= {_listed(one): _prefixes(one) for one in state.prefix_lists.values()}
    return chains, holders


def verdicts_of(state: VpcState, *, is_egress: bool) -> dict[Key, Value]:
    """By link of a task: the chain that judges what it sends (egress), or is sent."""
    return {
        eni_link(one.owner): ("goto", _union(_known_groups(state, one), is_egress=is_egress))
        for one in state.interfaces.values()
        if one.owner
    }


def _rules(state: VpcState, rules: Iterable[SecurityGroupRule]) -> Iterator[Rule]:
    for rule in rules:
        peers = "" if rule.cidr else _peers(state, rule)
        if peers is not None:
            yield _render(rule, peers)


def _peers(state: VpcState, rule: SecurityGroupRule) -> str | None:
    """The set of those the rule speaks of; None: they are not there, so it allows nothing."""
    if rule.peer_group_id in state.groups:
        return _members(rule.peer_group_id)
    listed = state.prefix_lists.get(rule.prefix_list_id)
    return _listed(listed) if listed and listed.cidrs else None


@lru_cache(_RULES_KEPT)
def _render(rule: SecurityGroupRule, peers: str) -> Rule:
    field, verdict = ("daddr", goto(ARRIVE)) if rule.is_egress else ("saddr", ACCEPT)
    peer = [equals(ip(field), f"@{peers}")] if peers else matches_address(field, rule.cidr)
    return (*peer, *matches_traffic(rule.traffic), verdict)


def _known_groups(state: VpcState, interface: Interface) -> tuple[str, ...]:
    return tuple(sorted(group_id for group_id in set(interface.group_ids) if group_id in state.groups))


def _prefixes(listed: PrefixList) -> Holder:
    blocks = collapse_addresses(IPv4Network(cidr) for cidr in listed.cidrs)
    return Holder(key=("ipv4_addr",), is_interval=True, elements={str(block): None for block in blocks})


def _chain(group_id: str, *, is_egress: bool) -> str:
    return f"{group_id}-{'out' if is_egress else 'in'}"


@lru_cache(_RULES_KEPT)
def _union(group_ids: tuple[str, ...], *, is_egress: bool) -> str:
    return f"groups-{_digest(group_ids)}-{'out' if is_egress else 'in'}"


def _members(group_id: str) -> str:
    return f"{group_id}-members"


def _listed(listed: PrefixList) -> str:
    """Named by what is in it: nft does not put one interval in another's place within a transaction."""
    return f"{listed.id}-{_digest(listed.cidrs)}"


def _digest(words: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:_DIGITS]
