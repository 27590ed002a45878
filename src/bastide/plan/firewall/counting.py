"""Counting flows for flow logs: each packet that is to be forwarded before it is judged, and again after.

Two sets of either kind, filled by the kernel: the router's rules stay as they are. There only where a flow
log wants it. Pure.
"""

from bastide.model.network import VpcState
from bastide.model.network.flows import PASSED, PORTLESS, SEEN
from bastide.plan.firewall.expressions import RETURN, Expression, equals, ip, meta, payload
from bastide.plan.firewall.table import Chain, Holder, Hook, Rule

BEFORE, AFTER = -1, 1  # around the filter's 0: what it drops does not come to the second
KEPT_S = 150  # beyond the longest time between two readings
FLOWS_MAX = 65536  # of a set; more are let pass uncounted
_KEY: tuple[Expression, ...] = (ip("saddr"), ip("daddr"), meta("l4proto"))
_PORTS: tuple[Expression, ...] = (payload("th", "sport"), payload("th", "dport"))
_WITH_PORTS = equals(meta("l4proto"), {"set": ["tcp", "udp"]})
_TYPES = ("ipv4_addr", "ipv4_addr", "inet_proto")


def plan_counting(state: VpcState) -> tuple[dict[str, Chain], dict[str, Holder]]:
    """Chains and sets; none where nobody wants to know."""
    if not state.flow_logs:
        return {}, {}
    chains = {name: Chain(_rules(name), Hook("filter", "forward", at, "accept")) for name, at in _POINTS}
    holders = {}
    for name, _ in _POINTS:
        holders[name] = _holder((*_TYPES, "inet_service", "inet_service"))
        holders[name + PORTLESS] = _holder(_TYPES)
    return chains, holders


_POINTS = ((SEEN, BEFORE), (PASSED, AFTER))


def _rules(name: str) -> tuple[Rule, ...]:
    return (
        (_WITH_PORTS, _count((*_KEY, *_PORTS), name), RETURN),
        (_count(_KEY, name + PORTLESS),),
    )


def _count(key: tuple[Expression, ...], name: str) -> Expression:
    counted = {"op": "update", "elem": {"concat": list(key)}, "set": f"@{name}", "stmt": [{"counter": None}]}
    return {"set": counted}


def _holder(types: tuple[str, ...]) -> Holder:
    return Holder(key=types, forgets_after_s=KEPT_S, size=FLOWS_MAX)
