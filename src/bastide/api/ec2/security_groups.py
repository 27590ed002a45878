"""DescribeSecurityGroups and DescribeSecurityGroupRules.

Owns how groups are shown. What the rules do to traffic is the network's part.
"""

from collections.abc import Mapping

from bastide.api.ec2.default_vpc import with_default_vpc
from bastide.api.ec2.describe import Listing, describe, unless_dry
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.arn import render_arn
from bastide.model.faults import Invalid, NotFound
from bastide.store import Txn


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
    noun="security group",
    ids="GroupIds",
    id_member="GroupId",
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
    noun="security group rule",
    ids="SecurityGroupRuleIds",
    id_member="SecurityGroupRuleId",
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
            record.key for record in txn.find("vpc", scope=context.scope) if record.document["IsDefault"]
        }
        groups = [group for group in groups if group["VpcId"] in default_vpcs]
        known = {group["GroupName"] for group in groups}
        for name in names:
            if name not in known:
                raise NotFound("security group", name)
        groups = [group for group in groups if group["GroupName"] in names]
    return describe(GROUPS, context, params, [_shown(group) for group in groups])


def describe_security_group_rules(txn: Txn, context: Context, params: Params) -> Result:
    """The rules of the scope's groups, one by one."""
    rules = [
        _rule(context, group, rule) for group in _groups(txn, context) for rule in group.get("_rules", [])
    ]
    return describe(RULES, context, params, rules)


def _groups(txn: Txn, context: Context) -> list[Document]:
    return [record.document for record in txn.find("security-group", scope=context.scope)]


def _shown(group: Document) -> Document:
    return {member: value for member, value in group.items() if not member.startswith("_")}


def _rule(context: Context, group: Document, rule: Document) -> Document:
    shown: Document = {
        "SecurityGroupRuleId": rule["id"],
        "GroupId": group["GroupId"],
        "GroupOwnerId": group["OwnerId"],
        "IsEgress": rule["egress"],
        "IpProtocol": "-1",
        "FromPort": -1,
        "ToPort": -1,
        "Tags": [],
        "SecurityGroupRuleArn": render_arn(
            "ec2", context.caller.region, group["OwnerId"], f"security-group-rule/{rule['id']}"
        ),
    }
    if "group" in rule:
        shown["ReferencedGroupInfo"] = {"GroupId": rule["group"], "UserId": group["OwnerId"]}
    else:
        shown["CidrIpv4"] = rule["cidr"]
    return shown


OPERATIONS: Mapping[str, Operation] = {
    "DescribeSecurityGroups": with_default_vpc(unless_dry(describe_security_groups)),
    "DescribeSecurityGroupRules": with_default_vpc(unless_dry(describe_security_group_rules)),
}
