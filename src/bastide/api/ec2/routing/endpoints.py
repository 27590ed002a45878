"""VPC endpoints: interfaces in a VPC that stand for a service of this installation.

Owns the records and what holds them: an endpoint's interfaces are its own and go with it.
"""

from collections.abc import Mapping, Sequence

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.interfaces.network_interfaces import checked_groups, choose_private_address
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import (
    AVAILABLE,
    documents_of,
    find_record,
    new_id,
    new_record,
    shown,
    unsuccessful,
)
from bastide.api.ec2.routing.endpoint_services import checked_service, service_domain
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.tokens import echoed
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.faults import Conflict, Invalid, NotFound, Unsupported
from bastide.model.network import kinds
from bastide.store import Record, Txn
from bastide.store.network.interfaces import new_interface

VPC_ENDPOINTS = Listing(
    of=nouns.VPC_ENDPOINT,
    ids="VpcEndpointIds",
    result="VpcEndpoints",
    filters={
        "ip-address-type": ("IpAddressType",),
        "service-name": ("ServiceName",),
        "tag-key": ("Tags", "Key"),
        "vpc-endpoint-id": ("VpcEndpointId",),
        "vpc-endpoint-state": ("State",),
        "vpc-endpoint-type": ("VpcEndpointType",),
        "vpc-id": ("VpcId",),
    },
)
INTERFACE, IPV4 = "Interface", "ipv4"
# What an endpoint has unless it is given another: everything is allowed (VPC guide, "Endpoint policies").
POLICY = '{"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}'


def create_vpc_endpoint(txn: Txn, context: Context, params: Params) -> Result:
    """CreateVpcEndpoint: of the type Interface, with an interface in each of its subnets."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    service = checked_service(context, params.get("ServiceName"))
    if params.get("VpcEndpointType", "Gateway") != INTERFACE:
        raise Unsupported("parameter", why="Bastide has VPC endpoints of the type 'Interface' alone.")
    if params.get("IpAddressType", IPV4) != IPV4:
        raise Unsupported("parameter", why="Bastide does not do IPv6: see docs/compat.md.")
    subnets = _checked_subnets(txn, context, vpc, params.get("SubnetIds") or ())
    groups = checked_groups(txn, context, vpc.key, params.get("SecurityGroupIds") or ())
    is_private = params.get("PrivateDnsEnabled", True)
    if is_private:
        _check_names(txn, vpc, service)
    endpoint_id = new_id(nouns.VPC_ENDPOINT.prefix)
    interfaces = [_interface(txn, context, endpoint_id, subnet, groups) for subnet in subnets]
    document: Document = {
        "VpcEndpointId": endpoint_id,
        "VpcEndpointType": INTERFACE,
        "VpcId": vpc.key,
        "ServiceName": service,
        "State": AVAILABLE,
        "PolicyDocument": POLICY,
        "RouteTableIds": [],
        "SubnetIds": [subnet.key for subnet in subnets],
        "Groups": [{"GroupId": group, "GroupName": _group_name(txn, group)} for group in groups],
        "IpAddressType": IPV4,
        "DnsOptions": {"DnsRecordIpType": IPV4},
        "PrivateDnsEnabled": is_private,
        "RequesterManaged": False,
        "NetworkInterfaceIds": interfaces,
        "DnsEntries": _names(context, endpoint_id, service, is_private=is_private),
        "CreationTimestamp": context.now_s,
        "Tags": tags_asked(params, nouns.VPC_ENDPOINT),
        "OwnerId": context.caller.account,
    }
    txn.put(new_record(context, nouns.VPC_ENDPOINT, document, parent=vpc.key))
    return {"VpcEndpoint": {**shown(document), "State": "pending"}, **echoed(params)}


def describe_vpc_endpoints(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's endpoints."""
    return describe(VPC_ENDPOINTS, context, params, documents_of(txn, context, nouns.VPC_ENDPOINT))


def delete_vpc_endpoints(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteVpcEndpoints: each for itself, with its interfaces."""
    failed = []
    for endpoint_id in dict.fromkeys(params["VpcEndpointIds"]):
        try:
            record = find_record(txn, context, nouns.VPC_ENDPOINT, endpoint_id)
        except NotFound as fault:
            failed.append(unsuccessful(endpoint_id, fault))
            continue
        for eni_id in record.document["NetworkInterfaceIds"]:
            interface = txn.get(kinds.NETWORK_INTERFACE, eni_id)
            if interface is not None:
                txn.delete(interface)
        txn.delete(record)
    return {"Unsuccessful": failed}


def _checked_subnets(txn: Txn, context: Context, vpc: Record, asked: Sequence[str]) -> list[Record]:
    subnets = [find_record(txn, context, nouns.SUBNET, one) for one in dict.fromkeys(asked)]
    if not subnets:
        raise Invalid("request", why="The request must contain the parameter SubnetIds.")
    for subnet in subnets:
        if subnet.parent != vpc.key:
            why = f"The subnet {subnet.key} does not belong to the VPC {vpc.key}."
            raise Invalid("parameter", subnet.key, why=why)
    if len({subnet.document["AvailabilityZone"] for subnet in subnets}) < len(subnets):
        raise Invalid("parameter", why="An endpoint has one subnet of an Availability Zone at most.")
    return subnets


def _check_names(txn: Txn, vpc: Record, service: str) -> None:
    """Two endpoints of a VPC cannot both answer to the service's own name."""
    for other in txn.find(kinds.VPC_ENDPOINT, parent=vpc.key):
        if other.document["ServiceName"] == service and other.document["PrivateDnsEnabled"]:
            why = (
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{service_domain(service)} in the VPC {vpc.key}"
            )
            raise Conflict("endpoint names", other.key, why=why)


def _interface(txn: Txn, context: Context, endpoint_id: str, subnet: Record, groups: list[str]) -> str:
    eni = new_interface(
        subnet,
        eni_id=new_id("eni"),
        address=choose_private_address(txn, subnet, None),
        groups=groups,
        description=f"VPC Endpoint Interface {endpoint_id}",
    )
    own = {
        "RequesterManaged": True,
        "Status": "in-use",
        "InterfaceType": "vpc_endpoint",
        kinds.ENDPOINT_MEMBER: endpoint_id,
    }
    return txn.put(eni.changed(document={**eni.document, **own})).key


def _group_name(txn: Txn, group_id: str) -> str:
    group = txn.get(kinds.SECURITY_GROUP, group_id)
    return group.document["GroupName"] if group else ""


def _names(context: Context, endpoint_id: str, service: str, *, is_private: bool) -> list[Document]:
    domain = service_domain(service)
    own = f"{endpoint_id}.{service.rpartition('.')[2]}.{context.caller.region}.vpce.amazonaws.com"
    return [{"DnsName": name} for name in ([own, domain] if is_private else [own])]


OPERATIONS: Mapping[str, Operation] = {
    "CreateVpcEndpoint": changes(
        create_vpc_endpoint,
        "VpcId",
        "ServiceName",
        "VpcEndpointType",
        "SubnetIds",
        "SecurityGroupIds",
        "IpAddressType",
        "PrivateDnsEnabled",
        "ClientToken",
        "TagSpecifications",
    ),
    "DescribeVpcEndpoints": looks(describe_vpc_endpoints),
    "DeleteVpcEndpoints": changes(delete_vpc_endpoints, "VpcEndpointIds"),
}
