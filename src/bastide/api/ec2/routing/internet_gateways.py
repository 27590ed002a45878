"""Internet gateways: one a VPC, which alone lets its public addresses be reached."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.documents.routing import gateway_attachment, new_internet_gateway
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_record, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import AlreadyExists, InUse, Invalid, NotFound
from bastide.model.network import kinds
from bastide.store import Txn

INTERNET_GATEWAYS = Listing(
    of=nouns.INTERNET_GATEWAY,
    ids="InternetGatewayIds",
    result="InternetGateways",
    filters={
        "attachment.state": ("Attachments", "State"),
        "attachment.vpc-id": ("Attachments", "VpcId"),
        "internet-gateway-id": ("InternetGatewayId",),
        "owner-id": ("OwnerId",),
        "tag-key": ("Tags", "Key"),
    },
)


def create_internet_gateway(txn: Txn, context: Context, params: Params) -> Result:
    """CreateInternetGateway."""
    gateway = new_internet_gateway(context)
    gateway["Tags"] = tags_asked(params, nouns.INTERNET_GATEWAY)
    txn.put(new_record(context, nouns.INTERNET_GATEWAY, gateway))
    return {"InternetGateway": shown(gateway)}


def describe_internet_gateways(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's internet gateways."""
    return describe(INTERNET_GATEWAYS, context, params, documents_of(txn, context, nouns.INTERNET_GATEWAY))


def attach_internet_gateway(txn: Txn, context: Context, params: Params) -> Result:
    """AttachInternetGateway."""
    gateway = find_record(txn, context, nouns.INTERNET_GATEWAY, params["InternetGatewayId"])
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    if gateway.parent:
        why = f"resource {gateway.key} is already attached to network {gateway.parent}"
        raise AlreadyExists("association", gateway.key, why=why)
    if txn.count(kinds.INTERNET_GATEWAY, parent=vpc.key):
        why = f"Network {vpc.key} already has an internet gateway attached"
        raise Invalid("parameter", vpc.key, why=why)
    document = {**gateway.document, "Attachments": [gateway_attachment(vpc.key)]}
    txn.put(gateway.changed(document=document, parent=vpc.key))
    return {}


def detach_internet_gateway(txn: Txn, context: Context, params: Params) -> Result:
    """DetachInternetGateway: not while an interface of the VPC has a public address."""
    gateway = find_record(txn, context, nouns.INTERNET_GATEWAY, params["InternetGatewayId"])
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    if gateway.parent != vpc.key:
        why = f"resource {gateway.key} is not attached to network {vpc.key}"
        raise NotFound("gateway attachment", gateway.key, why=why)
    if has_public_addresses(txn, context, vpc.key):
        why = (
            f"Network {vpc.key} has some mapped public address(es). Please unmap those public address(es) "
            "before detaching the gateway."
        )
        raise InUse("internet gateway", gateway.key, why=why)
    txn.put(gateway.changed(document={**gateway.document, "Attachments": []}, parent=""))
    return {}


def delete_internet_gateway(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteInternetGateway: after it was detached."""
    gateway = find_record(txn, context, nouns.INTERNET_GATEWAY, params["InternetGatewayId"])
    if gateway.parent:
        raise InUse("internet gateway", gateway.key)
    txn.delete(gateway)
    return {}


def has_public_addresses(txn: Txn, context: Context, vpc_id: str) -> bool:
    """Whether an interface of the VPC can be reached from outside."""
    interfaces = txn.find(kinds.NETWORK_INTERFACE, scope=context.scope)
    return any(one.document["VpcId"] == vpc_id and "Association" in one.document for one in interfaces)


OPERATIONS: Mapping[str, Operation] = {
    "CreateInternetGateway": changes(create_internet_gateway, "TagSpecifications"),
    "DescribeInternetGateways": looks(describe_internet_gateways),
    "AttachInternetGateway": changes(attach_internet_gateway, "InternetGatewayId", "VpcId"),
    "DetachInternetGateway": changes(detach_internet_gateway, "InternetGatewayId", "VpcId"),
    "DeleteInternetGateway": changes(delete_internet_gateway, "InternetGatewayId"),
}
