"""What comes into being with a VPC or a subnet, and the default VPC of a scope.

A VPC has a main route table, a default network ACL and a default security group from its first moment; a
subnet has the VPC's default ACL. The default VPC is 172.31.0.0/16 with a /20 in each zone of the region and
an internet gateway, as in a new AWS account (VPC user guide, "Default VPCs"). It is made when the first call
asks for what is in it. Invariant: made once a scope, of which the record MADE is the proof: whoever deletes
a default VPC does not get it back by looking.
"""

import ipaddress

from bastide.api.ec2 import nouns
from bastide.api.ec2.documents.groups import (
    DEFAULT_GROUP,
    acl_association,
    all_in_from_members,
    all_out,
    new_group,
    new_network_acl,
)
from bastide.api.ec2.documents.routing import (
    gateway_attachment,
    main_association,
    new_internet_gateway,
    new_route,
    new_route_table,
)
from bastide.api.ec2.documents.vpcs import default_dhcp_options, new_subnet, new_vpc
from bastide.api.ec2.places.regions import zones_of
from bastide.api.ec2.resources import new_record, put_members
from bastide.api.operation import Context, Document
from bastide.model.network import kinds
from bastide.store import Record, Txn

VPC_CIDR = "172.31.0.0/16"
SUBNET_PREFIX = 20
MADE = "default-vpc"  # kind of the record that says it was done; its key is the scope
DHCP_MEMBER = "dhcp"  # of that record: the options a VPC of this scope has unless told otherwise
_ONCE_IN_GROUPS = ("IpPermissions", "IpPermissionsEgress", "_rules")  # rules are records of their own now


def ensure_default_vpc(txn: Txn, context: Context) -> None:
    """Make the default VPC where the scope never had one."""
    if txn.get(MADE, context.scope):
        return
    options = default_dhcp_options(context)
    txn.put(new_record(context, nouns.DHCP_OPTIONS, options))
    dhcp_id = options["DhcpOptionsId"]
    txn.put(Record(MADE, context.scope, context.scope, {DHCP_MEMBER: dhcp_id}))
    make_default_vpc(txn, context, dhcp_options=dhcp_id)


def make_default_vpc(txn: Txn, context: Context, *, dhcp_options: str) -> Record:
    """A default VPC with its subnets, and a way to the internet for them."""
    vpc = new_vpc(context, cidr=VPC_CIDR, dhcp_options=dhcp_options, is_default=True)
    record = make_vpc(txn, context, vpc)
    for zone, cidr in default_subnets(context):
        make_subnet(
            txn, context, new_subnet(context, vpc_id=record.key, zone=zone, cidr=cidr, is_default=True)
        )
    _open_to_internet(txn, context, record.key)
    return record


def complete_default_vpc(txn: Txn, context: Context, made: Record) -> None:
    """Add to a default VPC what an earlier release did not record; `made` is the proof that it made one."""
    options = default_dhcp_options(context)
    dhcp_id = options["DhcpOptionsId"]
    txn.put(new_record(context, nouns.DHCP_OPTIONS, options))
    txn.put(made.changed(document={DHCP_MEMBER: dhcp_id}))
    vpc = txn.get(kinds.VPC, made.document["vpc"])
    if vpc is None:
        return
    fresh = new_vpc(context, cidr=vpc.document["CidrBlock"], dhcp_options=dhcp_id, is_default=True)
    put_members(txn, vpc, **{name: fresh[name] for name in ("DhcpOptionsId", kinds.ATTRIBUTES_MEMBER)})
    _put_borders(txn, context, fresh | {"VpcId": vpc.key})
    for subnet in txn.find(kinds.SUBNET, parent=vpc.key):
        _tie_to_acl(txn, subnet)
    _open_to_internet(txn, context, vpc.key)
    group = default_group(txn, vpc.key)
    kept = {name: value for name, value in group.document.items() if name not in _ONCE_IN_GROUPS}
    txn.put(group.changed(document=kept))
    _put_default_rules(txn, context, group.key)


