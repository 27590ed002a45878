"""Authorize and revoke: which rules a group has. A rule is allowed once, whatever its description.

Concurrency: one writer at a time, and a rule's record is named by what it allows, so a count and a look by
name are all that has to be read.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.groups import ALL_TRAFFIC, new_rule
from bastide.api.ec2.groups.permissions import parse_permission
from bastide.api.ec2.groups.security_groups import find_group
from bastide.api.ec2.making import put_rule, rule_identity
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Invalid, LimitExceeded, NotFound
from bastide.model.network import kinds
from bastide.store import Record, Txn

RULES = Listing(
    of=nouns.SECURITY_GROUP_RULE,
    ids="SecurityGroupRuleIds",
    result="SecurityGroupRules",
    filters={
        "group-id": ("GroupId",),
        "security-group-rule-id": ("SecurityGroupRuleId",),
        "tag-key": ("Tags", "Key"),
    },
)
RULES_MAX = 60  # of a group, each way: VPC user guide, "Amazon VPC quotas"
FLAT = ("IpProtocol", "FromPort", "ToPort", "CidrIp", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId")
ASKED = ("GroupId", "GroupName", "IpPermissions", *FLAT)


def describe_security_group_rules(txn: Txn, context: Context, params: Params) -> Result:
    """The rules of the scope's groups, one by one."""
    return describe(RULES, context, params, documents_of(txn, context, nouns.SECURITY_GROUP_RULE))


def authorize(txn: Txn, context: Context, params: Params, *, is_egress: bool) -> Result:
    """AuthorizeSecurityGroupIngress and …Egress: all of the rules or none."""
    group = find_group(txn, context, params)
    tags = tags_asked(params, nouns.SECURITY_GROUP_RULE)
    added = [
        {**new_rule_of(context, group, is_egress, rule), "Tags": tags}
        for rule in rules_asked(txn, context, group, params)
    ]
    if len({rule_identity(rule) for rule in added}) < len(added):
        raise Invalid("parameter", why="The same permission must not appear multiple times")
    for rule in added:
        if txn.count(kinds.SECURITY_GROUP_RULE, parent=group.key, name=rule_identity(rule)):
            why = f'the specified rule "{in_words(rule)}" already exists'
            raise AlreadyExists("security group rule", why=why)
        put_rule(txn, context, rule)
    check_count(txn, group.key, is_egress=is_egress)
    return {"Return": True, "SecurityGroupRules": [shown(rule) for rule in added]}


def revoke(txn: Txn, context: Context, params: Params, *, is_egress: bool) -> Result:
    """RevokeSecurityGroupIngress and …Egress: by rules' ids, or by what they allow."""
    group = find_group(txn, context, params)
    gone: dict[str, Record] = {}
    for rule_id in params.get("SecurityGroupRuleIds") or ():
        record = find_rule(txn, context, group, rule_id, is_egress=is_egress)
        gone[record.key] = record
    if not gone or params.get("IpPermissions"):
        _refuse_ipv6_as_absent(params)
        for rule in rules_asked(txn, context, group, params):
            identity = rule_identity({**rule, "IsEgress": is_egress})
            found = txn.find(kinds.SECURITY_GROUP_RULE, parent=group.key, name=identity)
            if not found:
                raise NotFound("permission")
            gone[found[0].key] = found[0]
    for record in gone.values():
        txn.delete(record)
    return {"Return": True, "RevokedSecurityGroupRules": [_revoked(one.document) for one in gone.values()]}


def rules_asked(txn: Txn, context: Context, group: Record, params: Params) -> list[Document]:
    """The rules a call names, by permissions or by its older members, with groups and lists that exist."""
    permissions = params.get("IpPermissions") or []
    if not permissions and any(name in params for name in FLAT):
        permissions = [_flat_permission(params)]
    rules = [
        known_peer(txn, context, group, rule) for permission in permissions for rule in _parsed(permission)
    ]
    if not rules:
        raise Invalid("request", why="The request must contain the parameter ipPermissions or ipProtocol.")
    return rules


def known_peer(txn: Txn, context: Context, group: Record, rule: Document) -> Document:
    """The rule with its peer made certain: a group of the same VPC, a prefix list of the account."""
    if prefix_list := rule.get("PrefixListId"):
        find_record(txn, context, nouns.PREFIX_LIST, prefix_list)
    named = rule.get("ReferencedGroupInfo")
    if named is None:
        return rule
    if named.get("UserId", context.caller.account) != context.caller.account:
        raise NotFound("security group", named.get("GroupId", ""))
    other = find_group(txn, context, named)
    if other.parent != group.parent:
        why = "You have specified two resources that belong to different networks."
        raise NotFound("security group", other.key, why=why)
    return {**rule, "ReferencedGroupInfo": {"GroupId": other.key, "UserId": context.caller.account}}


