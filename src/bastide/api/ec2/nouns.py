"""EC2's nouns as far as they are here: what each is called in ids, faults, tags and records."""

from dataclasses import dataclass

from bastide.model.network import kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """One noun; `noun` is how faults call it, `resource_type` how tags do."""

    kind: str
    noun: str
    prefix: str  # of its ids
    id_member: str
    resource_type: str
    tags_member: str = "Tags"


VPC = Noun(kind=kinds.VPC, noun="vpc", prefix="vpc", id_member="VpcId", resource_type="vpc")
SUBNET = Noun(kind=kinds.SUBNET, noun="subnet", prefix="subnet", id_member="SubnetId", resource_type="subnet")
ROUTE_TABLE = Noun(
    kind=kinds.ROUTE_TABLE,
    noun="route table",
    prefix="rtb",
    id_member="RouteTableId",
    resource_type="route-table",
)
INTERNET_GATEWAY = Noun(
    kind=kinds.INTERNET_GATEWAY,
    noun="internet gateway",
    prefix="igw",
    id_member="InternetGatewayId",
    resource_type="internet-gateway",
)
NAT_GATEWAY = Noun(
    kind=kinds.NAT_GATEWAY,
    noun="nat gateway",
    prefix="nat",
    id_member="NatGatewayId",
    resource_type="natgateway",
)
ADDRESS = Noun(
    kind=kinds.ADDRESS,
    noun="address",
    prefix="eipalloc",
    id_member="AllocationId",
    resource_type="elastic-ip",
)
NETWORK_INTERFACE = Noun(
    kind=kinds.NETWORK_INTERFACE,
    noun="network interface",
    prefix="eni",
    id_member="NetworkInterfaceId",
    resource_type="network-interface",
    tags_member="TagSet",
)
SECURITY_GROUP = Noun(
    kind=kinds.SECURITY_GROUP,
    noun="security group",
    prefix="sg",
    id_member="GroupId",
    resource_type="security-group",
)
SECURITY_GROUP_RULE = Noun(
    kind=kinds.SECURITY_GROUP_RULE,
    noun="security group rule",
    prefix="sgr",
    id_member="SecurityGroupRuleId",
    resource_type="security-group-rule",
)
NETWORK_ACL = Noun(
    kind=kinds.NETWORK_ACL,
    noun="network acl",
    prefix="acl",
    id_member="NetworkAclId",
    resource_type="network-acl",
)
DHCP_OPTIONS = Noun(
    kind=kinds.DHCP_OPTIONS,
    noun="dhcp options",
    prefix="dopt",
    id_member="DhcpOptionsId",
    resource_type="dhcp-options",
)
PREFIX_LIST = Noun(
    kind=kinds.PREFIX_LIST,
    noun="prefix list",
    prefix="pl",
    id_member="PrefixListId",
    resource_type="prefix-list",
)
VPC_ENDPOINT = Noun(
    kind=kinds.VPC_ENDPOINT,
    noun="vpc endpoint",
    prefix="vpce",
    id_member="VpcEndpointId",
    resource_type="vpc-endpoint",
)
FLOW_LOG = Noun(
    kind=kinds.FLOW_LOG,
    noun="flow log",
    prefix="fl",
    id_member="FlowLogId",
    resource_type="vpc-flow-log",
)
ALL = (
    VPC,
    SUBNET,
    ROUTE_TABLE,
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    ADDRESS,
    NETWORK_INTERFACE,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    NETWORK_ACL,
    DHCP_OPTIONS,
    PREFIX_LIST,
    VPC_ENDPOINT,
    FLOW_LOG,
)