def default_subnets(context: Context) -> list[tuple[str, str]]:
    """Each zone of the region, and the block of its default subnet."""
    blocks = ipaddress.ip_network(VPC_CIDR).subnets(new_prefix=SUBNET_PREFIX)
    zones = zones_of(context.caller.region)
    return [(zone, str(block)) for zone, block in zip(zones, blocks, strict=False)]  # more blocks than zones


def make_vpc(txn: Txn, context: Context, vpc: Document) -> Record:
    """Store a VPC and what it begins with."""
    vpc_id = vpc["VpcId"]
    record = txn.put(new_record(context, nouns.VPC, vpc))
    _put_borders(txn, context, vpc)
    group = new_group(context, vpc_id=vpc_id, name=DEFAULT_GROUP, description="default VPC security group")
    txn.put(new_record(context, nouns.SECURITY_GROUP, group, parent=vpc_id))
    _put_default_rules(txn, context, group["GroupId"])
    return record


def make_subnet(txn: Txn, context: Context, subnet: Document) -> Record:
    """Store a subnet under its VPC's default network ACL."""
    record = txn.put(new_record(context, nouns.SUBNET, subnet, parent=subnet["VpcId"]))
    _tie_to_acl(txn, record)
    return record


def put_rule(txn: Txn, context: Context, rule: Document) -> Record:
    """Store a rule under its group, named by what it allows."""
    return txn.put(
        new_record(context, nouns.SECURITY_GROUP_RULE, rule, parent=rule["GroupId"], name=rule_identity(rule))
    )


def rule_identity(rule: Document) -> str:
    """What makes two rules of a group the same; their descriptions do not."""
    way = "out" if rule["IsEgress"] else "in"
    group = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    peer = group or rule.get("PrefixListId") or rule.get("CidrIpv4")
    return f"{way} {rule['IpProtocol']} {rule['FromPort']} {rule['ToPort']} {peer}"


def main_table(txn: Txn, vpc_id: str) -> Record:
    """The VPC's main route table."""
    tables = txn.find(kinds.ROUTE_TABLE, parent=vpc_id)
    return next(table for table in tables if any(one["Main"] for one in table.document["Associations"]))


def default_acl(txn: Txn, vpc_id: str) -> Record:
    """The VPC's default network ACL."""
    return next(acl for acl in txn.find(kinds.NETWORK_ACL, parent=vpc_id) if acl.document["IsDefault"])


def default_group(txn: Txn, vpc_id: str) -> Record:
    """The VPC's default security group."""
    groups = txn.find(kinds.SECURITY_GROUP, parent=vpc_id)
    return next(group for group in groups if group.document["GroupName"] == DEFAULT_GROUP)


def _put_borders(txn: Txn, context: Context, vpc: Document) -> None:
    """The main route table and the default network ACL."""
    vpc_id = vpc["VpcId"]
    table = new_route_table(context, vpc_id=vpc_id, cidrs=[vpc["CidrBlock"]])
    table["Associations"] = [main_association(table["RouteTableId"])]
    txn.put(new_record(context, nouns.ROUTE_TABLE, table, parent=vpc_id))
    acl = new_network_acl(context, vpc_id=vpc_id, is_default=True)
    txn.put(new_record(context, nouns.NETWORK_ACL, acl, parent=vpc_id))


def _put_default_rules(txn: Txn, context: Context, group_id: str) -> None:
    for rule in (all_in_from_members(context, group_id), all_out(context, group_id)):
        put_rule(txn, context, rule)


def _tie_to_acl(txn: Txn, subnet: Record) -> None:
    acl = default_acl(txn, subnet.parent)
    added = acl_association(acl.key, subnet.key)
    put_members(txn, acl, Associations=[*acl.document["Associations"], added])


def _open_to_internet(txn: Txn, context: Context, vpc_id: str) -> None:
    """A gateway of its own, and the main table's route to it."""
    gateway = new_internet_gateway(context)
    gateway["Attachments"] = [gateway_attachment(vpc_id)]
    txn.put(new_record(context, nouns.INTERNET_GATEWAY, gateway, parent=vpc_id))
    main = main_table(txn, vpc_id)
    out = new_route({"DestinationCidrBlock": kinds.EVERYWHERE}, {"GatewayId": gateway["InternetGatewayId"]})
    put_members(txn, main, Routes=[*main.document["Routes"], out])
