"""Subnets; how many addresses are free follows from the interfaces recorded, never from a counter."""

from collections.abc import Mapping
from ipaddress import IPv4Network

from bastide.api.ec2 import nouns
from bastide.api.ec2.cidrs import parse_cidr
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.vpcs import new_subnet
from bastide.api.ec2.making import SUBNET_PREFIX, make_subnet
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.places.regions import zone_id, zones_of
from bastide.api.ec2.resources import find_record, put_members, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.vpcs.vpcs import PREFIX_MAX, PREFIX_MIN, find_default_vpc
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Conflict, InUse, Invalid, NotFound
from bastide.model.network import kinds, reserved_addresses
from bastide.store import Record, Txn

SUBNETS = Listing(
    of=nouns.SUBNET,
    ids="SubnetIds",
    result="Subnets",
    filters={
        "availability-zone": ("AvailabilityZone",),
        "availabilityZone": ("AvailabilityZone",),
        "availability-zone-id": ("AvailabilityZoneId",),
        "availabilityZoneId": ("AvailabilityZoneId",),
        "available-ip-address-count": ("AvailableIpAddressCount",),
        "cidr": ("CidrBlock",),
        "cidr-block": ("CidrBlock",),
        "cidrBlock": ("CidrBlock",),
        "customer-owned-ipv4-pool": ("CustomerOwnedIpv4Pool",),
        "default-for-az": ("DefaultForAz",),
        "defaultForAz": ("DefaultForAz",),
        "enable-dns64": ("EnableDns64",),
        "enable-lni-at-device-index": ("EnableLniAtDeviceIndex",),
        "ipv6-cidr-block-association.association-id": ("Ipv6CidrBlockAssociationSet", "AssociationId"),
        "ipv6-cidr-block-association.ipv6-cidr-block": ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock"),
        "ipv6-cidr-block-association.state": (
            "Ipv6CidrBlockAssociationSet",
            "Ipv6CidrBlockState",
            "State",
        ),
        "ipv6-native": ("Ipv6Native",),
        "map-customer-owned-ip-on-launch": ("MapCustomerOwnedIpOnLaunch",),
        "map-public-ip-on-launch": ("MapPublicIpOnLaunch",),
        "outpost-arn": ("OutpostArn",),
        "owner-id": ("OwnerId",),
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": (
            "PrivateDnsNameOptionsOnLaunch",
            "EnableResourceNameDnsARecord",
        ),
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": (
            "PrivateDnsNameOptionsOnLaunch",
            "EnableResourceNameDnsAAAARecord",
        ),
        "private-dns-name-options-on-launch.hostname-type": (
            "PrivateDnsNameOptionsOnLaunch",
            "HostnameType",
        ),
        "state": ("State",),
        "subnet-arn": ("SubnetArn",),
        "subnet-id": ("SubnetId",),
        "tag-key": ("Tags", "Key"),
        "vpc-id": ("VpcId",),
    },
)


