"""Random VPCs and packets, small and crowded so that rules meet, and AWS's verdict on them.

`allows` is written from AWS's guides (VPC user guide: "Security group rules", "Network ACLs", "Route tables",
"NAT gateway basics"), as plainly as they are, and knows nothing of how the rules are made.
"""

import random
from ipaddress import IPv4Address, IPv4Network

import msgspec

from bastide.model.network import (
    AclEntry,
    Address,
    AnyPart,
    Interface,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    PrefixList,
    Route,
    RouteTable,
    RouteTarget,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Traffic,
    Vpc,
    VpcState,
    assemble_vpcs,
    mac_of,
)

VPC_ID, IGW_ID, NAT_ID, LIST_ID = "vpc-1", "igw-1", "nat-00000000000000abc", "pl-1"
OTHER = 253  # a protocol without ports that no kernel treats in its own way
CIDR = "10.0.0.0/16"
OUTSIDE = ("203.0.113.7", "198.51.100.9")
PORTS = (22, 80, 443, 5432, 40000)
CIDRS = ("0.0.0.0/0", CIDR, "10.0.0.0/24", "10.0.1.0/24", "10.0.0.4/32", "203.0.113.0/24", "198.51.100.9/32")
TRAFFIC = (
    Traffic(),
    Traffic(protocol=6),
    Traffic(protocol=6, first=0, last=65535),
    *(Traffic(protocol=number, first=port, last=port) for number in (6, 17) for port in PORTS),
    Traffic(protocol=6, first=80, last=443),
    Traffic(protocol=17, first=1024, last=65535),
    Traffic(protocol=6, first=1024, last=65535),
    Traffic(protocol=1, first=8, last=-1),
    Traffic(protocol=1, first=3, last=4),
    Traffic(protocol=1),
    Traffic(protocol=OTHER),
)


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """One packet, as it is inside the VPC."""

    sender: str  # interface's id; empty: it comes from outside
    source: str
    destination: str
    protocol: int
    port: int = 0  # TCP and UDP: destination port
    icmp: tuple[int, int] = (0, 0)
    is_known: bool = False  # of a flow that was let through


def random_vpc(rng: random.Random) -> VpcState:
    """A VPC with everything in it."""
    subnets = [
        Subnet(id=f"subnet-{n}", vpc_id=VPC_ID, cidr=f"10.0.{n}.0/24") for n in range(rng.choice((2, 3)))
    ]
    groups = [SecurityGroup(id=f"sg-{n}", vpc_id=VPC_ID) for n in range(rng.choice((1, 2, 3)))]
    parts: list[AnyPart] = [Vpc(id=VPC_ID, cidrs=(CIDR,)), *subnets, *groups]
    parts.append(PrefixList(id=LIST_ID, cidrs=tuple(rng.sample(CIDRS[1:], 3))))
    if rng.random() < 0.9:
        parts.append(InternetGateway(id=IGW_ID, vpc_id=VPC_ID))
    if rng.random() < 0.6:
        where = rng.choice(subnets).id
        parts.append(NatGateway(id=NAT_ID, vpc_id=VPC_ID, subnet_id=where, public_ip="198.18.0.200"))
    parts += _interfaces(rng, subnets, groups)
    parts += [_rule(rng, number, groups) for number in range(rng.randrange(4, 16))]
    halves = _halves(rng, subnets)
    for number, ids in enumerate(halves):
        parts.append(_acl(rng, number, ids))
        parts.append(_route_table(rng, number, ids))
    return assemble_vpcs(parts)[VPC_ID]


def random_packet(rng: random.Random, state: VpcState) -> Packet:
    """From a task or the outside to a task or the outside, once in a while in another's name."""
    tasks = [one for one in state.interfaces.values() if one.task_id]
    sender = rng.choice([*tasks, *tasks, None])
    others = [one for one in tasks if one is not sender]
    goals = [one.addresses[0].private_ip for one in others]
    outside = rng.choice(OUTSIDE)
    destination = rng.choice([*goals, outside]) if sender else rng.choice([_a_public_one(state) or goals[0]])
    source = sender.addresses[0].private_ip if sender else outside
    if rng.random() < 0.05:
        source = rng.choice([*goals, "10.0.9.9"])
    return Packet(
        sender=sender.id if sender else "",
        source=source,
        destination=destination,
        protocol=rng.choice((6, 6, 6, 17, 1, OTHER)),
        port=rng.choice((*PORTS, 8080)),
        icmp=rng.choice(((8, 0), (3, 4), (3, 1))),
        is_known=rng.random() < 0.2,
    )


