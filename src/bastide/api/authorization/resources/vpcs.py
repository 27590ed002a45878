"""What calls of EC2 are about: an id says what it is of, whichever member it stands in.

What a call makes has no id yet, and stands as its type with a star, as AWS writes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from bastide.api.authorization.resources.found import Find, Found, names_in, tag_map
from bastide.api.ec2 import nouns
from bastide.api.ec2.nouns import Noun
from bastide.api.operation import Context, Document, Params
from bastide.model.arn import render_arn
from bastide.permissions.patterns import Values
from bastide.store import Record, Txn

# Members that are a name and no id: of which noun, and where its records have it.
_NAMED = (
    ("GroupName", nouns.SECURITY_GROUP, "GroupName"),
    ("PublicIp", nouns.ADDRESS, "PublicIp"),
    ("AssociationId", nouns.ADDRESS, "AssociationId"),
)
# Ids of what joins two of them: the noun whose records list it, and under which member.
_JOINED = (
    ("rtbassoc-", nouns.ROUTE_TABLE, "RouteTableAssociationId"),
    ("aclassoc-", nouns.NETWORK_ACL, "NetworkAclAssociationId"),
)
_IDS = {
    nouns.DHCP_OPTIONS: "ec2:dhcpoptionsid",
    nouns.INTERNET_GATEWAY: "ec2:internetgatewayid",
    nouns.NETWORK_ACL: "ec2:networkaclid",
    nouns.NETWORK_INTERFACE: "ec2:networkinterfaceid",
    nouns.ROUTE_TABLE: "ec2:routetableid",
    nouns.SECURITY_GROUP: "ec2:securitygroupid",
    nouns.SUBNET: "ec2:subnetid",
    nouns.VPC: "ec2:vpcid",
}


def _find(of: Noun, txn: Txn, ctx: Context, params: Params) -> list[Found]:
    ids = [name for name in names_in(params, *params) if name.rpartition("-")[0] == of.prefix]
    found = {key: _record(txn, ctx, of, key) for key in ids}
    found |= {record.key: record for record in _by_name(of, txn, ctx, params)}
    return [_found(ctx, of, key, record) for key, record in found.items()]


def _record(txn: Txn, ctx: Context, of: Noun, key: str) -> Record | None:
    record = txn.get(of.kind, key)
    return record if record is not None and record.scope == ctx.scope else None


def _by_name(of: Noun, txn: Txn, ctx: Context, params: Params) -> Iterator[Record]:
    """Those that a request names otherwise than by id; a group that is made is none of the name before it."""
    for member, noun, kept in _NAMED:
        if noun is of and params.get(member) and "Description" not in params:
            for record in txn.find(of.kind, scope=ctx.scope):
                if record.document.get(kept) == params[member]:
                    yield record
    for prefix, noun, kept in _JOINED:
        asked = str(params.get("AssociationId", ""))
        if noun is of and asked.startswith(prefix):
            for record in txn.find(of.kind, scope=ctx.scope):
                if any(one.get(kept) == asked for one in record.document["Associations"]):
                    yield record


def _found(ctx: Context, of: Noun, key: str, record: Record | None) -> Found:
    arn = vpc_arn(ctx, of.resource_type, key)
    if record is None:
        return Found(arn)
    document = record.document
    keys: dict[str, Values] = {_IDS[of]: key} if of in _IDS else {}
    if document.get("VpcId"):
        keys["ec2:vpc"] = vpc_arn(ctx, nouns.VPC.resource_type, document["VpcId"])
    if document.get("SubnetId"):
        keys["ec2:subnet"] = vpc_arn(ctx, nouns.SUBNET.resource_type, document["SubnetId"])
    if document.get("AvailabilityZone"):
        keys["ec2:availabilityzone"] = document["AvailabilityZone"]
    return Found(arn, tag_map(document.get(of.tags_member) or []), keys=keys)


def vpc_arn(ctx: Context, resource_type: str, key: str) -> str:
    """`vpc/vpc-…` and the like."""
    return render_arn("ec2", ctx.caller.region, ctx.caller.account, f"{resource_type}/{key}")


FIND: Mapping[str, Find] = {of.resource_type: partial(_find, of) for of in nouns.ALL}


def keys(txn: Txn, ctx: Context, params: Params, resources: Sequence[Found]) -> dict[str, Values]:
    """EC2's own condition keys that every call has."""
    return {"ec2:region": ctx.caller.region}


def specified(params: Params) -> list[Document]:
    """TagSpecifications that have tags."""
    return [one for one in params.get("TagSpecifications") or () if one.get("Tags")]
