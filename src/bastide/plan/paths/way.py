"""What one packet meets on its way through a VPC, in words: which rule lets it pass, or stops it.

Asks the same parts as the rules of `vpc` do, in the order in which AWS tells of them: the sender's groups,
the borders of the subnets (ACLs, routes), the receiver's groups; of an answer the borders alone. Pure.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import msgspec

from bastide.model.network import (
    AclEntry,
    Interface,
    NatGateway,
    NetworkAcl,
    Route,
    RouteTarget,
    SecurityGroupRule,
    VpcState,
)
from bastide.plan.firewall.subnets import routes_of
from bastide.plan.paths.words import Packets, describe_flow, describe_traffic, is_meant

EPHEMERAL_PORTS = (32768, 60999)  # from which Linux calls, and to which answers go


class Step(msgspec.Struct, frozen=True):
    """Something that was asked, and whether it lets the packet pass."""

    passes: bool
    text: str
    is_sent: bool = False  # asked where the packet is sent, and not where it arrives


def explain(state: VpcState, flow: Packets) -> list[Step]:
    """The way of a flow's first packet, up to what stops it."""
    return _until_stopped(_way(state, flow))


def explain_answer(state: VpcState, flow: Packets) -> list[Step]:
    """The way of an answer to it, which groups let pass and borders do not know.

    For TCP and UDP every port that the answer may go to is tried; the steps are those of one that fails.
    """
    steps: list[Step] = []
    for port in _ports_to_try(state, flow):
        back = Packets(flow.destination, flow.source, flow.protocol, port=port, icmp=(0, 0))
        steps = _until_stopped(_way_back(state, flow, back))
        if not steps[-1].passes:
            break
    return steps


def owner_of(state: VpcState, address: str) -> Interface | None:
    """The interface that has the private address."""
    owners = state.interfaces.values()
    return next((one for one in owners if address in {a.private_ip for a in one.addresses}), None)


def _until_stopped(steps: Iterator[Step]) -> list[Step]:
    gone: list[Step] = []
    for step in steps:
        gone.append(step)
        if not step.passes:
            break
    return gone


def _way(state: VpcState, flow: Packets) -> Iterator[Step]:
    sender, receiver = owner_of(state, flow.source), owner_of(state, flow.destination)
    if sender is None and receiver is not None:
        yield from _arrive(state, receiver, flow)
    if sender is not None:
        yield _grant(state, sender, flow, flow.destination, is_egress=True)
    yield from _cross(state, flow, sender, receiver)
    if receiver is not None:
        yield _grant(state, receiver, flow, flow.source, is_egress=False)


def _way_back(state: VpcState, flow: Packets, back: Packets) -> Iterator[Step]:
    sender, receiver = owner_of(state, back.source), owner_of(state, back.destination)
    gateway = _gateway_of(state, receiver, flow) if sender is None and receiver is not None else None
    if gateway is not None:
        yield _pass_acl(state, gateway.subnet_id, back, is_egress=False)
        yield _pass_acl(state, gateway.subnet_id, back, is_egress=True)
    yield from _cross(state, back, sender, receiver)
    yield Step(True, "security groups let the answer to a flow pass that they let begin")


def _arrive(state: VpcState, receiver: Interface, flow: Packets) -> Iterator[Step]:
    gateway = next(iter(state.gateways), None)
    if gateway is None:
        yield Step(False, f"{state.vpc.id} has no internet gateway: nothing comes in from outside")
    public_ip = _public_ip_of(receiver)
    if public_ip is None:
        yield Step(False, f"{receiver.id} has no public address: nobody outside can speak to it")
    yield Step(True, f"internet gateway {gateway}: {public_ip} is {flow.destination} of {receiver.id}")


def _cross(
    state: VpcState, flow: Packets, sender: Interface | None, receiver: Interface | None
) -> Iterator[Step]:
    if sender and receiver and sender.subnet_id == receiver.subnet_id:
        yield Step(True, f"both are in {sender.subnet_id}: within a subnet no network ACL is asked")
        return
    if sender is not None:
        yield _pass_acl(state, sender.subnet_id, flow, is_egress=True)
        if receiver is None:
            yield from _leave(state, sender, flow)
    if receiver is not None:
        yield _pass_acl(state, receiver.subnet_id, flow, is_egress=False)


def _pass_acl(state: VpcState, subnet_id: str, flow: Packets, *, is_egress: bool) -> Step:
    acl = state.acl_of(subnet_id)
    way = "out" if is_egress else "in"
    if acl is None:
        return Step(True, f"{subnet_id} has no network ACL", is_egress)
    at = f"network ACL {acl.id} of {subnet_id}, {way}"
    entry = _entry_of(acl, flow, is_egress=is_egress)
    if entry is None:
        return Step(
            False, f"{at}: no entry speaks of {describe_flow(flow)}, so the last one (*) denies it", is_egress
        )
    verb = "allows" if entry.allows else "denies"
    peer = f"{'to' if is_egress else 'from'} {entry.cidr}"
    return Step(
        entry.allows, f"{at}: entry {entry.number} {verb} {describe_traffic(entry.traffic)} {peer}", is_egress
    )


