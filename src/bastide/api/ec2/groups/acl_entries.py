"""Entries of a network ACL: numbered, each way by itself; the last, which denies the rest, is nobody's."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.cidrs import parse_cidr
from bastide.api.ec2.groups.permissions import ANY, PORT_MAX, PROTOCOL_MAX, TYPE_MAX
from bastide.api.ec2.operations import changes
from bastide.api.ec2.resources import find_record, put_members
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Invalid, LimitExceeded, NotFound, Unsupported
from bastide.store import Txn

NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "all": "-1"}
TCP, UDP, ICMP, ICMPV6 = "6", "17", "1", "58"
NUMBER_MAX = 32766
ENTRIES_MAX = 20  # each way, the last left out: VPC user guide, "Amazon VPC quotas"


def create_entry(txn: Txn, context: Context, params: Params) -> Result:
    """CreateNetworkAclEntry."""
    acl = find_record(txn, context, nouns.NETWORK_ACL, params["NetworkAclId"])
    entry = _entry(params)
    entries = acl.document["Entries"]
    if _find(entries, entry) is not None:
        raise AlreadyExists("network acl entry", str(entry["RuleNumber"]))
    same_way = [one for one in entries if one["Egress"] == entry["Egress"]]
    if len(same_way) - 1 >= ENTRIES_MAX:
        why = "The maximum number of network acl entries has been reached."
        raise LimitExceeded("network acl entries", acl.key, why=why)
    put_members(txn, acl, Entries=_ordered([*entries, entry]))
    return {}


def replace_entry(txn: Txn, context: Context, params: Params) -> Result:
    """ReplaceNetworkAclEntry."""
    acl = find_record(txn, context, nouns.NETWORK_ACL, params["NetworkAclId"])
    entry = _entry(params)
    old = _find(acl.document["Entries"], entry)
    if old is None:
        raise NotFound("network acl entry")
    put_members(txn, acl, Entries=_ordered([entry if one == old else one for one in acl.document["Entries"]]))
    return {}


def delete_entry(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteNetworkAclEntry."""
    acl = find_record(txn, context, nouns.NETWORK_ACL, params["NetworkAclId"])
    number = _checked_number(params["RuleNumber"])
    old = _find(acl.document["Entries"], {"RuleNumber": number, "Egress": params["Egress"]})
    if old is None:
        raise NotFound("network acl entry")
    put_members(txn, acl, Entries=[one for one in acl.document["Entries"] if one != old])
    return {}


def _entry(params: Params) -> Document:
    if not params.get("CidrBlock"):
        raise Invalid("request", why="The request must contain the parameter cidrBlock.")
    text = params["CidrBlock"]
    why = f"Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
    entry: Document = {
        "CidrBlock": str(parse_cidr(text, why=why)),
        "Egress": params["Egress"],
        "Protocol": _checked_protocol(params["Protocol"]),
        "RuleAction": params["RuleAction"],
        "RuleNumber": _checked_number(params["RuleNumber"]),
    }
    if entry["Protocol"] in (TCP, UDP):
        entry["PortRange"] = _port_range(params.get("PortRange"))
    elif entry["Protocol"] == ICMP:
        entry["IcmpTypeCode"] = _type_and_code(params.get("IcmpTypeCode"))
    return entry


def _checked_protocol(text: str) -> str:
    protocol = NUMBERS.get(text.lower(), text)
    if protocol == ICMPV6:
        raise Unsupported("parameter", why="Bastide does not do IPv6: see docs/compat.md.")
    if protocol != NUMBERS["all"] and not (protocol.isdecimal() and int(protocol) <= PROTOCOL_MAX):
        raise Invalid("parameter", text, why=f"Invalid value '{text}' for protocol.")
    return protocol


def _checked_number(number: int) -> int:
    if not 1 <= number <= NUMBER_MAX:
        why = f"Value ({number}) for parameter ruleNumber is invalid. Rule numbers are 1 to {NUMBER_MAX}."
        raise Invalid("parameter", str(number), why=why)
    return number


def _port_range(asked: Document | None) -> Document:
    if not asked or "From" not in asked or "To" not in asked:
        raise Invalid("request", why="The request must contain the parameter PortRange.")
    low, high = asked["From"], asked["To"]
    if (low, high) == (ANY, ANY):
        return {"From": 0, "To": PORT_MAX}
    if not 0 <= low <= high <= PORT_MAX:
        raise Invalid("parameter", why=f"Invalid port range ({low}:{high}) for parameter portRange.")
    return {"From": low, "To": high}


def _type_and_code(asked: Document | None) -> Document:
    if not asked or "Type" not in asked or "Code" not in asked:
        raise Invalid("request", why="The request must contain the parameter IcmpTypeCode.")
    kind, code = asked["Type"], asked["Code"]
    if not (ANY <= kind <= TYPE_MAX and ANY <= code <= TYPE_MAX):
        raise Invalid("parameter", why=f"Invalid ICMP type ({kind}) or code ({code}).")
    return {"Code": code, "Type": kind}


def _find(entries: list[Document], wanted: Document) -> Document | None:
    place = (wanted["RuleNumber"], wanted["Egress"])
    return next((one for one in entries if (one["RuleNumber"], one["Egress"]) == place), None)


def _ordered(entries: list[Document]) -> list[Document]:
    return sorted(entries, key=lambda one: (not one["Egress"], one["RuleNumber"]))


_ENTRY = (
    "NetworkAclId",
    "RuleNumber",
    "Protocol",
    "RuleAction",
    "Egress",
    "CidrBlock",
    "IcmpTypeCode",
    "PortRange",
)
OPERATIONS: Mapping[str, Operation] = {
    "CreateNetworkAclEntry": changes(create_entry, *_ENTRY),
    "ReplaceNetworkAclEntry": changes(replace_entry, *_ENTRY),
    "DeleteNetworkAclEntry": changes(delete_entry, "NetworkAclId", "RuleNumber", "Egress"),
}
