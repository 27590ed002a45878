"""Security groups: made, shown, deleted. Their rules are `groups/rules`."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.groups import DEFAULT_GROUP, all_out, new_group
from bastide.api.ec2.groups.permissions import render_permissions
from bastide.api.ec2.making import put_rule
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_record
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.vpcs.vpcs import find_default_vpc
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Denied, InUse, Invalid, NotFound
from bastide.model.network import kinds
from bastide.store import Record, Txn


def _permission_filters(prefix: str, member: str) -> dict[str, tuple[str, ...]]:
    return {
        f"{prefix}.cidr": (member, "IpRanges", "CidrIp"),
        f"{prefix}.from-port": (member, "FromPort"),
        f"{prefix}.group-id": (member, "UserIdGroupPairs", "GroupId"),
        f"{prefix}.group-name": (member, "UserIdGroupPairs", "GroupName"),
        f"{prefix}.ipv6-cidr": (member, "Ipv6Ranges", "CidrIpv6"),
        f"{prefix}.prefix-list-id": (member, "PrefixListIds", "PrefixListId"),
        f"{prefix}.protocol": (member, "IpProtocol"),
        f"{prefix}.to-port": (member, "ToPort"),
        f"{prefix}.user-id": (member, "UserIdGroupPairs", "UserId"),
    }


GROUPS = Listing(
    of=nouns.SECURITY_GROUP,
    ids="GroupIds",
    result="SecurityGroups",
    filters={
        "description": ("Description",),
        "group-id": ("GroupId",),
        "group-name": ("GroupName",),
        "owner-id": ("OwnerId",),
        "tag-key": ("Tags", "Key"),
        "vpc-id": ("VpcId",),
        **_permission_filters("ip-permission", "IpPermissions"),
        **_permission_filters("egress.ip-permission", "IpPermissionsEgress"),
    },
)
NAME = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")
RESERVED_PREFIX = "sg-"


def create_security_group(txn: Txn, context: Context, params: Params) -> Result:
    """CreateSecurityGroup: nothing in, everything out."""
    vpc_id = _vpc_id(txn, context, params.get("VpcId"))
    name = _checked_name(txn, vpc_id, params["GroupName"])
    description = params["Description"]
    if not NAME.fullmatch(description):
        raise Invalid("parameter", description, why=f"Invalid security group description: {description!r}.")
    group = new_group(context, vpc_id=vpc_id, name=name, description=description)
    group["Tags"] = tags_asked(params, nouns.SECURITY_GROUP)
    txn.put(new_record(context, nouns.SECURITY_GROUP, group, parent=vpc_id))
    put_rule(txn, context, all_out(context, group["GroupId"]))
    return {member: group[member] for member in ("GroupId", "Tags", "SecurityGroupArn")}


def describe_security_groups(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's groups, by id, or by name within the default VPC."""
    for group_id in params.get("GroupIds") or []:
        _check_id(group_id)
    groups = _groups(txn, context)
    if names := params.get("GroupNames"):
        vpc = find_default_vpc(txn, context)
        groups = [group for group in groups if vpc is not None and group["VpcId"] == vpc.key]
        known = {group["GroupName"] for group in groups}
        for name in names:
            if name not in known:
                raise NotFound("security group", name)
        groups = [group for group in groups if group["GroupName"] in names]
    return describe(GROUPS, context, params, groups)


def delete_security_group(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteSecurityGroup: not a VPC's default one, nor one that an interface or another's rule names."""
    group = find_group(txn, context, params)
    if group.document["GroupName"] == DEFAULT_GROUP:
        why = f'the specified group: "{group.key}" name: "{DEFAULT_GROUP}" cannot be deleted by a user'
        raise Denied("default security group", why=why)
    if _is_used(txn, context, group):
        raise InUse("security group", group.key)
    for rule in txn.find(kinds.SECURITY_GROUP_RULE, parent=group.key):
        txn.delete(rule)
    txn.delete(group)
    return {"Return": True, "GroupId": group.key}


def find_group(txn: Txn, context: Context, params: Mapping[str, Any]) -> Record:
    """The group a call names: by id, or by name within the default VPC."""
    if group_id := params.get("GroupId"):
        _check_id(group_id)
        return find_record(txn, context, nouns.SECURITY_GROUP, group_id)
    name = params.get("GroupName")
    if not name:
        raise Invalid("request", why="The request must contain the parameter groupName or groupId")
    vpc_id = _vpc_id(txn, context, None)
    for group in txn.find(kinds.SECURITY_GROUP, parent=vpc_id):
        if group.document["GroupName"] == name:
            return group
    raise NotFound(
        "security group", name, why=f"The security group '{name}' does not exist in default VPC '{vpc_id}'"
    )


def _check_id(group_id: str) -> None:
    if not group_id.startswith(RESERVED_PREFIX):
        raise Invalid("security group id", group_id, why=f'Invalid id: "{group_id}" (expecting "sg-...")')


def _vpc_id(txn: Txn, context: Context, asked: str | None) -> str:
    """The VPC asked for, else the default one."""
    if asked:
        return find_record(txn, context, nouns.VPC, asked).key
    vpc = find_default_vpc(txn, context)
    if vpc is None:
        raise NotFound("vpc of a group")
    return vpc.key


def _checked_name(txn: Txn, vpc_id: str, name: str) -> str:
    if not NAME.fullmatch(name) or name.startswith(RESERVED_PREFIX):
        why = f"Invalid value '{name}' for groupName: 1 to 255 plain characters, not beginning with 'sg-'."
        raise Invalid("parameter", name, why=why)
    if name == DEFAULT_GROUP:
        raise Invalid("parameter", name, why=f"Cannot use reserved security group name: {name}")
    if any(group.document["GroupName"] == name for group in txn.find(kinds.SECURITY_GROUP, parent=vpc_id)):
        why = f"The security group '{name}' already exists for VPC '{vpc_id}'"
        raise AlreadyExists("security group", name, why=why)
    return name


def _is_used(txn: Txn, context: Context, group: Record) -> bool:
    interfaces = txn.find(kinds.NETWORK_INTERFACE, scope=context.scope)
    if any(one["GroupId"] == group.key for record in interfaces for one in record.document["Groups"]):
        return True
    rules = txn.find(kinds.SECURITY_GROUP_RULE, scope=context.scope)
    return any(
        rule.parent != group.key and rule.document.get("ReferencedGroupInfo", {}).get("GroupId") == group.key
        for rule in rules
    )


def _groups(txn: Txn, context: Context) -> list[Document]:
    """Every group of the scope with its permissions."""
    rules = defaultdict(list)
    for rule in txn.find(kinds.SECURITY_GROUP_RULE, scope=context.scope):
        rules[rule.parent, rule.document["IsEgress"]].append(rule.document)
    return [
        {
            **group,
            "IpPermissions": render_permissions(rules[group["GroupId"], False]),
            "IpPermissionsEgress": render_permissions(rules[group["GroupId"], True]),
        }
        for group in documents_of(txn, context, nouns.SECURITY_GROUP)
    ]


OPERATIONS: Mapping[str, Operation] = {
    "CreateSecurityGroup": changes(
        create_security_group, "GroupName", "Description", "VpcId", "TagSpecifications"
    ),
    "DescribeSecurityGroups": looks(describe_security_groups),
    "DeleteSecurityGroup": changes(delete_security_group, "GroupId", "GroupName"),
}