def allows(state: VpcState, packet: Packet) -> bool:
    """What AWS does with it."""
    sender = state.interfaces.get(packet.sender)
    if sender is None:
        if IPv4Address(packet.source) in IPv4Network(CIDR) or not state.gateways:
            return False
    elif packet.source not in {one.private_ip for one in sender.addresses}:
        return False
    receiver = _owner(state, packet.destination)
    if not _crosses(state, packet, sender, receiver):
        return False
    if packet.is_known:
        return True
    is_sent = sender is None or _grants(state, sender, packet, packet.destination, is_egress=True)
    if sender is None and receiver and not receiver.addresses[0].public_ip:
        return False
    return is_sent and (receiver is None or _grants(state, receiver, packet, packet.source, is_egress=False))


def _crosses(state: VpcState, packet: Packet, sender: Interface | None, receiver: Interface | None) -> bool:
    """ACLs at each border, and outside the VPC the route table."""
    if sender and receiver and sender.subnet_id == receiver.subnet_id:
        return True
    if sender and not _passes(state, sender.subnet_id, packet, is_egress=True):
        return False
    if sender and not receiver and not _leads_out(state, sender, packet):
        return False
    return receiver is None or _passes(state, receiver.subnet_id, packet, is_egress=False)


def _passes(state: VpcState, subnet_id: str, packet: Packet, *, is_egress: bool) -> bool:
    (acl,) = (one for one in state.acls.values() if subnet_id in one.subnet_ids)
    peer = packet.destination if is_egress else packet.source
    for entry in sorted(acl.egress if is_egress else acl.ingress, key=lambda entry: entry.number):
        if IPv4Address(peer) in IPv4Network(entry.cidr) and _is_of(entry.traffic, packet):
            return entry.allows
    return False


def _leads_out(state: VpcState, sender: Interface, packet: Packet) -> bool:
    route = _route_of(state, sender.subnet_id, packet.destination)
    if route is None:
        return False
    if route.target is RouteTarget.INTERNET_GATEWAY:
        return bool(state.gateways) and any(one.public_ip for one in sender.addresses)
    gateway = state.nat_gateways.get(route.target_id)
    if route.target is not RouteTarget.NAT_GATEWAY or gateway is None:
        return False
    beyond = _route_of(state, gateway.subnet_id, packet.destination)
    return (
        _passes(state, gateway.subnet_id, packet, is_egress=False)
        and _passes(state, gateway.subnet_id, packet, is_egress=True)
        and beyond is not None
        and beyond.target is RouteTarget.INTERNET_GATEWAY
        and bool(state.gateways)
    )


def _route_of(state: VpcState, subnet_id: str, destination: str) -> Route | None:
    tables = state.route_tables.values()
    mine = [table for table in tables if subnet_id in table.subnet_ids] or [t for t in tables if t.is_main]
    fitting = (
        [one for one in mine[0].routes if IPv4Address(destination) in IPv4Network(one.cidr)] if mine else []
    )
    return max(fitting, key=lambda one: IPv4Network(one.cidr).prefixlen, default=None)


def _grants(state: VpcState, of: Interface, packet: Packet, peer: str, *, is_egress: bool) -> bool:
    """Whether any rule of any of its groups speaks of the packet."""
    rules = [
        one for one in state.rules.values() if one.group_id in of.group_ids and one.is_egress is is_egress
    ]
    return any(_is_of(rule.traffic, packet) and _is_peer(state, rule, peer) for rule in rules)


def _is_peer(state: VpcState, rule: SecurityGroupRule, peer: str) -> bool:
    if rule.cidr:
        return IPv4Address(peer) in IPv4Network(rule.cidr)
    if rule.peer_group_id:
        owner = _owner(state, peer)
        return owner is not None and rule.peer_group_id in owner.group_ids
    listed = state.prefix_lists.get(rule.prefix_list_id)
    return listed is not None and any(IPv4Address(peer) in IPv4Network(cidr) for cidr in listed.cidrs)


