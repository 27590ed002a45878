"""Parts of VPCs out of the records that the EC2 API keeps, which have the shapes its Describe calls show.

One record is one part, or none: what no packet depends on, what is being deleted, what speaks of IPv6. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bastide.model.arn import last_of
from bastide.model.network import kinds
from bastide.model.network.parts import (
    ALL,
    ICMP,
    AclEntry,
    Address,
    AnyPart,
    Endpoint,
    FlowLog,
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
)

Document = Mapping[str, Any]
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}


def parse_part(kind: str, document: Document) -> AnyPart | None:
    """The part a record is."""
    parse = _PARSERS.get(kind)
    return parse(document) if parse else None


def _vpc(document: Document) -> Vpc:
    states = document.get("CidrBlockAssociationSet", ())
    others = [one["CidrBlock"] for one in states if one["CidrBlockState"]["State"] == "associated"]
    attributes = document.get(kinds.ATTRIBUTES_MEMBER, {})
    return Vpc(
        id=document["VpcId"],
        cidrs=tuple(dict.fromkeys((document["CidrBlock"], *others))),
        has_dns_support=attributes.get("EnableDnsSupport", True),
        has_dns_hostnames=attributes.get("EnableDnsHostnames", True),
    )


def _subnet(document: Document) -> Subnet:
    return Subnet(id=document["SubnetId"], vpc_id=document["VpcId"], cidr=document["CidrBlock"])


def _route_table(document: Document) -> RouteTable:
    ties = document["Associations"]
    return RouteTable(
        id=document["RouteTableId"],
        vpc_id=document["VpcId"],
        is_main=any(tie.get("Main") for tie in ties),
        subnet_ids=tuple(tie["SubnetId"] for tie in ties if tie.get("SubnetId")),
        routes=tuple(_route(route) for route in document["Routes"] if route.get("DestinationCidrBlock")),
    )


def _route(route: Document) -> Route:
    cidr = route["DestinationCidrBlock"]
    if (gateway := route.get("GatewayId", "")) == "local":
        return Route(cidr=cidr, target=RouteTarget.LOCAL)
    if gateway.startswith("igw-"):
        return Route(cidr=cidr, target=RouteTarget.INTERNET_GATEWAY, target_id=gateway)
    if nat := route.get("NatGatewayId"):
        return Route(cidr=cidr, target=RouteTarget.NAT_GATEWAY, target_id=nat)
    return Route(cidr=cidr, target=RouteTarget.NOWHERE)


def _internet_gateway(document: Document) -> InternetGateway | None:
    ties = document["Attachments"]
    return InternetGateway(id=document["InternetGatewayId"], vpc_id=ties[0]["VpcId"]) if ties else None


def _nat_gateway(document: Document) -> NatGateway | None:
    public = [one["PublicIp"] for one in document.get("NatGatewayAddresses", ()) if one.get("PublicIp")]
    if document["State"] != "available" or not public:
        return None
    return NatGateway(
        id=document["NatGatewayId"],
        vpc_id=document["VpcId"],
        subnet_id=document["SubnetId"],
        public_ip=public[0],
    )


def _interface(document: Document) -> Interface:
    pairs = document["PrivateIpAddresses"]
    return Interface(
        id=document["NetworkInterfaceId"],
        vpc_id=document["VpcId"],
        subnet_id=document["SubnetId"],
        mac=document["MacAddress"],
        addresses=tuple(
            Address(one["PrivateIpAddress"], one.get("Association", {}).get("PublicIp"))
            for one in sorted(pairs, key=lambda one: not one.get("Primary"))
        ),
        group_ids=tuple(one["GroupId"] for one in document["Groups"]),
        task_id=last_of(document[kinds.TASK_MEMBER]) if document.get(kinds.TASK_MEMBER) else "",
        endpoint_id=document.get(kinds.ENDPOINT_MEMBER, ""),
    )


def _endpoint(document: Document) -> Endpoint:
    return Endpoint(
        id=document["VpcEndpointId"],
        vpc_id=document["VpcId"],
        names=tuple(one["DnsName"] for one in document["DnsEntries"]),
        interface_ids=tuple(document["NetworkInterfaceIds"]),
    )


def _security_group(document: Document) -> SecurityGroup:
    return SecurityGroup(id=document["GroupId"], vpc_id=document["VpcId"])


def _security_group_rule(document: Document) -> SecurityGroupRule | None:
    group = document.get("ReferencedGroupInfo", {}).get("GroupId", "")
    cidr, listed = document.get("CidrIpv4", ""), document.get("PrefixListId", "")
    if not (cidr or group or listed):
        return None
    return SecurityGroupRule(
        id=document["SecurityGroupRuleId"],
        group_id=document["GroupId"],
        is_egress=document["IsEgress"],
        traffic=_traffic(document["IpProtocol"], document.get("FromPort"), document.get("ToPort")),
        cidr=cidr,
        peer_group_id=group,
        prefix_list_id=listed,
    )


def _network_acl(document: Document) -> NetworkAcl:
    entries = [
        one for one in document["Entries"] if one.get("CidrBlock") and one["RuleNumber"] != kinds.REST_NUMBER
    ]
    return NetworkAcl(
        id=document["NetworkAclId"],
        vpc_id=document["VpcId"],
        is_default=document["IsDefault"],
        subnet_ids=tuple(one["SubnetId"] for one in document["Associations"]),
        ingress=tuple(_acl_entry(one) for one in entries if not one["Egress"]),
        egress=tuple(_acl_entry(one) for one in entries if one["Egress"]),
    )


def _acl_entry(entry: Document) -> AclEntry:
    protocol = _protocol(entry["Protocol"])
    ports, icmp = entry.get("PortRange", {}), entry.get("IcmpTypeCode", {})
    first, last = (ports.get("From"), ports.get("To"))
    if protocol == ICMP:
        first, last = icmp.get("Type"), icmp.get("Code")
    return AclEntry(
        number=entry["RuleNumber"],
        allows=entry["RuleAction"] == "allow",
        cidr=entry["CidrBlock"],
        traffic=_traffic(entry["Protocol"], first, last),
    )


def _prefix_list(document: Document) -> PrefixList:
    return PrefixList(id=document["PrefixListId"], cidrs=tuple(document[kinds.ENTRIES_MEMBER]))


def _flow_log(document: Document) -> FlowLog:
    return FlowLog(
        id=document["FlowLogId"],
        resource_id=document["ResourceId"],
        log_group=document["LogGroupName"],
        traffic=document["TrafficType"],
        interval_s=document["MaxAggregationInterval"],
    )


def _traffic(protocol: str, first: int | None, last: int | None) -> Traffic:
    return Traffic(
        protocol=_protocol(protocol),
        first=ALL if first is None else first,
        last=ALL if last is None else last,
    )


def _protocol(word: str) -> int:
    return PROTOCOLS[word.lower()] if word.lower() in PROTOCOLS else int(word)


_PARSERS: Mapping[str, Callable[[Document], AnyPart | None]] = {
    kinds.VPC: _vpc,
    kinds.SUBNET: _subnet,
    kinds.ROUTE_TABLE: _route_table,
    kinds.INTERNET_GATEWAY: _internet_gateway,
    kinds.NAT_GATEWAY: _nat_gateway,
    kinds.NETWORK_INTERFACE: _interface,
    kinds.SECURITY_GROUP: _security_group,
    kinds.SECURITY_GROUP_RULE: _security_group_rule,
    kinds.NETWORK_ACL: _network_acl,
    kinds.PREFIX_LIST: _prefix_list,
    kinds.VPC_ENDPOINT: _endpoint,
    kinds.FLOW_LOG: _flow_log,
}
NETWORK_KINDS = tuple(_PARSERS)