def find_rule(txn: Txn, context: Context, group: Record, rule_id: str, *, is_egress: bool) -> Record:
    """The group's rule of this id and way."""
    record = find_record(txn, context, nouns.SECURITY_GROUP_RULE, rule_id)
    if record.parent != group.key or record.document["IsEgress"] != is_egress:
        raise NotFound("security group rule", rule_id)
    return record


def new_rule_of(context: Context, group: Record, is_egress: bool, rule: Document) -> Document:
    """The rule as a group has it."""
    about = ("IpProtocol", "FromPort", "ToPort")
    return new_rule(
        context,
        group_id=group.key,
        is_egress=is_egress,
        protocol=rule["IpProtocol"],
        ports=(rule["FromPort"], rule["ToPort"]),
        peer={member: value for member, value in rule.items() if member not in about},
    )


def check_count(txn: Txn, group_id: str, *, is_egress: bool) -> None:
    """Raise LimitExceeded where a group has too many rules one way; a prefix list counts whole."""
    rules = txn.find(kinds.SECURITY_GROUP_RULE, parent=group_id)
    if sum(_weight(txn, rule) for rule in rules if rule.document["IsEgress"] == is_egress) > RULES_MAX:
        why = "The maximum number of rules per security group has been reached."
        raise LimitExceeded("security group rules", group_id, why=why)


def in_words(rule: Document) -> str:
    """A rule as EC2's messages tell it."""
    peer = rule_identity(rule).rpartition(" ")[2]
    protocol = "ALL" if rule["IpProtocol"] == ALL_TRAFFIC else rule["IpProtocol"].upper()
    ports = "" if protocol == "ALL" else f", from port: {rule['FromPort']}, to port: {rule['ToPort']}"
    return f"peer: {peer}, {protocol}{ports}, ALLOW"


def _refuse_ipv6_as_absent(params: Params) -> None:
    """No group has a rule of IPv6: taking one away finds none, as tools expect that try it on every group."""
    if any(permission.get("Ipv6Ranges") for permission in params.get("IpPermissions") or ()):
        raise NotFound("permission")


def _weight(txn: Txn, rule: Record) -> int:
    prefix_list = txn.get(kinds.PREFIX_LIST, rule.document.get("PrefixListId", ""))
    return prefix_list.document["MaxEntries"] if prefix_list else 1


def _parsed(permission: Mapping[str, Any]) -> Iterator[Document]:
    rules = list(parse_permission(permission))
    if not rules:
        why = "A permission names cidrIp, groupId or prefixListId."
        raise Invalid("request", why=why)
    return iter(rules)


def _flat_permission(params: Params) -> Document:
    peers: Document = {}
    if cidr := params.get("CidrIp"):
        peers["IpRanges"] = [{"CidrIp": cidr}]
    if name := params.get("SourceSecurityGroupName"):
        peers["UserIdGroupPairs"] = [{"GroupName": name, "UserId": params.get("SourceSecurityGroupOwnerId")}]
        peers["IpProtocol"] = params.get("IpProtocol", ALL_TRAFFIC)
    return {name: params[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in params} | peers


def _revoked(rule: Document) -> Document:
    members = (
        "SecurityGroupRuleId", "GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4",
        "PrefixListId", "Description",
    )  # fmt: skip
    told = {member: rule[member] for member in members if member in rule}
    if group := rule.get("ReferencedGroupInfo"):
        told["ReferencedGroupId"] = group["GroupId"]
    return told


OPERATIONS: Mapping[str, Operation] = {
    "DescribeSecurityGroupRules": looks(describe_security_group_rules),
    "AuthorizeSecurityGroupIngress": changes(
        partial(authorize, is_egress=False), *ASKED, "TagSpecifications"
    ),
    "AuthorizeSecurityGroupEgress": changes(partial(authorize, is_egress=True), *ASKED, "TagSpecifications"),
    "RevokeSecurityGroupIngress": changes(partial(revoke, is_egress=False), *ASKED, "SecurityGroupRuleIds"),
    "RevokeSecurityGroupEgress": changes(partial(revoke, is_egress=True), *ASKED, "SecurityGroupRuleIds"),
}
