"""A new security group, the rules it begins with, and a new network ACL."""

from bastide.api.ec2.resources import ec2_arn, new_id
from bastide.api.operation import Context, Document
from bastide.model.network.kinds import EVERYWHERE, REST_NUMBER

DEFAULT_GROUP = "default"
ALL_TRAFFIC = "-1"
ALLOW_ALL = 100


def new_group(context: Context, *, vpc_id: str, name: str, description: str) -> Document:
    """A group without its rules."""
    group_id = new_id("sg")
    return {
        "GroupId": group_id,
        "GroupName": name,
        "Description": description,
        "OwnerId": context.caller.account,
        "VpcId": vpc_id,
        "SecurityGroupArn": ec2_arn(context, f"security-group/{group_id}"),
        "Tags": [],
    }


def new_rule(
    context: Context, *, group_id: str, is_egress: bool, protocol: str, ports: tuple[int, int], peer: Document
) -> Document:
    """One rule; `peer` is the member that says who is at the other end, and a description where given."""
    rule_id = new_id("sgr")
    return {
        "SecurityGroupRuleId": rule_id,
        "GroupId": group_id,
        "GroupOwnerId": context.caller.account,
        "IsEgress": is_egress,
        "IpProtocol": protocol,
        "FromPort": ports[0],
        "ToPort": ports[1],
        **peer,
        "Tags": [],
        "SecurityGroupRuleArn": ec2_arn(context, f"security-group-rule/{rule_id}"),
    }


def all_out(context: Context, group_id: str) -> Document:
    """What every new group has: out to everywhere."""
    peer = {"CidrIpv4": EVERYWHERE}
    return new_rule(
        context, group_id=group_id, is_egress=True, protocol=ALL_TRAFFIC, ports=(-1, -1), peer=peer
    )


def all_in_from_members(context: Context, group_id: str) -> Document:
    """What a default group has besides: in from its own members."""
    peer = {"ReferencedGroupInfo": {"GroupId": group_id, "UserId": context.caller.account}}
    return new_rule(
        context, group_id=group_id, is_egress=False, protocol=ALL_TRAFFIC, ports=(-1, -1), peer=peer
    )


def new_network_acl(context: Context, *, vpc_id: str, is_default: bool = False) -> Document:
    """A network ACL: a VPC's first allows everything, any other nothing."""
    numbered = ((ALLOW_ALL, "allow"),) if is_default else ()
    return {
        "Associations": [],
        "Entries": [
            {
                "CidrBlock": EVERYWHERE,
                "Egress": is_egress,
                "Protocol": ALL_TRAFFIC,
                "RuleAction": action,
                "RuleNumber": number,
            }
            for is_egress in (True, False)
            for number, action in (*numbered, (REST_NUMBER, "deny"))
        ],
        "IsDefault": is_default,
        "NetworkAclId": new_id("acl"),
        "Tags": [],
        "VpcId": vpc_id,
        "OwnerId": context.caller.account,
    }


def acl_association(acl_id: str, subnet_id: str) -> Document:
    """What makes a network ACL a subnet's."""
    return {
        "NetworkAclAssociationId": new_id("aclassoc"),
        "NetworkAclId": acl_id,
        "SubnetId": subnet_id,
    }


def new_prefix_list(context: Context, *, name: str, max_entries: int) -> Document:
    """A prefix list of its first version, without its entries."""
    list_id = new_id("pl")
    return {
        "PrefixListId": list_id,
        "AddressFamily": "IPv4",
        "State": "create-complete",
        "PrefixListArn": ec2_arn(context, f"prefix-list/{list_id}"),
        "PrefixListName": name,
        "MaxEntries": max_entries,
        "Version": 1,
        "Tags": [],
        "OwnerId": context.caller.account,
    }
