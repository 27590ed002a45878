"""The parts of VPCs that packets meet: one value for each record of the EC2 API, and ids to join them by.

What AWS stores of a part but no packet depends on (names, tags, descriptions) is left out.
"""

from enum import StrEnum

import msgspec

ALL = -1  # every protocol, every port, every ICMP type or code: AWS's own number for it
ICMP, TCP, UDP = 1, 6, 17
WITH_PORTS = (TCP, UDP)


class Part(msgspec.Struct, frozen=True, kw_only=True, tag_field="noun"):
    """Anything with an id of its own."""

    id: str


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Which packets a rule speaks of, their addresses left out.

    TCP and UDP: `first` to `last` destination port. ICMP: `first` is the type and `last` the code. Every
    other protocol has neither.
    """

    protocol: int = ALL
    first: int = ALL
    last: int = ALL

    @property
    def ports(self) -> tuple[int, int] | None:
        """The destination ports, where they matter."""
        if self.protocol not in WITH_PORTS or self.first == ALL or (self.first, self.last) == (0, 65535):
            return None
        return self.first, self.last

    @property
    def icmp(self) -> tuple[int, int] | None:
        """ICMP type and code, where they matter; a code of ALL is every code."""
        return (self.first, self.last) if self.protocol == ICMP and self.first != ALL else None


class Vpc(Part, frozen=True, kw_only=True, tag="vpc"):
    """A network of its own; another one's addresses may be the same."""

    cidrs: tuple[str, ...]
    has_dns_support: bool = True  # somebody answers look-ups
    has_dns_hostnames: bool = True  # names made of addresses mean something


class Subnet(Part, frozen=True, kw_only=True, tag="subnet"):
    """A part of a VPC's addresses."""

    vpc_id: str
    cidr: str


class RouteTarget(StrEnum):
    """Where a route leads."""

    LOCAL = "local"
    INTERNET_GATEWAY = "internet gateway"
    NAT_GATEWAY = "NAT gateway"
    NOWHERE = "blackhole"  # the target is gone, or is of a kind no packet can take here


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a route table; the longest prefix wins."""

    cidr: str
    target: RouteTarget
    target_id: str = ""


class RouteTable(Part, frozen=True, kw_only=True, tag="route-table"):
    """The ways out of the subnets it is for; the main one is for every subnet that has none."""

    vpc_id: str
    is_main: bool = False
    subnet_ids: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()


class InternetGateway(Part, frozen=True, kw_only=True, tag="internet-gateway"):
    """The way to the internet of the VPC it is attached to, for addresses that have a public one."""

    vpc_id: str


class NatGateway(Part, frozen=True, kw_only=True, tag="nat-gateway"):
    """The way to the internet of subnets without public addresses, through one subnet that has them."""

    vpc_id: str
    subnet_id: str
    public_ip: str


class Address(msgspec.Struct, frozen=True):
    """A private address, and the public one that stands for it."""

    private_ip: str
    public_ip: str | None = None


class Interface(Part, frozen=True, kw_only=True, tag="network-interface"):
    """What has an address in a subnet. Nothing speaks from it unless a task does."""

    vpc_id: str
    subnet_id: str
    mac: str
    addresses: tuple[Address, ...]
    group_ids: tuple[str, ...] = ()
    task_id: str = ""
    endpoint_id: str = ""  # of the VPC endpoint that answers here

    @property
    def owner(self) -> str:
        """By whose name a host knows it: the task's, or, of a VPC endpoint, its own; empty: nobody's."""
        return self.task_id or (self.id if self.endpoint_id else "")


class SecurityGroup(Part, frozen=True, kw_only=True, tag="security-group"):
    """A name that interfaces share and rules speak of."""

    vpc_id: str


class SecurityGroupRule(Part, frozen=True, kw_only=True, tag="security-group-rule"):
    """What members of a group may send (egress) or be sent, to or from one of the three kinds of peer."""

    group_id: str
    is_egress: bool
    traffic: Traffic = Traffic()
    cidr: str = ""
    peer_group_id: str = ""
    prefix_list_id: str = ""


class AclEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a network ACL; of those that match, the one with the lowest number decides."""

    number: int
    allows: bool
    cidr: str
    traffic: Traffic = Traffic()


class NetworkAcl(Part, frozen=True, kw_only=True, tag="network-acl"):
    """What may cross the border of the subnets it is for, each packet for itself."""

    vpc_id: str
    is_default: bool = False
    subnet_ids: tuple[str, ...] = ()
    ingress: tuple[AclEntry, ...] = ()
    egress: tuple[AclEntry, ...] = ()


class PrefixList(Part, frozen=True, kw_only=True, tag="prefix-list"):
    """CIDRs under one name; of no VPC."""

    cidrs: tuple[str, ...] = ()


class Endpoint(Part, frozen=True, kw_only=True, tag="vpc-endpoint"):
    """The API by interfaces of a VPC's own, and the names that lead there; one may begin with a star."""

    vpc_id: str
    names: tuple[str, ...] = ()
    interface_ids: tuple[str, ...] = ()


class FlowLog(Part, frozen=True, kw_only=True, tag="flow-log"):
    """Somebody wants to know what packets of a VPC, a subnet or an interface meet."""

    resource_id: str
    log_group: str
    traffic: str  # ACCEPT, REJECT or ALL
    interval_s: int


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A known flow by the addresses it has inside the VPC; `port` is where it goes, 0 without ports."""

    source: str
    destination: str
    protocol: int
    port: int = 0


AnyPart = (
    Vpc
    | Subnet
    | RouteTable
    | InternetGateway
    | NatGateway
    | Interface
    | SecurityGroup
    | SecurityGroupRule
    | NetworkAcl
    | PrefixList
    | Endpoint
    | FlowLog
)
