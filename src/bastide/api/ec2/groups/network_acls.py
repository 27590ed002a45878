"""Network ACLs: made, shown, deleted, and which of them a subnet has; `groups/acl_entries` fills them."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.groups import acl_association, new_network_acl
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_record, put_members, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.tokens import echoed
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import InUse, Invalid, NotFound
from bastide.model.network import kinds
from bastide.store import Txn

NETWORK_ACLS = Listing(
    of=nouns.NETWORK_ACL,
    ids="NetworkAclIds",
    result="NetworkAcls",
    filters={
        "association.association-id": ("Associations", "NetworkAclAssociationId"),
        "association.network-acl-id": ("Associations", "NetworkAclId"),
        "association.subnet-id": ("Associations", "SubnetId"),
        "default": ("IsDefault",),
        "entry.cidr": ("Entries", "CidrBlock"),
        "entry.egress": ("Entries", "Egress"),
        "entry.icmp.code": ("Entries", "IcmpTypeCode", "Code"),
        "entry.icmp.type": ("Entries", "IcmpTypeCode", "Type"),
        "entry.ipv6-cidr": ("Entries", "Ipv6CidrBlock"),
        "entry.port-range.from": ("Entries", "PortRange", "From"),
        "entry.port-range.to": ("Entries", "PortRange", "To"),
        "entry.protocol": ("Entries", "Protocol"),
        "entry.rule-action": ("Entries", "RuleAction"),
        "entry.rule-number": ("Entries", "RuleNumber"),
        "network-acl-id": ("NetworkAclId",),
        "owner-id": ("OwnerId",),
        "tag-key": ("Tags", "Key"),
        "vpc-id": ("VpcId",),
    },
)


def create_network_acl(txn: Txn, context: Context, params: Params) -> Result:
    """CreateNetworkAcl: it denies everything until it has entries."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    acl = new_network_acl(context, vpc_id=vpc.key)
    acl["Tags"] = tags_asked(params, nouns.NETWORK_ACL)
    txn.put(new_record(context, nouns.NETWORK_ACL, acl, parent=vpc.key))
    return {"NetworkAcl": shown(acl), **echoed(params)}


def describe_network_acls(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's network ACLs."""
    return describe(NETWORK_ACLS, context, params, documents_of(txn, context, nouns.NETWORK_ACL))


def delete_network_acl(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteNetworkAcl: not a VPC's default one, nor one that a subnet has."""
    acl = find_record(txn, context, nouns.NETWORK_ACL, params["NetworkAclId"])
    if acl.document["IsDefault"]:
        raise Invalid("parameter", acl.key, why=f"cannot delete default network ACL {acl.key}")
    if acl.document["Associations"]:
        raise InUse("network acl", acl.key)
    txn.delete(acl)
    return {}


def replace_network_acl_association(txn: Txn, context: Context, params: Params) -> Result:
    """ReplaceNetworkAclAssociation: another ACL for a subnet, which always has exactly one."""
    wanted = find_record(txn, context, nouns.NETWORK_ACL, params["NetworkAclId"])
    asked = params["AssociationId"]
    for acl in txn.find(kinds.NETWORK_ACL, scope=context.scope):
        for association in acl.document["Associations"]:
            if association["NetworkAclAssociationId"] != asked:
                continue
            if acl.parent != wanted.parent:
                subnet_id = association["SubnetId"]
                why = f"network ACL {wanted.key} and subnet {subnet_id} belong to different networks"
                raise Invalid("parameter", wanted.key, why=why)
            if acl.key == wanted.key:
                return {"NewAssociationId": asked}
            kept = [one for one in acl.document["Associations"] if one != association]
            put_members(txn, acl, Associations=kept)
            added = acl_association(wanted.key, association["SubnetId"])
            put_members(txn, wanted, Associations=[*wanted.document["Associations"], added])
            return {"NewAssociationId": added["NetworkAclAssociationId"]}
    raise NotFound("association", asked)


OPERATIONS: Mapping[str, Operation] = {
    "CreateNetworkAcl": changes(create_network_acl, "VpcId", "ClientToken", "TagSpecifications"),
    "DescribeNetworkAcls": looks(describe_network_acls),
    "DeleteNetworkAcl": changes(delete_network_acl, "NetworkAclId"),
    "ReplaceNetworkAclAssociation": changes(replace_network_acl_association, "AssociationId", "NetworkAclId"),
}
