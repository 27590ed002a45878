"""Elastic IP addresses: taken from the installation's pool, kept until they are released."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_id, new_record
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import InUse, Invalid, LimitExceeded, NotFound, Unsupported
from bastide.model.network import kinds, public_pool
from bastide.store import Record, Txn
from bastide.store.network.addresses import (
    find_public_address,
    return_public_address,
    take_public_address,
)

ADDRESSES = Listing(
    of=nouns.ADDRESS,
    ids="AllocationIds",
    result="Addresses",
    filters={
        "allocation-id": ("AllocationId",),
        "association-id": ("AssociationId",),
        "domain": ("Domain",),
        "instance-id": ("InstanceId",),
        "network-border-group": ("NetworkBorderGroup",),
        "network-interface-id": ("NetworkInterfaceId",),
        "network-interface-owner-id": ("NetworkInterfaceOwnerId",),
        "private-ip-address": ("PrivateIpAddress",),
        "public-ip": ("PublicIp",),
        "tag-key": ("Tags", "Key"),
    },
)
POOL = "amazon"
DOMAIN = "vpc"


def allocate_address(txn: Txn, context: Context, params: Params) -> Result:
    """AllocateAddress."""
    region = context.caller.region
    for name, only in (("Domain", DOMAIN), ("NetworkBorderGroup", region), ("PublicIpv4Pool", POOL)):
        if params.get(name) not in (None, only):
            raise Unsupported("parameter", why=f"Bastide has no {name} but {only}.")
    allocation_id = new_id(nouns.ADDRESS.prefix)
    pool = public_pool(context.settings.instance, context.settings.public_pool)
    found = find_public_address(txn, pool, allocation_id)
    if found is None:
        raise LimitExceeded("addresses", why="The pool of public addresses is empty: release some.")
    document: Document = {
        "AllocationId": allocation_id,
        "PublicIp": str(found),
        "Domain": DOMAIN,
        "PublicIpv4Pool": POOL,
        "NetworkBorderGroup": region,
        "Tags": tags_asked(params, nouns.ADDRESS),
    }
    take_public_address(txn, found, holder=allocation_id)
    txn.put(new_record(context, nouns.ADDRESS, document, name=str(found)))
    return {member: value for member, value in document.items() if member != "Tags"}


def describe_addresses(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's elastic addresses; those that come and go with a task are none."""
    for asked in params.get("PublicIps") or ():
        _by_public_ip(txn, context, asked)
    documents = documents_of(txn, context, nouns.ADDRESS)
    if asked := params.get("PublicIps"):
        documents = [document for document in documents if document["PublicIp"] in asked]
    return describe(ADDRESSES, context, params, documents)


def describe_addresses_attribute(txn: Txn, context: Context, params: Params) -> Result:
    """DescribeAddressesAttribute: no address has a name of its own to be found by."""
    answer = describe(ADDRESSES, context, params, documents_of(txn, context, nouns.ADDRESS))
    told = [{member: one[member] for member in ("PublicIp", "AllocationId")} for one in answer["Addresses"]]
    return {**answer, "Addresses": told}


def release_address(txn: Txn, context: Context, params: Params) -> Result:
    """ReleaseAddress: back to the pool."""
    record = find_address(txn, context, params)
    if record.parent:
        raise InUse("address", record.name)
    return_public_address(txn, record.name, holder=record.key)
    txn.delete(record)
    return {}


def find_address(txn: Txn, context: Context, params: Params) -> Record:
    """The address a call names by its allocation or by itself."""
    if allocation_id := params.get("AllocationId"):
        return find_record(txn, context, nouns.ADDRESS, allocation_id)
    if public_ip := params.get("PublicIp"):
        return _by_public_ip(txn, context, public_ip)
    raise Invalid("request", why="Either 'allocationId' or 'publicIp' must be provided.")


def _by_public_ip(txn: Txn, context: Context, public_ip: str) -> Record:
    found = txn.find(kinds.ADDRESS, scope=context.scope, name=public_ip)
    if not found:
        raise NotFound("public address", public_ip)
    return found[0]


OPERATIONS: Mapping[str, Operation] = {
    "AllocateAddress": changes(
        allocate_address, "Domain", "NetworkBorderGroup", "PublicIpv4Pool", "TagSpecifications"
    ),
    "DescribeAddresses": looks(describe_addresses),
    "DescribeAddressesAttribute": looks(describe_addresses_attribute),
    "ReleaseAddress": changes(release_address, "AllocationId", "PublicIp", "NetworkBorderGroup"),
}
