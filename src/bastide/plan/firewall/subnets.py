"""What a packet meets at a subnet's border: network ACLs both ways, the subnet's route table on the way out.

Both are asked for every packet, of a known flow or not: an ACL is stateless, and a route that is gone
carries no reply either. Between two addresses of one subnet neither is asked. An ACL that lets everything
through, as a VPC's first one does, has no rules here. Pure.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

from bastide.model.network import (
    AclEntry,
    NatGateway,
    NetworkAcl,
    Route,
    RouteTable,
    RouteTarget,
    Subnet,
    Traffic,
    VpcState,
)
from bastide.model.network.kinds import EVERYWHERE
from bastide.plan.firewall.expressions import DROP, RETURN, equals, goto, ip, jump, prefix
from bastide.plan.firewall.nat import mark_of, nat_chain
from bastide.plan.firewall.table import Chain, Key, Rule, Value
from bastide.plan.firewall.traffic import matches_address, matches_traffic

UPLINK = "up"  # the router's end of the transit pair: everything that is not the VPC


def plan_subnets(state: VpcState) -> dict[str, Chain]:
    """The chains of subnets, ACLs, route tables and NAT gateways."""
    chains: dict[str, Chain] = {}
    for acl in state.acls.values():
        chains[_acl_chain(acl, "in")] = Chain(tuple(_judge("saddr", acl.ingress)))
        chains[_acl_chain(acl, "out")] = Chain(tuple(_judge("daddr", acl.egress)))
    for table in state.route_tables.values():
        chains[table.id] = Chain(tuple(_route(state, table)))
    for gateway in state.nat_gateways.values():
        chains |= _plan_nat(state, gateway)
    for subnet in state.subnets.values():
        for way, rules in (("in", _enter(state, subnet)), ("out", _leave(state, subnet))):
            if rules:
                chains[_border(subnet, way)] = Chain(rules)
        chains[_border(subnet, "away")] = Chain(_away(state, subnet))
    return chains


def borders_of(state: VpcState, way: str) -> dict[Key, Value]:
    """By CIDR: the chain of an ACL that stops anything of what comes out of the subnet, or goes in."""
    rules = _leave if way == "out" else _enter
    subnets = (subnet for subnet in state.subnets.values() if rules(state, subnet))
    return {subnet.cidr: ("jump", _border(subnet, way)) for subnet in subnets}


def ways_of(state: VpcState) -> dict[Key, Value]:
    """By CIDR: the chain of the subnet's ways out of the VPC."""
    return {subnet.cidr: ("goto", _border(subnet, "away")) for subnet in state.subnets.values()}


def routes_of(state: VpcState, table: RouteTable) -> list[Route]:
    """The ways out of the VPC, longest prefix first; one whose target is not there leads nowhere."""
    ways = [route for route in table.routes if route.target is not RouteTarget.LOCAL]
    ordered = sorted(ways, key=lambda route: (-IPv4Network(route.cidr).prefixlen, route.cidr))
    return [_as_it_stands(state, route) for route in ordered]


def _as_it_stands(state: VpcState, route: Route) -> Route:
    is_internet = route.target is RouteTarget.INTERNET_GATEWAY
    if route.target_id in (state.gateways if is_internet else state.nat_gateways):
        return route
    return Route(cidr=route.cidr, target=RouteTarget.NOWHERE, target_id=route.target_id)


def _judge(field: str, entries: tuple[AclEntry, ...]) -> Iterator[Rule]:
    for entry in sorted(entries, key=lambda entry: entry.number):
        verdict = RETURN if entry.allows else DROP
        yield (*matches_address(field, entry.cidr), *matches_traffic(entry.traffic), verdict)
    yield (DROP,)


def _enter(state: VpcState, subnet: Subnet) -> tuple[Rule, ...]:
    acl = state.acl_of(subnet.id)
    if acl is None or _is_open(acl.ingress):
        return ()
    return (equals(ip("saddr"), prefix(subnet.cidr)), RETURN), (jump(_acl_chain(acl, "in")),)


def _leave(state: VpcState, subnet: Subnet) -> tuple[Rule, ...]:
    acl = state.acl_of(subnet.id)
    if acl is None or _is_open(acl.egress):
        return ()
    return (equals(ip("daddr"), prefix(subnet.cidr)), RETURN), (jump(_acl_chain(acl, "out")),)


def _away(state: VpcState, subnet: Subnet) -> tuple[Rule, ...]:
    table = state.route_table_of(subnet.id)
    return ((goto(table.id) if table else DROP,),)


def _is_open(entries: Sequence[AclEntry]) -> bool:
    """Whether its first entry lets everything through."""
    first = min(entries, key=lambda entry: entry.number, default=None)
    return first is not None and first.allows and first.cidr == EVERYWHERE and first.traffic == Traffic()


def _route(state: VpcState, table: RouteTable) -> Iterator[Rule]:
    for route in routes_of(state, table):
        there = matches_address("daddr", route.cidr)
        if route.target is RouteTarget.INTERNET_GATEWAY:
            yield (*there, equals(ip("saddr"), "@public-sources"), RETURN)
        elif route.target is RouteTarget.NAT_GATEWAY:
            yield (*there, goto(nat_chain(route.target_id, "out")))
        yield (*there, DROP)
    yield (DROP,)


def _plan_nat(state: VpcState, gateway: NatGateway) -> dict[str, Chain]:
    """Through the gateway's own subnet: in at its border, and out again by its routes."""
    acl, table = state.acl_of(gateway.subnet_id), state.route_table_of(gateway.subnet_id)
    crossing: list[Rule] = [(jump(_acl_chain(acl, way)),) for way in ("in", "out")] if acl else []
    ways: list[Rule] = []
    for route in routes_of(state, table) if table else ():
        there = matches_address("daddr", route.cidr)
        leads_out = route.target is RouteTarget.INTERNET_GATEWAY
        ways.append((*there, mark_of(gateway.id), RETURN) if leads_out else (*there, DROP))
    return {
        nat_chain(gateway.id, "out"): Chain((*crossing, *ways, (DROP,))),
        nat_chain(gateway.id, "back"): Chain(tuple(crossing)),
    }


def _acl_chain(acl: NetworkAcl, way: str) -> str:
    return f"{acl.id}-{way}"


def _border(subnet: Subnet, way: str) -> str:
    return f"{subnet.id}-{way}"
