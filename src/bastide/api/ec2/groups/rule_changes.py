"""Changes of rules there are: what they allow, and how they are described."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from bastide.api.ec2 import nouns
from bastide.api.ec2.groups.permissions import described, parse_ports, parse_range
from bastide.api.ec2.groups.rules import check_count, find_rule, in_words, known_peer, rules_asked
from bastide.api.ec2.groups.security_groups import find_group
from bastide.api.ec2.making import rule_identity
from bastide.api.ec2.operations import changes, refuse_others
from bastide.api.ec2.resources import find_record, put_members
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Invalid, NotFound
from bastide.model.network import kinds
from bastide.store import Record, Txn

PEERS = ("CidrIpv4", "PrefixListId", "ReferencedGroupId")
TAKEN = (*PEERS, "IpProtocol", "FromPort", "ToPort", "Description")


def modify_security_group_rules(txn: Txn, context: Context, params: Params) -> Result:
    """ModifySecurityGroupRules: a rule becomes another under its id; all of them or none."""
    group = find_group(txn, context, params)
    for update in params["SecurityGroupRules"]:
        rule_id = update.get("SecurityGroupRuleId") or ""
        record = find_record(txn, context, nouns.SECURITY_GROUP_RULE, rule_id)
        if record.parent != group.key:
            raise NotFound("security group rule", rule_id)
        changed = _changed(txn, context, group, record, update.get("SecurityGroupRule") or {})
        identity = rule_identity(changed)
        if any(
            other.key != record.key
            for other in txn.find(kinds.SECURITY_GROUP_RULE, parent=group.key, name=identity)
        ):
            raise AlreadyExists(
                "security group rule", why=f'the specified rule "{in_words(changed)}" already exists'
            )
        txn.put(record.changed(document=changed, name=identity))
    for is_egress in (False, True):
        check_count(txn, group.key, is_egress=is_egress)
    return {"Return": True}


def update_descriptions(txn: Txn, context: Context, params: Params, *, is_egress: bool) -> Result:
    """UpdateSecurityGroupRuleDescriptionsIngress and …Egress; one left out is removed."""
    group = find_group(txn, context, params)
    by_id = params.get("SecurityGroupRuleDescriptions") or []
    for one in by_id:
        rule_id = one.get("SecurityGroupRuleId") or ""
        _describe_rule(txn, find_rule(txn, context, group, rule_id, is_egress=is_egress), one)
    if by_id and not params.get("IpPermissions"):
        return {"Return": True}
    for rule in rules_asked(txn, context, group, params):
        identity = rule_identity({**rule, "IsEgress": is_egress})
        found = txn.find(kinds.SECURITY_GROUP_RULE, parent=group.key, name=identity)
        if not found:
            raise NotFound("permission")
        _describe_rule(txn, found[0], rule)
    return {"Return": True}


def _changed(txn: Txn, context: Context, group: Record, record: Record, asked: Mapping[str, Any]) -> Document:
    """The rule as it is to be: all that it allows is told anew."""
    refuse_others(dict(asked), TAKEN, where="SecurityGroupRules.")
    protocol, ports = parse_ports(asked)
    named = [member for member in PEERS if asked.get(member)]
    if len(named) != 1:
        raise Invalid("parameters", why=f"A rule has exactly one of {', '.join(PEERS)}.")
    (member,) = named
    if member == "CidrIpv4":
        peer: Document = {member: parse_range(asked[member])}
    elif member == "ReferencedGroupId":
        peer = {"ReferencedGroupInfo": {"GroupId": asked[member]}}
    else:
        peer = {member: asked[member]}
    gone = {*PEERS, "ReferencedGroupInfo", "Description"}
    kept = {member: value for member, value in record.document.items() if member not in gone}
    about = {"IpProtocol": protocol, "FromPort": ports[0], "ToPort": ports[1]}
    return {**kept, **about, **known_peer(txn, context, group, peer), **described(asked)}


def _describe_rule(txn: Txn, record: Record, told: Mapping[str, Any]) -> None:
    if text := described(told):
        put_members(txn, record, **text)
    elif "Description" in record.document:
        kept = {member: value for member, value in record.document.items() if member != "Description"}
        txn.put(record.changed(document=kept))


_DESCRIBED = ("GroupId", "GroupName", "IpPermissions", "SecurityGroupRuleDescriptions")
OPERATIONS: Mapping[str, Operation] = {
    "ModifySecurityGroupRules": changes(modify_security_group_rules, "GroupId", "SecurityGroupRules"),
    "UpdateSecurityGroupRuleDescriptionsIngress": changes(
        partial(update_descriptions, is_egress=False), *_DESCRIBED
    ),
    "UpdateSecurityGroupRuleDescriptionsEgress": changes(
        partial(update_descriptions, is_egress=True), *_DESCRIBED
    ),
}
