"""Network interfaces: those of tasks and gateways, which are theirs, and those a user makes.

A task's interface is shown as AWS shows it (`requester-managed`) and is its task's: a user can give it other
security groups and tags, and nothing else. There are no instances to attach one to.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.groups.security_groups import find_group
from bastide.api.ec2.making import default_group
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.places.regions import zone_id
from bastide.api.ec2.resources import find_record, new_id, shown
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.tokens import echoed
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import Denied, InUse, Invalid, LimitExceeded, NotFound, Unsupported
from bastide.model.network import kinds, reserved_addresses
from bastide.store import Record, Txn
from bastide.store.network.addresses import find_free_address, is_free
from bastide.store.network.interfaces import new_interface

ENIS = Listing(
    of=nouns.NETWORK_INTERFACE,
    ids="NetworkInterfaceIds",
    result="NetworkInterfaces",
    filters={
        "addresses.association.owner-id": ("PrivateIpAddresses", "Association", "IpOwnerId"),
        "addresses.association.public-ip": ("PrivateIpAddresses", "Association", "PublicIp"),
        "addresses.primary": ("PrivateIpAddresses", "Primary"),
        "addresses.private-ip-address": ("PrivateIpAddresses", "PrivateIpAddress"),
        "association.allocation-id": ("Association", "AllocationId"),
        "association.association-id": ("Association", "AssociationId"),
        "association.ip-owner-id": ("Association", "IpOwnerId"),
        "association.public-dns-name": ("Association", "PublicDnsName"),
        "association.public-ip": ("Association", "PublicIp"),
        "attachment.attach-time": ("Attachment", "AttachTime"),
        "attachment.attachment-id": ("Attachment", "AttachmentId"),
        "attachment.delete-on-termination": ("Attachment", "DeleteOnTermination"),
        "attachment.device-index": ("Attachment", "DeviceIndex"),
        "attachment.instance-id": ("Attachment", "InstanceId"),
        "attachment.instance-owner-id": ("Attachment", "InstanceOwnerId"),
        "attachment.status": ("Attachment", "Status"),
        "availability-zone": ("AvailabilityZone",),
        "availability-zone-id": ("AvailabilityZoneId",),
        "description": ("Description",),
        "group-id": ("Groups", "GroupId"),
        "group-name": ("Groups", "GroupName"),
        "interface-type": ("InterfaceType",),
        "ipv6-addresses.ipv6-address": ("Ipv6Addresses", "Ipv6Address"),
        "mac-address": ("MacAddress",),
        "network-interface-id": ("NetworkInterfaceId",),
        "operator.managed": ("Operator", "Managed"),
        "operator.principal": ("Operator", "Principal"),
        "owner-id": ("OwnerId",),
        "private-dns-name": ("PrivateDnsName",),
        "private-ip-address": ("PrivateIpAddresses", "PrivateIpAddress"),
        "requester-id": ("RequesterId",),
        "requester-managed": ("RequesterManaged",),
        "source-dest-check": ("SourceDestCheck",),
        "status": ("Status",),
        "subnet-id": ("SubnetId",),
        "tag-key": ("TagSet", "Key"),
        "vpc-id": ("VpcId",),
    },
)


GROUPS_MAX = 5  # of an interface: VPC user guide, "Amazon VPC quotas"


def create_network_interface(txn: Txn, context: Context, params: Params) -> Result:
    """CreateNetworkInterface: it holds an address of its subnet until it is deleted."""
    subnet = find_record(txn, context, nouns.SUBNET, params["SubnetId"])
    if params.get("InterfaceType", "interface") != "interface":
        raise Unsupported("parameter", why="Bastide has interfaces of the type 'interface' alone.")
    eni = new_interface(
        subnet,
        eni_id=new_id("eni"),
        address=choose_private_address(txn, subnet, params.get("PrivateIpAddress")),
        groups=checked_groups(txn, context, subnet.parent, params.get("Groups") or ()),
        description=params.get("Description", ""),
    )
    document = {**eni.document, "TagSet": tags_asked(params, nouns.NETWORK_INTERFACE)}
    record = txn.put(eni.changed(document=document))
    return {"NetworkInterface": {**rendered(txn, context, record), "Status": "pending"}, **echoed(params)}


def describe_network_interfaces(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's network interfaces."""
    ids = params.get("NetworkInterfaceIds") or []
    if ids and params.get("MaxResults") is not None:
        why = "The parameter networkInterfaceIdSet cannot be used with the parameter maxResults"
        raise Invalid("parameters", why=why)
    for one in ids:
        if not one.startswith("eni-"):
            raise Invalid("network interface id", one, why=f'Invalid id: "{one}" (expecting "eni-...")')
    names = _group_names(txn, context)
    interfaces = txn.find(kinds.NETWORK_INTERFACE, scope=context.scope)
    return describe(ENIS, context, params, [_rendered(record.document, names) for record in interfaces])


