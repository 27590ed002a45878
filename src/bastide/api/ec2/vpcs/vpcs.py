"""DescribeVpcs."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.operations import looks
from bastide.api.ec2.resources import documents_of
from bastide.api.operation import Context, Operation, Params, Result
from bastide.store import Txn

VPCS = Listing(
    of=nouns.VPC,
    ids="VpcIds",
    result="Vpcs",
    filters={
        "cidr": ("CidrBlock",),
        "cidr-block-association.association-id": ("CidrBlockAssociationSet", "AssociationId"),
        "cidr-block-association.cidr-block": ("CidrBlockAssociationSet", "CidrBlock"),
        "cidr-block-association.state": ("CidrBlockAssociationSet", "CidrBlockState", "State"),
        "dhcp-options-id": ("DhcpOptionsId",),
        "ipv6-cidr-block-association.association-id": ("Ipv6CidrBlockAssociationSet", "AssociationId"),
        "ipv6-cidr-block-association.ipv6-cidr-block": ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock"),
        "ipv6-cidr-block-association.ipv6-pool": ("Ipv6CidrBlockAssociationSet", "Ipv6Pool"),
        "ipv6-cidr-block-association.state": (
            "Ipv6CidrBlockAssociationSet",
            "Ipv6CidrBlockState",
            "State",
        ),
        "is-default": ("IsDefault",),
        "isDefault": ("IsDefault",),
        "owner-id": ("OwnerId",),
        "state": ("State",),
        "tag-key": ("Tags", "Key"),
        "vpc-id": ("VpcId",),
    },
)


def describe_vpcs(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's VPCs."""
    return describe(VPCS, context, params, documents_of(txn, context, nouns.VPC))


OPERATIONS: Mapping[str, Operation] = {"DescribeVpcs": looks(describe_vpcs)}
