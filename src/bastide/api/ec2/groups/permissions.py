"""IpPermissions: several rules of one protocol and range of ports, told together.

Rules are what is stored; permissions are how older calls write them and DescribeSecurityGroups shows them.
"""

from collections.abc import Iterable

from bastide.api.ec2.documents.groups import ALL_TRAFFIC
from bastide.api.operation import Document

# Where a permission lists peers of a kind, and which member of its own a rule names one by.
PEERS = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")


def render_permissions(rules: Iterable[Document]) -> list[Document]:
    """The rules put together, one permission for each protocol and range of ports."""
    permissions: dict[tuple[str, int, int], Document] = {}
    for rule in rules:
        key = (rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
        permission = permissions.setdefault(key, _empty(*key))
        member, peer = _peer(rule)
        if "Description" in rule:
            peer["Description"] = rule["Description"]
        permission[member].append(peer)
    return list(permissions.values())


def _empty(protocol: str, from_port: int, to_port: int) -> Document:
    ports = {} if protocol == ALL_TRAFFIC else {"FromPort": from_port, "ToPort": to_port}
    return {"IpProtocol": protocol, **ports, **{member: [] for member in PEERS}}


def _peer(rule: Document) -> tuple[str, Document]:
    if group := rule.get("ReferencedGroupInfo"):
        return "UserIdGroupPairs", {"GroupId": group["GroupId"], "UserId": group["UserId"]}
    if prefix_list := rule.get("PrefixListId"):
        return "PrefixListIds", {"PrefixListId": prefix_list}
    return "IpRanges", {"CidrIp": rule["CidrIpv4"]}