def delete_network_interface(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteNetworkInterface: not one that is in use."""
    record = find_record(txn, context, nouns.NETWORK_INTERFACE, params["NetworkInterfaceId"])
    if record.document["RequesterManaged"] or record.document["Status"] == "in-use":
        raise InUse("network interface", record.key)
    if "Association" in record.document:
        why = f"The interface {record.key} has an elastic IP address: disassociate it first."
        raise InUse("network interface address", record.key, why=why)
    for log in txn.find(kinds.FLOW_LOG, parent=record.key):
        txn.delete(log)
    txn.delete(record)
    return {}


def attach_network_interface(txn: Txn, context: Context, params: Params) -> Result:
    """AttachNetworkInterface: to an instance, of which there are none."""
    find_record(txn, context, nouns.NETWORK_INTERFACE, params["NetworkInterfaceId"])
    raise NotFound("instance", params["InstanceId"])


def detach_network_interface(txn: Txn, context: Context, params: Params) -> Result:
    """DetachNetworkInterface: what is attached is attached to tasks, and theirs."""
    asked = params["AttachmentId"]
    for record in txn.find(kinds.NETWORK_INTERFACE, scope=context.scope):
        if record.document.get("Attachment", {}).get("AttachmentId") == asked:
            raise Denied("attachment", asked)
    raise NotFound("attachment", asked)


def checked_groups(txn: Txn, context: Context, vpc_id: str, asked: Sequence[str]) -> list[str]:
    """The groups of an interface: of its VPC, not too many; the VPC's default one unless said."""
    if len(asked) > GROUPS_MAX:
        why = "The maximum number of security groups per interface has been reached."
        raise LimitExceeded("groups of an interface", why=why)
    for group_id in asked:
        if find_group(txn, context, {"GroupId": group_id}).parent != vpc_id:
            why = f"Security group {group_id} and subnet belong to different networks."
            raise Invalid("network", group_id, why=why)
    return list(dict.fromkeys(asked)) or [default_group(txn, vpc_id).key]


def choose_private_address(txn: Txn, subnet: Record, asked: str | None) -> IPv4Address:
    """The address asked for, else a free one of the subnet."""
    if asked is None:
        found = find_free_address(txn, subnet, new_id("seed"))
        if found is None:
            raise LimitExceeded("free addresses", subnet.key)
        return found
    block = IPv4Network(subnet.document["CidrBlock"])
    try:
        address = IPv4Address(asked)
    except ValueError as error:
        why = f"Value ({asked}) for parameter privateIpAddress is invalid."
        raise Invalid("parameter", asked, why=why) from error
    if address not in block:
        raise Invalid("parameter", asked, why="Address does not fall within the subnet's address range")
    if address in reserved_addresses(block):
        raise Invalid("parameter", asked, why="Address is in subnet's reserved address range")
    if not is_free(txn, subnet, address):
        raise InUse("private address", asked)
    return address


def rendered(txn: Txn, context: Context, record: Record) -> Document:
    """The interface as it is shown."""
    return _rendered(record.document, _group_names(txn, context))


def _group_names(txn: Txn, context: Context) -> dict[str, str]:
    groups = txn.find(kinds.SECURITY_GROUP, scope=context.scope)
    return {group.key: group.document["GroupName"] for group in groups}


def _rendered(document: Document, names: Mapping[str, str]) -> Document:
    """The interface with what follows from other records: its zone's id and its groups' names."""
    told = shown(document)
    if attachment := document.get("Attachment"):
        told["Attachment"] = {
            **attachment,
            "AttachTime": datetime.fromtimestamp(attachment["AttachTime"], UTC),
        }
    return {
        **told,
        "AvailabilityZoneId": zone_id(document["AvailabilityZone"]),
        "Groups": [
            {"GroupId": group["GroupId"], "GroupName": names[group["GroupId"]]}
            for group in document["Groups"]
            if group["GroupId"] in names
        ],
    }


OPERATIONS: Mapping[str, Operation] = {
    "CreateNetworkInterface": changes(
        create_network_interface,
        "SubnetId",
        "Description",
        "Groups",
        "InterfaceType",
        "PrivateIpAddress",
        "ClientToken",
        "TagSpecifications",
    ),
    "DescribeNetworkInterfaces": looks(describe_network_interfaces),
    "DeleteNetworkInterface": changes(delete_network_interface, "NetworkInterfaceId"),
    "AttachNetworkInterface": changes(
        attach_network_interface, "NetworkInterfaceId", "InstanceId", "DeviceIndex", "NetworkCardIndex"
    ),
    "DetachNetworkInterface": changes(detach_network_interface, "AttachmentId", "Force"),
}
