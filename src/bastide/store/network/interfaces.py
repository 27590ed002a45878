"""Interfaces as EC2 shows them, whoever makes one: a task's placement, a gateway, a user.

Owns the document's shape. Whether the address is free and the groups exist is for the caller to know.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

from bastide.model.network import kinds, mac_of, private_dns_name
from bastide.store.records import Record


def new_interface(
    subnet: Record, *, eni_id: str, address: IPv4Address, groups: Sequence[str], description: str
) -> Record:
    """An interface of a subnet that nothing uses yet."""
    account, region = subnet.scope.split("/")
    dns_name = private_dns_name(address, region)
    document = {
        "NetworkInterfaceId": eni_id,
        "SubnetId": subnet.key,
        "VpcId": subnet.parent,
        "AvailabilityZone": subnet.document["AvailabilityZone"],
        "OwnerId": account,
        "RequesterManaged": False,
        "Status": "available",
        "InterfaceType": "interface",
        "Description": description,
        "MacAddress": mac_of(eni_id),
        "PrivateIpAddress": str(address),
        "PrivateDnsName": dns_name,
        "PrivateIpAddresses": [
            {"Primary": True, "PrivateIpAddress": str(address), "PrivateDnsName": dns_name}
        ],
        "Ipv6Addresses": [],
        "SourceDestCheck": True,
        "Groups": [{"GroupId": group} for group in groups],
        "TagSet": [],
    }
    return Record(
        kinds.NETWORK_INTERFACE, eni_id, subnet.scope, document, parent=subnet.key, name=str(address)
    )


def with_public_address(
    document: dict[str, Any], public_ip: str, *, region: str, **members: str
) -> dict[str, Any]:
    """The interface reached at a public address; `members` say whose address it is."""
    domain = "compute-1" if region == "us-east-1" else f"{region}.compute"
    name = f"ec2-{public_ip.replace('.', '-')}.{domain}.amazonaws.com"
    association = {"PublicIp": public_ip, "PublicDnsName": name, **members}
    primary = {**document["PrivateIpAddresses"][0], "Association": association}
    return {**document, "PrivateIpAddresses": [primary], "Association": association}


def without_public_address(document: dict[str, Any]) -> dict[str, Any]:
    """The interface reached from inside alone."""
    primary = {**document["PrivateIpAddresses"][0]}
    primary.pop("Association", None)
    kept = {member: value for member, value in document.items() if member != "Association"}
    return {**kept, "PrivateIpAddresses": [primary]}