def _entry_of(acl: NetworkAcl, flow: Packets, *, is_egress: bool) -> AclEntry | None:
    """The one that decides."""
    peer = flow.destination if is_egress else flow.source
    entries = sorted(acl.egress if is_egress else acl.ingress, key=lambda entry: entry.number)
    return next(
        (one for one in entries if _is_in(peer, one.cidr) and is_meant(one.traffic, flow)),
        None,
    )


def _leave(state: VpcState, sender: Interface, flow: Packets) -> Iterator[Step]:
    """By the subnet's route table, and through a NAT gateway by that of its subnet too."""
    route, at = _route_of(state, sender.subnet_id, flow.destination)
    if route is None:
        yield Step(False, f"{at}: no route to {flow.destination}")
    elif route.target is RouteTarget.INTERNET_GATEWAY:
        yield Step(True, f"{at}: {route.cidr} leads to the internet gateway {route.target_id}")
        public_ip = _public_ip_of(sender)
        if public_ip is None:
            yield Step(False, f"{sender.id} has no public address, so no answer would find it")
        yield Step(True, f"internet gateway {route.target_id}: it goes out as {public_ip}")
    elif route.target is RouteTarget.NAT_GATEWAY:
        gateway = state.nat_gateways[route.target_id]
        yield Step(True, f"{at}: {route.cidr} leads to the NAT gateway {gateway.id}")
        yield _pass_acl(state, gateway.subnet_id, flow, is_egress=False)
        yield _pass_acl(state, gateway.subnet_id, flow, is_egress=True)
        yield _leave_gateway(state, gateway, flow)
    else:
        yield Step(False, f"{at}: {route.cidr} leads nowhere (blackhole)")


def _leave_gateway(state: VpcState, gateway: NatGateway, flow: Packets) -> Step:
    route, at = _route_of(state, gateway.subnet_id, flow.destination)
    if route is None or route.target is not RouteTarget.INTERNET_GATEWAY:
        return Step(False, f"{at}: from the NAT gateway's own subnet no route leads to an internet gateway")
    return Step(True, f"{at}: {route.cidr} leads to {route.target_id}; it goes out as {gateway.public_ip}")


def _route_of(state: VpcState, subnet_id: str, destination: str) -> tuple[Route | None, str]:
    table = state.route_table_of(subnet_id)
    if table is None:
        return None, f"{subnet_id} has no route table"
    routes = routes_of(state, table)
    found = next((route for route in routes if _is_in(destination, route.cidr)), None)
    return found, f"route table {table.id} of {subnet_id}"


def _gateway_of(state: VpcState, sender: Interface, flow: Packets) -> NatGateway | None:
    route, _ = _route_of(state, sender.subnet_id, flow.destination)
    is_nat = route is not None and route.target is RouteTarget.NAT_GATEWAY
    return state.nat_gateways[route.target_id] if route and is_nat else None


def _grant(state: VpcState, of: Interface, flow: Packets, peer: str, *, is_egress: bool) -> Step:
    way, toward = ("out", "to") if is_egress else ("in", "from")
    for group_id in sorted(set(of.group_ids)):
        for rule in state.rules_of(group_id, is_egress=is_egress):
            named = _name_peer(state, rule, peer)
            if named and is_meant(rule.traffic, flow):
                said = f"{rule.id} allows {describe_traffic(rule.traffic)} {toward} {named}"
                return Step(True, f"security group {group_id} of {of.id}, {way}: {said}", is_egress)
    groups = ", ".join(sorted(set(of.group_ids))) or "none"
    what = f"{describe_flow(flow)} {toward} {peer}"
    return Step(False, f"security groups of {of.id} ({groups}), {way}: no rule allows {what}", is_egress)


def _name_peer(state: VpcState, rule: SecurityGroupRule, peer: str) -> str:
    """Whom the rule speaks of, if that is the peer; else nothing."""
    if rule.cidr:
        return rule.cidr if _is_in(peer, rule.cidr) else ""
    if rule.peer_group_id:
        owner = owner_of(state, peer)
        is_member = owner is not None and rule.peer_group_id in owner.group_ids
        return f"members of {rule.peer_group_id}" if is_member and rule.peer_group_id in state.groups else ""
    listed = state.prefix_lists.get(rule.prefix_list_id)
    is_listed = listed is not None and any(_is_in(peer, cidr) for cidr in listed.cidrs)
    return f"the prefix list {rule.prefix_list_id}" if is_listed else ""


def _ports_to_try(state: VpcState, flow: Packets) -> list[int]:
    """One of each stretch of ports that some ACL's entry might treat unlike its neighbours."""
    if not flow.has_ports:
        return [0]
    first, last = EPHEMERAL_PORTS
    entries = [one for acl in state.acls.values() for one in (*acl.ingress, *acl.egress)]
    edges = {
        edge for one in entries if one.traffic.ports for edge in (one.traffic.first, one.traffic.last + 1)
    }
    return sorted({first, *(edge for edge in edges if first < edge <= last)})


def _public_ip_of(interface: Interface) -> str | None:
    return next((one.public_ip for one in interface.addresses if one.public_ip), None)


def _is_in(address: str, cidr: str) -> bool:
    return IPv4Address(address) in IPv4Network(cidr)