def create_subnet(txn: Txn, context: Context, params: Params) -> Result:
    """CreateSubnet."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    if "CidrBlock" not in params:
        raise Invalid("request", why="Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    block = _checked_block(txn, vpc, params["CidrBlock"])
    zone = _zone(context, params)
    subnet = new_subnet(context, vpc_id=vpc.key, zone=zone, cidr=str(block))
    subnet["Tags"] = tags_asked(params, nouns.SUBNET)
    record = make_subnet(txn, context, subnet)
    return {"Subnet": _with_free_count(txn, record)}


def create_default_subnet(txn: Txn, context: Context, params: Params) -> Result:
    """CreateDefaultSubnet: in a zone of the default VPC that has none, in the first block that is free."""
    vpc = find_default_vpc(txn, context)
    if vpc is None:
        raise NotFound("default vpc")
    zone = _zone(context, params)
    subnets = txn.find(kinds.SUBNET, parent=vpc.key)
    for subnet in subnets:
        if subnet.document["DefaultForAz"] and subnet.document["AvailabilityZone"] == zone:
            why = f"'{subnet.key}' is already the default subnet in {zone}."
            raise AlreadyExists("default subnet", subnet.key, why=why)
    taken = [IPv4Network(subnet.document["CidrBlock"]) for subnet in subnets]
    blocks = IPv4Network(vpc.document["CidrBlock"]).subnets(new_prefix=SUBNET_PREFIX)
    free = next((block for block in blocks if not any(block.overlaps(one) for one in taken)), None)
    if free is None:
        raise Invalid("subnet cidr", why=f"No /{SUBNET_PREFIX} of the default VPC is free.")
    document = new_subnet(context, vpc_id=vpc.key, zone=zone, cidr=str(free), is_default=True)
    return {"Subnet": _with_free_count(txn, make_subnet(txn, context, document))}


def describe_subnets(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's subnets."""
    subnets = [_with_free_count(txn, record) for record in txn.find(kinds.SUBNET, scope=context.scope)]
    return describe(SUBNETS, context, params, subnets)


def delete_subnet(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteSubnet: no interface may be left in it."""
    subnet = find_record(txn, context, nouns.SUBNET, params["SubnetId"])
    if txn.count(kinds.NETWORK_INTERFACE, parent=subnet.key):
        raise InUse("subnet", subnet.key)
    for kind in (kinds.ROUTE_TABLE, kinds.NETWORK_ACL):
        for record in txn.find(kind, parent=subnet.parent):
            kept = [one for one in record.document["Associations"] if one.get("SubnetId") != subnet.key]
            if len(kept) < len(record.document["Associations"]):
                put_members(txn, record, Associations=kept)
    for record in (*txn.find(kinds.FLOW_LOG, parent=subnet.key), subnet):
        txn.delete(record)
    return {}


def _checked_block(txn: Txn, vpc: Record, text: str) -> IPv4Network:
    why = f"Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
    block = parse_cidr(text, why=why)
    around = IPv4Network(vpc.document["CidrBlock"])
    if not PREFIX_MIN <= block.prefixlen <= PREFIX_MAX or not block.subnet_of(around):
        raise Invalid("subnet cidr", str(block))
    for subnet in txn.find(kinds.SUBNET, parent=vpc.key):
        if block.overlaps(IPv4Network(subnet.document["CidrBlock"])):
            raise Conflict("subnet cidr", str(block))
    return block


def _zone(context: Context, params: Params) -> str:
    """The zone asked for by name or id, else the region's first."""
    zones = zones_of(context.caller.region)
    for parameter, name in (("AvailabilityZone", str), ("AvailabilityZoneId", zone_id)):
        if asked := params.get(parameter):
            found = next((zone for zone in zones if name(zone) == asked), None)
            if found is None:
                told = parameter[0].lower() + parameter[1:]
                why = (
                    f"Value ({asked}) for parameter {told} is invalid. Subnets can currently only be created "
                    f"in the following availability zones: {', '.join(zones)}."
                )
                raise Invalid("parameter", asked, why=why)
            return found
    return zones[0]


def _with_free_count(txn: Txn, subnet: Record) -> Document:
    block = IPv4Network(subnet.document["CidrBlock"])
    free = (
        block.num_addresses
        - len(reserved_addresses(block))
        - txn.count(kinds.NETWORK_INTERFACE, parent=subnet.key)
    )
    return {**shown(subnet.document), "AvailableIpAddressCount": free}


OPERATIONS: Mapping[str, Operation] = {
    "CreateSubnet": changes(
        create_subnet, "VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId", "TagSpecifications"
    ),
    "CreateDefaultSubnet": changes(create_default_subnet, "AvailabilityZone", "AvailabilityZoneId"),
    "DescribeSubnets": looks(describe_subnets),
    "DeleteSubnet": changes(delete_subnet, "SubnetId"),
}
