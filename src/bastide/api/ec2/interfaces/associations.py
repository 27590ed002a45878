"""Which interface an elastic IP address leads to."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.interfaces.addresses import find_address
from bastide.api.ec2.operations import changes
from bastide.api.ec2.resources import find_record, new_id
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Denied, Invalid, NotFound
from bastide.model.network import kinds
from bastide.store import Record, Txn
from bastide.store.network.interfaces import with_public_address, without_public_address

OF_ASSOCIATION = ("AssociationId", "NetworkInterfaceId", "NetworkInterfaceOwnerId", "PrivateIpAddress")


def associate_address(txn: Txn, context: Context, params: Params) -> Result:
    """AssociateAddress: with an interface that is the user's own."""
    address = find_address(txn, context, params)
    if instance := params.get("InstanceId"):
        raise NotFound("instance", instance)
    if "NetworkInterfaceId" not in params:
        raise Invalid("request", why="The request must contain the parameter networkInterfaceId.")
    interface = find_record(txn, context, nouns.NETWORK_INTERFACE, params["NetworkInterfaceId"])
    _check_interface(txn, interface, params)
    if address.parent == interface.key:
        return {"AssociationId": address.document["AssociationId"]}
    if address.parent and not params.get("AllowReassociation"):
        why = (
            f"resource {address.key} is already associated with associate-id "
            f"{address.document['AssociationId']}"
        )
        raise AlreadyExists("association", address.key, why=why)
    if address.parent:
        address = separate(txn, context, address)
    interface = _freed(txn, context, interface, params)
    return {"AssociationId": join(txn, context, address, interface)}


def disassociate_address(txn: Txn, context: Context, params: Params) -> Result:
    """DisassociateAddress: the address stays the caller's."""
    asked = params.get("AssociationId")
    addresses = txn.find(kinds.ADDRESS, scope=context.scope)
    if asked:
        found = next((one for one in addresses if one.document.get("AssociationId") == asked), None)
    else:
        address = find_address(txn, context, params)
        found = address if address.parent else None
    if found is None:
        raise NotFound("association", asked or params.get("PublicIp", ""))
    interface = txn.get(kinds.NETWORK_INTERFACE, found.parent)
    if interface is not None and interface.document["RequesterManaged"]:
        raise Denied("network interface", interface.key)
    separate(txn, context, found)
    return {}


def join(txn: Txn, context: Context, address: Record, interface: Record) -> str:
    """Let the address lead to the interface; the association's id."""
    association_id = new_id("eipassoc")
    members = {
        "AssociationId": association_id,
        "NetworkInterfaceId": interface.key,
        "NetworkInterfaceOwnerId": context.caller.account,
        "PrivateIpAddress": interface.document["PrivateIpAddress"],
    }
    txn.put(address.changed(document={**address.document, **members}, parent=interface.key))
    document = with_public_address(
        interface.document,
        address.document["PublicIp"],
        region=context.caller.region,
        IpOwnerId=context.caller.account,
        AllocationId=address.key,
        AssociationId=association_id,
    )
    txn.put(interface.changed(document=document))
    return association_id


def separate(txn: Txn, context: Context, address: Record) -> Record:
    """Let the address lead nowhere."""
    interface = txn.get(kinds.NETWORK_INTERFACE, address.parent)
    if interface is not None:
        txn.put(interface.changed(document=without_public_address(interface.document)))
    kept = {member: value for member, value in address.document.items() if member not in OF_ASSOCIATION}
    return txn.put(address.changed(document=kept, parent=""))


def _check_interface(txn: Txn, interface: Record, params: Params) -> None:
    if interface.document["RequesterManaged"]:
        raise Denied("network interface", interface.key)
    asked = params.get("PrivateIpAddress")
    if asked and asked != interface.document["PrivateIpAddress"]:
        why = f"Network interface {interface.key} does not have the private address {asked}."
        raise Invalid("parameter", asked, why=why)
    vpc_id = interface.document["VpcId"]
    if not txn.count(kinds.INTERNET_GATEWAY, parent=vpc_id):
        why = f"Network {vpc_id} is not attached to any internet gateway"
        raise NotFound("gateway attachment", vpc_id, why=why)


def _freed(txn: Txn, context: Context, interface: Record, params: Params) -> Record:
    """The interface without the elastic address it had, where that may be taken from it."""
    held = interface.document.get("Association", {}).get("AllocationId")
    if held is None:
        return interface
    if not params.get("AllowReassociation"):
        raise AlreadyExists("association", why=f"resource {interface.key} is already associated with {held}")
    separate(txn, context, find_record(txn, context, nouns.ADDRESS, held))
    return find_record(txn, context, nouns.NETWORK_INTERFACE, interface.key)


OPERATIONS: Mapping[str, Operation] = {
    "AssociateAddress": changes(
        associate_address,
        "AllocationId",
        "PublicIp",
        "NetworkInterfaceId",
        "InstanceId",
        "PrivateIpAddress",
        "AllowReassociation",
    ),
    "DisassociateAddress": changes(disassociate_address, "AssociationId", "PublicIp"),
}
