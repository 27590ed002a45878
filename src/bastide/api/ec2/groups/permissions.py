"""IpPermissions: several rules of one protocol and range of ports, told together.

Rules are what is stored; permissions are how calls write them and DescribeSecurityGroups shows them. Here a
rule is its protocol, ports, peer and description, without the id it may have.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bastide.api.ec2.cidrs import parse_cidr
from bastide.api.ec2.documents.groups import ALL_TRAFFIC
from bastide.api.operation import Document
from bastide.model.faults import Invalid, Unsupported

PEERS = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": ALL_TRAFFIC}
WITH_PORTS = ("tcp", "udp")
ICMP, ICMPV6 = "icmp", "icmpv6"
PORT_MAX, TYPE_MAX, PROTOCOL_MAX = 65535, 255, 255
ANY = -1
DESCRIPTION_CHARS_MAX = 255


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


def parse_permission(permission: Mapping[str, Any]) -> Iterator[Document]:
    """The rules a permission stands for; a group is named as the call does it, in `ReferencedGroupInfo`."""
    protocol, ports = parse_ports(permission)
    if permission.get("Ipv6Ranges") or protocol == ICMPV6:
        raise Unsupported("parameter", why="Bastide does not do IPv6: see docs/compat.md.")
    about = {"IpProtocol": protocol, "FromPort": ports[0], "ToPort": ports[1]}
    for one in permission.get("IpRanges") or ():
        yield {**about, "CidrIpv4": parse_range(one.get("CidrIp", "")), **described(one)}
    for one in permission.get("PrefixListIds") or ():
        yield {**about, "PrefixListId": one.get("PrefixListId", ""), **described(one)}
    for one in permission.get("UserIdGroupPairs") or ():
        named = {name: one[name] for name in ("GroupId", "GroupName", "UserId") if one.get(name)}
        yield {**about, "ReferencedGroupInfo": named, **described(one)}


def parse_range(text: str) -> str:
    """A rule's block of addresses."""
    return str(parse_cidr(text, why=f"CIDR block {text} is malformed"))


def described(one: Mapping[str, Any]) -> Document:
    """The description of a rule, where it has one."""
    text = one.get("Description")
    if not text:
        return {}
    if len(text) > DESCRIPTION_CHARS_MAX:
        why = f"Rule descriptions must be at most {DESCRIPTION_CHARS_MAX} characters long."
        raise Invalid("parameter", text, why=why)
    return {"Description": text}


def parse_ports(asked: Mapping[str, Any]) -> tuple[str, tuple[int, int]]:
    """Protocol and ports of a permission: of ICMP these are type and code, and others have none."""
    text = str(asked.get("IpProtocol") or "").lower()
    if not text:
        raise Invalid("request", why="The request must contain the parameter ipProtocol.")
    protocol = NUMBERS.get(text, text)
    given = (asked.get("FromPort"), asked.get("ToPort"))
    if protocol in WITH_PORTS:
        return protocol, _port_range(*given)
    if protocol in (ICMP, ICMPV6):
        return protocol, _icmp(*given)
    if protocol != ALL_TRAFFIC and not (protocol.isdecimal() and int(protocol) <= PROTOCOL_MAX):
        why = f"Invalid value '{text}' for IP protocol. Unknown protocol."
        raise Invalid("parameter", text, why=why)
    return protocol, (ANY, ANY)


def _port_range(from_port: int | None, to_port: int | None) -> tuple[int, int]:
    if from_port is None or to_port is None:
        why = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."
        raise Invalid("parameter", why=why)
    if (from_port, to_port) == (ANY, ANY):
        return 0, PORT_MAX
    if not 0 <= from_port <= to_port <= PORT_MAX:
        raise Invalid("parameter", why=f"Invalid TCP/UDP port range ({from_port}:{to_port})")
    return from_port, to_port


def _icmp(kind: int | None, code: int | None) -> tuple[int, int]:
    kind, code = ANY if kind is None else kind, ANY if code is None else code
    if not (ANY <= kind <= TYPE_MAX and ANY <= code <= TYPE_MAX) or (kind == ANY and code != ANY):
        raise Invalid("parameter", why=f"ICMP type ({kind}) and code ({code}) are no valid pair")
    return kind, code


def _empty(protocol: str, from_port: int, to_port: int) -> Document:
    ports = {} if protocol == ALL_TRAFFIC else {"FromPort": from_port, "ToPort": to_port}
    return {"IpProtocol": protocol, **ports, **{member: [] for member in PEERS}}


def _peer(rule: Document) -> tuple[str, Document]:
    if group := rule.get("ReferencedGroupInfo"):
        return "UserIdGroupPairs", {"GroupId": group["GroupId"], "UserId": group["UserId"]}
    if prefix_list := rule.get("PrefixListId"):
        return "PrefixListIds", {"PrefixListId": prefix_list}
    return "IpRanges", {"CidrIp": rule["CidrIpv4"]}
