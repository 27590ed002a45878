"""Whatever fits the model's types gets an answer or one of EC2's errors: nothing escapes, all renders."""

from typing import Any

import pytest

from bastide.api.failures import row_for
from bastide.api.registry import SERVICES
from bastide.model.faults import Fault
from bastide.wire import spec
from bastide.wire.malformed import Malformed
from tests.unit.api.any_value import Maker
from tests.wire.oracle import operation_of, serialized

ROUNDS = 100
PLAIN = [
    "",
    "web",
    "default",
    "tcp",
    "6",
    "icmp",
    "-1",
    "0.0.0.0/0",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.9",
    "::/0",
    "eu-test-1a",
    "IPv4",
    "VPC",
    "vpc-id",
    "tag:Name",
    "com.amazonaws.eu-test-1.logs",
]


async def ids_of(ec2: Any) -> list[str]:
    """One of every noun that can be made."""
    vpc_id = await ec2.vpc()
    await ec2.gateway(vpc_id)
    subnet_id = await ec2.subnet(vpc_id)
    address = await ec2.call("AllocateAddress")
    nat = await ec2.call("CreateNatGateway", SubnetId=subnet_id, AllocationId=address["AllocationId"])
    eni = await ec2.call("CreateNetworkInterface", SubnetId=subnet_id)
    task = await ec2.add_eni(9)
    listing = {"PrefixListName": "x", "AddressFamily": "IPv4", "MaxEntries": 2}
    prefix_list = await ec2.call("CreateManagedPrefixList", **listing)
    own = ("vpc-id", vpc_id)
    return [
        vpc_id,
        subnet_id,
        address["AllocationId"],
        nat["NatGateway"]["NatGatewayId"],
        eni["NetworkInterface"]["NetworkInterfaceId"],
        task,
        prefix_list["PrefixList"]["PrefixListId"],
        await ec2.group(vpc_id),
        *await ec2.values("DescribeInternetGateways", "InternetGatewayId"),
        *await ec2.values("DescribeRouteTables", "RouteTableId", own),
        *await ec2.values("DescribeNetworkAcls", "NetworkAclId", own),
        *await ec2.values("DescribeSecurityGroupRules", "SecurityGroupRuleId"),
        *await ec2.values("DescribeDhcpOptions", "DhcpOptionsId"),
    ]


@pytest.mark.parametrize("operation", sorted(SERVICES["ec2"]))
async def test_nothing_escapes(ec2: Any, operation: str) -> None:
    ids = await ids_of(ec2)
    maker = Maker(operation, words=[*PLAIN, *ids, *ids])
    shape = spec.service("ec2").operation(operation).input_shape
    for _ in range(ROUNDS):
        params = without_nothing(maker.make(shape) or {}) if shape else {}
        params.pop("DryRun", None)
        await check(ec2, operation, params)


async def check(ec2: Any, operation: str, params: dict[str, Any]) -> None:
    """Fails when neither an answer nor an error of EC2's comes."""
    request = serialized(operation_of("ec2", operation), params, "ec2")
    try:
        call = spec.parse(request, spec.service("ec2"))
        answer = await ec2.api.call(operation, service="ec2", **call.params)
    except Malformed:
        pass
    except Fault as fault:
        assert row_for("ec2", fault) is not None, (params, fault)
    else:
        assert spec.render(call, answer).status == 200


def without_nothing(value: Any) -> Any:
    """The value without members that are None: a query has no way to say it."""
    if isinstance(value, dict):
        return {name: without_nothing(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nothing(inner) for inner in value if inner is not None]
    return value
