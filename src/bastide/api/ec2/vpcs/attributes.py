"""Attributes of VPCs and subnets: one a call, as EC2 has it."""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import find_record, put_members
from bastide.api.operation import Context, Operation, Params, Result
from bastide.model.faults import Invalid
from bastide.model.network import kinds
from bastide.store import Txn

VPC_ATTRIBUTES = ("EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics")
PUBLIC_IP = "MapPublicIpOnLaunch"
HOST_NAMES = "PrivateDnsHostnameTypeOnLaunch"
IP_NAME = "ip-name"


def modify_vpc_attribute(txn: Txn, context: Context, params: Params) -> Result:
    """ModifyVpcAttribute."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    name = _only(params, VPC_ATTRIBUTES)
    value = bool(params[name].get("Value"))
    member = kinds.ATTRIBUTES_MEMBER
    put_members(txn, vpc, **{member: {**vpc.document[member], name: value}})
    return {}


def describe_vpc_attribute(txn: Txn, context: Context, params: Params) -> Result:
    """DescribeVpcAttribute."""
    vpc = find_record(txn, context, nouns.VPC, params["VpcId"])
    asked = params["Attribute"]
    name = asked[0].upper() + asked[1:]
    return {"VpcId": vpc.key, name: {"Value": vpc.document[kinds.ATTRIBUTES_MEMBER][name]}}


def modify_subnet_attribute(txn: Txn, context: Context, params: Params) -> Result:
    """ModifySubnetAttribute."""
    subnet = find_record(txn, context, nouns.SUBNET, params["SubnetId"])
    if len(params) > 1 and not params.keys() & {PUBLIC_IP, HOST_NAMES}:
        return {}  # switches off what is off: anything else was refused before
    name = _only(params, (PUBLIC_IP, HOST_NAMES))
    if name == PUBLIC_IP:
        put_members(txn, subnet, **{PUBLIC_IP: bool(params[name].get("Value"))})
    elif params[name] != IP_NAME:
        raise Invalid(
            "parameter", why=f"Hosts are named after their addresses here: {HOST_NAMES} is ip-name."
        )
    return {}


def _only(params: Params, names: tuple[str, ...]) -> str:
    """The one attribute a call sets."""
    asked = [name for name in names if name in params]
    if not asked:
        raise Invalid("request", why="The request must contain exactly one attribute to modify.")
    if len(asked) > 1:
        raise Invalid("parameters", why="Only one attribute can be modified at a time.")
    return asked[0]


OPERATIONS: Mapping[str, Operation] = {
    "ModifyVpcAttribute": changes(modify_vpc_attribute, "VpcId", *VPC_ATTRIBUTES),
    "DescribeVpcAttribute": looks(describe_vpc_attribute),
    "ModifySubnetAttribute": changes(modify_subnet_attribute, "SubnetId", PUBLIC_IP, HOST_NAMES),
}
