"""DescribeSecurityGroups and DescribeSecurityGroupRules.

Owns how groups are shown. What the rules do to traffic is the network's part.
"""

from collections import defaultdict
from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.groups.permissions import render_permissions
from bastide.api.ec2.operations import looks
from bastide.api.ec2.resources import documents_of
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import Invalid, NotFound
from bastide.store import Txn
from bastide.store.network import kinds


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


def describe_security_groups(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's groups, by id, or by name within the default VPC."""
    for group_id in params.get("GroupIds") or []:
        if not group_id.startswith("sg-"):
            raise Invalid("security group id", group_id, why=f'Invalid id: "{group_id}" (expecting "sg-...")')
    groups = _groups(txn, context)
    if names := params.get("GroupNames"):
        default_vpcs = {
            record.key for record in txn.find(kinds.VPC, scope=context.scope) if record.document["IsDefault"]
        }
        groups = [group for group in groups if group["VpcId"] in default_vpcs]
        known = {group["GroupName"] for group in groups}
        for name in names:
            if name not in known:
                raise NotFound("security group", name)
        groups = [group for group in groups if group["GroupName"] in names]
    return describe(GROUPS, context, params, groups)


def describe_security_group_rules(txn: Txn, context: Context, params: Params) -> Result:
    """The rules of the scope's groups, one by one."""
    return describe(RULES, context, params, documents_of(txn, context, nouns.SECURITY_GROUP_RULE))


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
    "DescribeSecurityGroups": looks(describe_security_groups),
    "DescribeSecurityGroupRules": looks(describe_security_group_rules),
}