def _is_of(traffic: Traffic, packet: Packet) -> bool:
    if traffic.protocol == -1:
        return True
    if traffic.protocol != packet.protocol:
        return False
    if packet.protocol == 1:
        kind, code = packet.icmp
        return traffic.first in (-1, kind) and (traffic.first == -1 or traffic.last in (-1, code))
    return packet.protocol == OTHER or traffic.first == -1 or traffic.first <= packet.port <= traffic.last


def _owner(state: VpcState, address: str) -> Interface | None:
    owners = state.interfaces.values()
    return next((one for one in owners if address in {a.private_ip for a in one.addresses}), None)


def _a_public_one(state: VpcState) -> str | None:
    public = [a for one in state.interfaces.values() if one.task_id for a in one.addresses if a.public_ip]
    return public[0].private_ip if public else None


def _interfaces(rng: random.Random, subnets: list[Subnet], groups: list[SecurityGroup]) -> list[Interface]:
    made = []
    for number in range(rng.randrange(3, 7)):
        subnet = rng.choice(subnets)
        address = str(IPv4Network(subnet.cidr)[4 + number])
        public_ip = f"198.18.0.{10 + number}" if rng.random() < 0.5 else None
        ids = tuple(sorted(group.id for group in rng.sample(groups, rng.randrange(0, len(groups) + 1))))
        made.append(
            Interface(
                id=f"eni-{number}",
                vpc_id=VPC_ID,
                subnet_id=subnet.id,
                mac=mac_of(f"eni-{number}"),
                addresses=(Address(address, public_ip),),
                group_ids=ids,
                task_id="" if number == 2 else f"{number:032x}"[::-1],
            )
        )
    return made


def _rule(rng: random.Random, number: int, groups: list[SecurityGroup]) -> SecurityGroupRule:
    peers = [
        {"cidr": rng.choice(CIDRS)},
        {"peer_group_id": rng.choice(groups).id},
        {"prefix_list_id": LIST_ID},
    ]
    return SecurityGroupRule(
        id=f"sgr-{number}",
        group_id=rng.choice(groups).id,
        is_egress=rng.random() < 0.5,
        traffic=rng.choice((TRAFFIC[0], rng.choice(TRAFFIC))),
        **rng.choice((peers[0], rng.choice(peers))),
    )


def _halves(rng: random.Random, subnets: list[Subnet]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ids = [subnet.id for subnet in subnets]
    middle = rng.randrange(len(ids) + 1)
    return tuple(ids[:middle]), tuple(ids[middle:])


def _acl(rng: random.Random, number: int, ids: tuple[str, ...]) -> NetworkAcl:
    def entries() -> tuple[AclEntry, ...]:
        opened = AclEntry(number=500, allows=True, cidr="0.0.0.0/0")
        made = [
            AclEntry(number=n, allows=rng.random() < 0.5, cidr=rng.choice(CIDRS), traffic=rng.choice(TRAFFIC))
            for n in rng.sample(range(1, 999), rng.randrange(0, 4))
        ]
        return (*made, *([opened] if rng.random() < 0.9 else []))

    ingress, egress = entries(), entries()
    return NetworkAcl(id=f"acl-{number}", vpc_id=VPC_ID, subnet_ids=ids, ingress=ingress, egress=egress)


def _route_table(rng: random.Random, number: int, ids: tuple[str, ...]) -> RouteTable:
    targets = [
        (RouteTarget.INTERNET_GATEWAY, IGW_ID),
        (RouteTarget.INTERNET_GATEWAY, IGW_ID),
        (RouteTarget.NAT_GATEWAY, NAT_ID),
        (RouteTarget.NOWHERE, "eni-gone"),
    ]
    routes = [Route(cidr=CIDR, target=RouteTarget.LOCAL)]
    for cidr in rng.sample(("0.0.0.0/0", "203.0.113.0/24", "203.0.113.7/32"), rng.randrange(0, 3)):
        target, target_id = rng.choice(targets)
        routes.append(Route(cidr=cidr, target=target, target_id=target_id))
    own = ids if number else ()  # the first is the main one, for those that have none
    return RouteTable(
        id=f"rtb-{number}", vpc_id=VPC_ID, is_main=not number, subnet_ids=own, routes=tuple(routes)
    )
