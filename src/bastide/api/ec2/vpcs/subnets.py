"""DescribeSubnets; how many addresses are free follows from the interfaces recorded, never from a counter."""

from collections.abc import Mapping
from ipaddress import IPv4Network

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.operations import looks
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.network import reserved_addresses
from bastide.store import Record, Txn
from bastide.store.network import kinds

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


def describe_subnets(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's subnets."""
    subnets = [_with_free_count(txn, record) for record in txn.find(kinds.SUBNET, scope=context.scope)]
    return describe(SUBNETS, context, params, subnets)


def _with_free_count(txn: Txn, subnet: Record) -> Document:
    block = IPv4Network(subnet.document["CidrBlock"])
    free = (
        block.num_addresses
        - len(reserved_addresses(block))
        - txn.count(kinds.NETWORK_INTERFACE, parent=subnet.key)
    )
    return {**subnet.document, "AvailableIpAddressCount": free}


OPERATIONS: Mapping[str, Operation] = {"DescribeSubnets": looks(describe_subnets)}
