"""NAT gateways: a public address that a private subnet's tasks leave by.

Made in one step, so it is available when it is looked at first; deleted, it is shown for an hour, as AWS
does, and forgotten when the next one is made. Its interface is its own: no user deletes it.
"""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.interfaces.associations import join, separate
from bastide.api.ec2.interfaces.network_interfaces import choose_private_address
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import AVAILABLE, find_record, new_id, new_record, put_members, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.tokens import echoed
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import AlreadyExists, Invalid, Unsupported
from bastide.model.network import kinds
from bastide.store import Record, Txn
from bastide.store.network.interfaces import new_interface

NAT_GATEWAYS = Listing(
    of=nouns.NAT_GATEWAY,
    ids="NatGatewayIds",
    result="NatGateways",
    filters={
        "nat-gateway-id": ("NatGatewayId",),
        "state": ("State",),
        "subnet-id": ("SubnetId",),
        "tag-key": ("Tags", "Key"),
        "vpc-id": ("VpcId",),
    },
)
DELETED, FAILED, PENDING = "deleted", "failed", "pending"
SHOWN_AFTER_S = 3600  # VPC user guide, "Work with NAT gateways"
SHOWN_STATES = (DELETED, FAILED)


def create_nat_gateway(txn: Txn, context: Context, params: Params) -> Result:
    """CreateNatGateway: a public one, in a subnet."""
    _check_kind(params)
    subnet = find_record(txn, context, nouns.SUBNET, params["SubnetId"])
    address = _free_address(txn, context, params)
    _forget_old(txn, context)
    document: Document = {
        "NatGatewayId": new_id(nouns.NAT_GATEWAY.prefix),
        "SubnetId": subnet.key,
        "VpcId": subnet.parent,
        "State": AVAILABLE,
        "ConnectivityType": "public",
        "CreateTime": context.now_s,
        "NatGatewayAddresses": [],
        "Tags": tags_asked(params, nouns.NAT_GATEWAY),
    }
    if txn.count(kinds.INTERNET_GATEWAY, parent=subnet.parent):
        document["NatGatewayAddresses"] = [_attach(txn, context, subnet, address, document, params)]
    else:
        document |= {
            "State": FAILED,
            "FailureCode": "Gateway.NotAttached",
            "FailureMessage": f"Network {subnet.parent} has no Internet gateway attached",
            "DeleteTime": context.now_s,
        }
    txn.put(new_record(context, nouns.NAT_GATEWAY, document, parent=subnet.key))
    return {"NatGateway": {**shown(document), "State": PENDING}, **echoed(params)}


def describe_nat_gateways(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's NAT gateways, those deleted within the hour among them."""
    records = txn.find(kinds.NAT_GATEWAY, scope=context.scope)
    told = [shown(record.document) for record in records if not _is_old(record, context)]
    return describe(NAT_GATEWAYS, context, params, told)


def delete_nat_gateway(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteNatGateway: its elastic address stays the caller's."""
    record = find_record(txn, context, nouns.NAT_GATEWAY, params["NatGatewayId"])
    for held in record.document["NatGatewayAddresses"]:
        address = txn.get(kinds.ADDRESS, held["AllocationId"])
        if address is not None and address.parent == held["NetworkInterfaceId"]:
            separate(txn, context, address)
        interface = txn.get(kinds.NETWORK_INTERFACE, held["NetworkInterfaceId"])
        if interface is not None:
            txn.delete(interface)
    if record.document["State"] != DELETED:
        put_members(txn, record, State=DELETED, DeleteTime=context.now_s)
    return {"NatGatewayId": record.key}


def _check_kind(params: Params) -> None:
    if params.get("ConnectivityType", "public") != "public":
        raise Unsupported(
            "parameter", why="Bastide has NAT gateways of the connectivity type 'public' alone."
        )
    if params.get("AvailabilityMode", "zonal") != "zonal":
        raise Unsupported("parameter", why="Bastide has NAT gateways of the availability mode 'zonal' alone.")
    for name in ("SubnetId", "AllocationId"):
        if name not in params:
            raise Invalid("request", why=f"The request must contain the parameter {name}")


def _free_address(txn: Txn, context: Context, params: Params) -> Record:
    address = find_record(txn, context, nouns.ADDRESS, params["AllocationId"])
    if address.parent:
        why = f"Elastic IP address [{address.key}] is already associated"
        raise AlreadyExists("association", address.key, why=why)
    return address


def _attach(
    txn: Txn, context: Context, subnet: Record, address: Record, gateway: Document, params: Params
) -> Document:
    """The gateway's interface with its elastic address, as the gateway shows them."""
    private = choose_private_address(txn, subnet, params.get("PrivateIpAddress"))
    eni = new_interface(
        subnet,
        eni_id=new_id("eni"),
        address=private,
        groups=(),
        description=f"Interface for NAT Gateway {gateway['NatGatewayId']}",
    )
    own = {
        "RequesterManaged": True,
        "Status": "in-use",
        "InterfaceType": "nat_gateway",
        "SourceDestCheck": False,
    }
    interface = txn.put(eni.changed(document={**eni.document, **own}))
    return {
        "AllocationId": address.key,
        "AssociationId": join(txn, context, address, interface),
        "NetworkInterfaceId": interface.key,
        "PrivateIp": str(private),
        "PublicIp": address.document["PublicIp"],
        "IsPrimary": True,
        "Status": "succeeded",
    }


def _forget_old(txn: Txn, context: Context) -> None:
    for record in txn.find(kinds.NAT_GATEWAY, scope=context.scope):
        if _is_old(record, context):
            txn.delete(record)


def _is_old(record: Record, context: Context) -> bool:
    document = record.document
    is_over = document["State"] in SHOWN_STATES
    return is_over and bool(document["DeleteTime"] + SHOWN_AFTER_S < context.now_s)


OPERATIONS: Mapping[str, Operation] = {
    "CreateNatGateway": changes(
        create_nat_gateway,
        "SubnetId",
        "AllocationId",
        "ConnectivityType",
        "AvailabilityMode",
        "PrivateIpAddress",
        "ClientToken",
        "TagSpecifications",
    ),
    "DescribeNatGateways": looks(describe_nat_gateways),
    "DeleteNatGateway": changes(delete_nat_gateway, "NatGatewayId"),
}
