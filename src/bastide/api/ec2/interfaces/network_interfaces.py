"""DescribeNetworkInterfaces: the interfaces of tasks.

`control/enis` writes them (record kind `eni`, parent the subnet, document in EC2's shape); members that
begin with an underscore are its own and are not shown.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.operations import looks
from bastide.api.ec2.places.regions import zone_id
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import Invalid
from bastide.store import Txn
from bastide.store.network import kinds

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


def describe_network_interfaces(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's network interfaces."""
    ids = params.get("NetworkInterfaceIds") or []
    if ids and params.get("MaxResults") is not None:
        why = "The parameter networkInterfaceIdSet cannot be used with the parameter maxResults"
        raise Invalid("parameters", why=why)
    for one in ids:
        if not one.startswith("eni-"):
            raise Invalid("network interface id", one, why=f'Invalid id: "{one}" (expecting "eni-...")')
    groups = txn.find(kinds.SECURITY_GROUP, scope=context.scope)
    names = {group.key: group.document["GroupName"] for group in groups}
    enis = [
        _shown(record.document, names) for record in txn.find(kinds.NETWORK_INTERFACE, scope=context.scope)
    ]
    return describe(ENIS, context, params, enis)


def _shown(document: Document, names: Mapping[str, str]) -> Document:
    """The interface with what follows from other records: its zone's id and its groups' names."""
    shown = {member: value for member, value in document.items() if not member.startswith("_")}
    attachment = dict(document.get("Attachment", {}))
    if "AttachTime" in attachment:
        attachment["AttachTime"] = datetime.fromtimestamp(attachment["AttachTime"], UTC)
    return {
        **shown,
        "Attachment": attachment,
        "AvailabilityZoneId": zone_id(document["AvailabilityZone"]),
        "Groups": [
            {"GroupId": group["GroupId"], "GroupName": names[group["GroupId"]]}
            for group in document["Groups"]
            if group["GroupId"] in names
        ],
    }


OPERATIONS: Mapping[str, Operation] = {"DescribeNetworkInterfaces": looks(describe_network_interfaces)}
