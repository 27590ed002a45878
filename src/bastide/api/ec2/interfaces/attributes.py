"""Attributes of network interfaces, one a call."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.interfaces.network_interfaces import checked_groups, rendered
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import find_record, put_members
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import Denied, Invalid, Unsupported
from bastide.store import Txn

ATTRIBUTES = ("Description", "Groups", "SourceDestCheck")
SHOWN = {
    "description": "Description",
    "groupSet": "Groups",
    "sourceDestCheck": "SourceDestCheck",
    "attachment": "Attachment",
}


def modify_network_interface_attribute(txn: Txn, context: Context, params: Params) -> Result:
    """ModifyNetworkInterfaceAttribute: other groups hold at once for a running task's interface too."""
    record = find_record(txn, context, nouns.NETWORK_INTERFACE, params["NetworkInterfaceId"])
    asked = [name for name in ATTRIBUTES if name in params]
    if len(asked) != 1:
        raise Invalid("parameters", why="Exactly one attribute can be modified at a time.")
    (name,) = asked
    if name == "Groups":
        groups = checked_groups(txn, context, record.document["VpcId"], params["Groups"])
        put_members(txn, record, Groups=[{"GroupId": group} for group in groups])
        return {}
    if record.document["RequesterManaged"]:
        raise Denied("network interface", record.key)
    if name == "Description":
        put_members(txn, record, Description=params[name].get("Value", ""))
    elif not params[name].get("Value"):
        why = "Nothing routes through an interface here: its source/destination check stays on."
        raise Unsupported("parameter", why=why)
    return {}


def describe_network_interface_attribute(txn: Txn, context: Context, params: Params) -> Result:
    """DescribeNetworkInterfaceAttribute."""
    record = find_record(txn, context, nouns.NETWORK_INTERFACE, params["NetworkInterfaceId"])
    asked = params.get("Attribute")
    if asked not in SHOWN:
        why = f"Value ({asked}) for parameter attribute is invalid. It is one of {', '.join(SHOWN)}."
        raise Invalid("parameter", str(asked), why=why)
    name = SHOWN[asked]
    value = rendered(txn, context, record).get(name)
    if name in ("Description", "SourceDestCheck"):
        value = {"Value": value}
    return {"NetworkInterfaceId": record.key, **({} if value is None else {name: value})}


OPERATIONS: Mapping[str, Operation] = {
    "ModifyNetworkInterfaceAttribute": changes(
        modify_network_interface_attribute, "NetworkInterfaceId", *ATTRIBUTES
    ),
    "DescribeNetworkInterfaceAttribute": looks(describe_network_interface_attribute),
}
