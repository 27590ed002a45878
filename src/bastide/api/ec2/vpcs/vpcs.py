"""VPCs: made with all that a VPC begins with, gone when nothing else is left in them."""

from collections.abc import Mapping
from ipaddress import IPv4Network

from bastide.api.ec2 import nouns
from bastide.api.ec2.cidrs import parse_cidr
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.vpcs import default_dhcp_options, new_vpc
from bastide.api.ec2.making import DHCP_MEMBER, MADE, make_default_vpc, make_vpc
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_record, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import AlreadyExists, InUse, Invalid, Unsupported
from bastide.model.network import kinds, public_pool
from bastide.store import Record, Txn

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
PREFIX_MIN, PREFIX_MAX = 16, 28  # of a VPC and of a subnet
MAIN_KINDS = (kinds.ROUTE_TABLE, kinds.NETWORK_ACL, kinds.SECURITY_GROUP)  # a VPC has one of each always


def create_vpc(txn: Txn, context: Context, params: Params) -> Result:
    """CreateVpc."""
    text = params.get("CidrBlock")
    if text is None:
        raise Invalid("request", why="Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    if params.get("InstanceTenancy") not in (None, "default"):
        raise Unsupported("parameter", why="Bastide has the instance tenancy 'default' alone.")
    block = _checked_block(context, text)
    vpc = new_vpc(context, cidr=str(block), dhcp_options=_usual_options(txn, context))
    vpc["Tags"] = tags_asked(params, nouns.VPC)
    make_vpc(txn, context, vpc)
    return {"Vpc": {**shown(vpc), "State": "pending"}}


def describe_vpcs(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's VPCs."""
    return describe(VPCS, context, params, documents_of(txn, context, nouns.VPC))


def delete_vpc(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteVpc: with it goes what it began with, and nothing else may be left."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    others = (kinds.SUBNET, kinds.INTERNET_GATEWAY, kinds.VPC_ENDPOINT)
    if any(txn.count(kind, parent=vpc.key) for kind in others) or any(
        txn.count(kind, parent=vpc.key) > 1 for kind in MAIN_KINDS
    ):
        raise InUse("vpc", vpc.key)
    for kind in MAIN_KINDS:
        for record in txn.find(kind, parent=vpc.key):
            _delete_children(txn, kinds.SECURITY_GROUP_RULE, record)
            txn.delete(record)
    _delete_children(txn, kinds.FLOW_LOG, vpc)
    txn.delete(vpc)
    return {}


def create_default_vpc(txn: Txn, context: Context, params: Params) -> Result:
    """CreateDefaultVpc: where the first one was deleted."""
    if find_default_vpc(txn, context) is not None:
        raise AlreadyExists("default vpc")
    vpc = make_default_vpc(txn, context, dhcp_options=_usual_options(txn, context))
    return {"Vpc": {**shown(vpc.document), "State": "pending"}}


def find_default_vpc(txn: Txn, context: Context) -> Record | None:
    """The scope's default VPC, where it has one."""
    vpcs = txn.find(kinds.VPC, scope=context.scope)
    return next((vpc for vpc in vpcs if vpc.document["IsDefault"]), None)


def _checked_block(context: Context, text: str) -> IPv4Network:
    """A VPC's block: of its size, and none whose addresses mean something else."""
    why = f"Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
    block = parse_cidr(text, why=why)
    if not PREFIX_MIN <= block.prefixlen <= PREFIX_MAX or _is_special(block):
        raise Invalid("vpc cidr", str(block))
    pool = public_pool(context.settings.instance, context.settings.public_pool)
    if block.overlaps(pool):
        why = f"The CIDR '{block}' is invalid: public addresses are given from {pool} here."
        raise Invalid("vpc cidr", str(block), why=why)
    return block


def _is_special(block: IPv4Network) -> bool:
    return (
        block.is_loopback or block.is_link_local or block.is_multicast or block.network_address.packed[0] == 0
    )


def _usual_options(txn: Txn, context: Context) -> str:
    """The scope's own DHCP options, made anew where they were deleted."""
    made = txn.get(MADE, context.scope)
    assert made is not None, "every operation makes sure of it first"
    kept: str = made.document[DHCP_MEMBER]
    if txn.get(kinds.DHCP_OPTIONS, kept):
        return kept
    options = default_dhcp_options(context)
    dhcp_id: str = options["DhcpOptionsId"]
    txn.put(new_record(context, nouns.DHCP_OPTIONS, options))
    txn.put(made.changed(document={DHCP_MEMBER: dhcp_id}))
    return dhcp_id


def _delete_children(txn: Txn, kind: str, parent: Record) -> None:
    for record in txn.find(kind, parent=parent.key):
        txn.delete(record)


OPERATIONS: Mapping[str, Operation] = {
    "CreateVpc": changes(create_vpc, "CidrBlock", "InstanceTenancy", "TagSpecifications"),
    "DescribeVpcs": looks(describe_vpcs),
    "DeleteVpc": changes(delete_vpc, "VpcId"),
    "CreateDefaultVpc": changes(create_default_vpc),
}
