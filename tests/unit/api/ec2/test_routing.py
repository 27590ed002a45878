"""Route tables, gateways, and what leads nowhere any more."""

from typing import Any

import pytest

ANYWHERE = "0.0.0.0/0"


async def table_of(ec2: Any, vpc_id: str) -> str:
    made: str = (await ec2.call("CreateRouteTable", VpcId=vpc_id))["RouteTable"]["RouteTableId"]
    return made


async def routes(ec2: Any, table: str) -> dict[str, tuple[str | None, str]]:
    """Destination → target and state."""
    shown = await ec2.one("DescribeRouteTables", RouteTableIds=[table])
    return {
        one["DestinationCidrBlock"]: (one.get("GatewayId") or one.get("NatGatewayId"), one["State"])
        for one in shown["Routes"]
    }


async def nat_gateway(ec2: Any, subnet_id: str, **params: Any) -> Any:
    address = await ec2.call("AllocateAddress")
    asked = {"SubnetId": subnet_id, "AllocationId": address["AllocationId"], **params}
    return (await ec2.call("CreateNatGateway", **asked))["NatGateway"]


async def test_a_table_begins_with_the_vpcs_own_route(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    tags = [{"ResourceType": "route-table", "Tags": [{"Key": "a", "Value": "b"}]}]
    made = (await ec2.call("CreateRouteTable", VpcId=vpc_id, TagSpecifications=tags))["RouteTable"]
    assert await ec2.one("DescribeRouteTables", RouteTableIds=[made["RouteTableId"]]) == made
    assert made["Associations"] == []
    assert await routes(ec2, made["RouteTableId"]) == {"10.0.0.0/16": ("local", "active")}


async def test_a_route_is_made_replaced_and_deleted(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    table, gateway = await table_of(ec2, vpc_id), await ec2.gateway(vpc_id)
    asked = {"RouteTableId": table, "DestinationCidrBlock": ANYWHERE}
    assert await ec2.call("CreateRoute", **asked, GatewayId=gateway) == {"Return": True}
    assert (await routes(ec2, table))[ANYWHERE] == (gateway, "active")
    code, message = await ec2.refused("CreateRoute", **asked, GatewayId=gateway)
    assert (code, message) == ("RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.")
    nat = await nat_gateway(ec2, await ec2.subnet(vpc_id))
    await ec2.call("ReplaceRoute", **asked, NatGatewayId=nat["NatGatewayId"])
    assert (await routes(ec2, table))[ANYWHERE] == (nat["NatGatewayId"], "active")
    found = await ec2.values("DescribeRouteTables", "RouteTableId", ("route.nat-gateway-id", "nat-*"))
    assert found == [table]
    await ec2.call("DeleteRoute", **asked)
    assert ANYWHERE not in await routes(ec2, table)
    await ec2.refuses("InvalidRoute.NotFound", "DeleteRoute", **asked)
    await ec2.refuses("InvalidParameterValue", "ReplaceRoute", **asked, GatewayId=gateway)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"DestinationCidrBlock": ANYWHERE}, "InvalidParameterCombination"),
        ({"DestinationCidrBlock": ANYWHERE, "GatewayId": "local"}, "UnsupportedOperation"),
        ({"DestinationCidrBlock": ANYWHERE, "GatewayId": "vgw-1"}, "UnsupportedOperation"),
        ({"DestinationCidrBlock": ANYWHERE, "GatewayId": "igw-0"}, "InvalidInternetGatewayID.NotFound"),
        ({"DestinationCidrBlock": ANYWHERE, "NatGatewayId": "nat-0"}, "InvalidNatGatewayID.NotFound"),
        ({"DestinationCidrBlock": ANYWHERE, "NetworkInterfaceId": "eni-0"}, "UnsupportedOperation"),
        ({"DestinationCidrBlock": ANYWHERE, "GatewayId": "OTHER"}, "InvalidParameterValue"),
        ({"DestinationCidrBlock": "10.0.3.0/24", "GatewayId": "OWN"}, "InvalidParameterValue"),
        ({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "OWN"}, "RouteAlreadyExists"),
        ({"DestinationCidrBlock": "x", "GatewayId": "OWN"}, "InvalidParameterValue"),
        ({"DestinationCidrBlock": "::/0", "GatewayId": "OWN"}, "UnsupportedOperation"),
        ({"DestinationIpv6CidrBlock": "::/0", "GatewayId": "OWN"}, "UnsupportedOperation"),
        ({"GatewayId": "OWN"}, "MissingParameter"),
        ({"RouteTableId": "rtb-0", "DestinationCidrBlock": ANYWHERE}, "InvalidRouteTableID.NotFound"),
    ],
)
async def test_a_route_that_cannot_be(ec2: Any, params: dict[str, Any], code: str) -> None:
    vpc_id, other = await ec2.vpc(), await ec2.vpc()
    known = {"OWN": await ec2.gateway(vpc_id), "OTHER": await ec2.gateway(other)}
    asked = {name: known.get(value, value) for name, value in params.items()}
    table = await table_of(ec2, vpc_id)
    await ec2.refuses(code, "CreateRoute", **{"RouteTableId": table, **asked})
    assert list(await routes(ec2, table)) == ["10.0.0.0/16"]


async def test_the_vpcs_own_route_stays(ec2: Any) -> None:
    table = await table_of(ec2, await ec2.vpc())
    code, message = await ec2.refused("DeleteRoute", RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
    assert (code, message) == (
        "InvalidParameterValue",
        f"cannot remove local route 10.0.0.0/16 in route table {table}",
    )


async def test_a_table_holds_fifty_routes(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    table, gateway = await table_of(ec2, vpc_id), await ec2.gateway(vpc_id)
    for number in range(50):
        destination = f"192.168.{number}.0/24"
        await ec2.call("CreateRoute", RouteTableId=table, DestinationCidrBlock=destination, GatewayId=gateway)
    asked = {"RouteTableId": table, "DestinationCidrBlock": "192.168.50.0/24", "GatewayId": gateway}
    await ec2.refuses("RouteLimitExceeded", "CreateRoute", **asked)


async def test_a_route_whose_target_is_gone_is_a_black_hole(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    table, gateway = await table_of(ec2, vpc_id), await ec2.gateway(vpc_id)
    nat = await nat_gateway(ec2, await ec2.subnet(vpc_id))
    for destination, target in (
        (ANYWHERE, {"GatewayId": gateway}),
        ("192.168.0.0/16", {"NatGatewayId": nat["NatGatewayId"]}),
    ):
        await ec2.call("CreateRoute", RouteTableId=table, DestinationCidrBlock=destination, **target)
    await ec2.call("DeleteNatGateway", NatGatewayId=nat["NatGatewayId"])
    await ec2.call("DetachInternetGateway", InternetGatewayId=gateway, VpcId=vpc_id)
    assert {state for target, state in (await routes(ec2, table)).values() if target != "local"} == {
        "blackhole"
    }
    await ec2.call("AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc_id)
    assert (await routes(ec2, table))[ANYWHERE] == (gateway, "active")
    assert await ec2.values("DescribeRouteTables", "RouteTableId", ("route.state", "blackhole")) == [table]


async def test_a_subnet_follows_one_table(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    subnet_id, first, second = (
        await ec2.subnet(vpc_id),
        await table_of(ec2, vpc_id),
        await table_of(ec2, vpc_id),
    )
    made = await ec2.call("AssociateRouteTable", RouteTableId=first, SubnetId=subnet_id)
    assert made["AssociationState"] == {"State": "associated"}
    await ec2.refuses(
        "Resource.AlreadyAssociated", "AssociateRouteTable", RouteTableId=second, SubnetId=subnet_id
    )
    await ec2.refuses("DependencyViolation", "DeleteRouteTable", RouteTableId=first)
    moved = await ec2.call(
        "ReplaceRouteTableAssociation", AssociationId=made["AssociationId"], RouteTableId=second
    )
    found = ("association.subnet-id", subnet_id)
    assert await ec2.values("DescribeRouteTables", "RouteTableId", found) == [second]
    await ec2.refuses(
        "InvalidAssociationID.NotFound", "DisassociateRouteTable", AssociationId=made["AssociationId"]
    )
    await ec2.call("DisassociateRouteTable", AssociationId=moved["NewAssociationId"])
    assert await ec2.values("DescribeRouteTables", "RouteTableId", found) == []
    for table in (first, second):
        await ec2.call("DeleteRouteTable", RouteTableId=table)


async def test_another_table_becomes_the_main_one(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    main = await ec2.one("DescribeRouteTables", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    association = main["Associations"][0]["RouteTableAssociationId"]
    await ec2.refuses("InvalidParameterValue", "DisassociateRouteTable", AssociationId=association)
    await ec2.refuses("DependencyViolation", "DeleteRouteTable", RouteTableId=main["RouteTableId"])
    other = await table_of(ec2, vpc_id)
    await ec2.call("ReplaceRouteTableAssociation", AssociationId=association, RouteTableId=other)
    found = await ec2.values(
        "DescribeRouteTables", "RouteTableId", ("association.main", "true"), ("vpc-id", vpc_id)
    )
    assert found == [other]
    await ec2.call("DeleteRouteTable", RouteTableId=main["RouteTableId"])
    await ec2.call("DeleteVpc", VpcId=vpc_id)


async def test_tables_and_subnets_of_two_vpcs_do_not_meet(ec2: Any) -> None:
    vpc_id, other = await ec2.vpc(), await ec2.vpc()
    table, foreign = await table_of(ec2, vpc_id), await ec2.subnet(other)
    await ec2.refuses("InvalidParameterValue", "AssociateRouteTable", RouteTableId=table, SubnetId=foreign)
    await ec2.refuses("MissingParameter", "AssociateRouteTable", RouteTableId=table)
    own = await ec2.subnet(vpc_id)
    made = await ec2.call("AssociateRouteTable", RouteTableId=table, SubnetId=own)
    await ec2.refuses(
        "InvalidParameterValue",
        "ReplaceRouteTableAssociation",
        AssociationId=made["AssociationId"],
        RouteTableId=await table_of(ec2, other),
    )


async def test_a_gateway_is_of_one_vpc(ec2: Any) -> None:
    vpc_id, other = await ec2.vpc(), await ec2.vpc()
    gateway = await ec2.gateway(vpc_id)
    asked = {"InternetGatewayId": gateway, "VpcId": vpc_id}
    code, message = await ec2.refused("AttachInternetGateway", **asked)
    assert (code, message) == (
        "Resource.AlreadyAssociated",
        f"resource {gateway} is already attached to network {vpc_id}",
    )
    second = (await ec2.call("CreateInternetGateway"))["InternetGateway"]["InternetGatewayId"]
    await ec2.refuses(
        "InvalidParameterValue", "AttachInternetGateway", InternetGatewayId=second, VpcId=vpc_id
    )
    await ec2.refuses("Gateway.NotAttached", "DetachInternetGateway", InternetGatewayId=gateway, VpcId=other)
    await ec2.refuses("DependencyViolation", "DeleteInternetGateway", InternetGatewayId=gateway)
    assert await ec2.values(
        "DescribeInternetGateways", "InternetGatewayId", ("attachment.vpc-id", vpc_id)
    ) == [gateway]
    await ec2.call("DetachInternetGateway", **asked)
    await ec2.call("DeleteInternetGateway", InternetGatewayId=gateway)
    await ec2.refuses(
        "InvalidInternetGatewayID.NotFound", "DescribeInternetGateways", InternetGatewayIds=[gateway]
    )


async def test_a_gateway_stays_while_something_is_public(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    gateway = await ec2.gateway(vpc_id)
    nat = await nat_gateway(ec2, await ec2.subnet(vpc_id))
    asked = {"InternetGatewayId": gateway, "VpcId": vpc_id}
    code, message = await ec2.refused("DetachInternetGateway", **asked)
    assert code == "DependencyViolation"
    assert "has some mapped public address(es)" in message
    await ec2.call("DeleteNatGateway", NatGatewayId=nat["NatGatewayId"])
    await ec2.call("DetachInternetGateway", **asked)


async def test_a_nat_gateway_has_an_interface_and_an_address(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    await ec2.gateway(vpc_id)
    subnet_id = await ec2.subnet(vpc_id)
    made = await nat_gateway(ec2, subnet_id, PrivateIpAddress="10.0.1.77", ConnectivityType="public")
    assert made["State"] == "pending"
    nat_id = made["NatGatewayId"]
    shown = await ec2.one("DescribeNatGateways", NatGatewayIds=[nat_id])
    assert shown == {**made, "State": "available"}
    (held,) = shown["NatGatewayAddresses"]
    address = await ec2.one("DescribeAddresses", AllocationIds=[held["AllocationId"]])
    assert (address["PublicIp"], address["AssociationId"]) == (held["PublicIp"], held["AssociationId"])
    eni = await ec2.one("DescribeNetworkInterfaces", NetworkInterfaceIds=[held["NetworkInterfaceId"]])
    assert (eni["PrivateIpAddress"], eni["InterfaceType"]) == ("10.0.1.77", "nat_gateway")
    assert eni["Description"] == f"Interface for NAT Gateway {nat_id}"
    assert eni["Groups"] == []
    await ec2.refuses(
        "InvalidNetworkInterface.InUse",
        "DeleteNetworkInterface",
        NetworkInterfaceId=eni["NetworkInterfaceId"],
    )
    await ec2.refuses("AuthFailure", "DisassociateAddress", AssociationId=held["AssociationId"])
    await ec2.refuses("DependencyViolation", "DeleteSubnet", SubnetId=subnet_id)
    await ec2.call("DeleteNatGateway", NatGatewayId=nat_id)
    found = [{"Name": "state", "Values": ["deleted"]}, {"Name": "vpc-id", "Values": [vpc_id]}]
    assert (await ec2.one("DescribeNatGateways", Filter=found))["NatGatewayId"] == nat_id
    await ec2.call("ReleaseAddress", AllocationId=held["AllocationId"])
    await ec2.call("DeleteSubnet", SubnetId=subnet_id)


async def test_a_nat_gateway_without_a_way_out_fails(ec2: Any) -> None:
    subnet_id = await ec2.subnet(await ec2.vpc())
    made = await nat_gateway(ec2, subnet_id)
    shown = await ec2.one("DescribeNatGateways", NatGatewayIds=[made["NatGatewayId"]])
    assert (shown["State"], shown["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert shown["FailureMessage"].endswith("has no Internet gateway attached")
    assert shown["NatGatewayAddresses"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"AllocationId": "eipalloc-0"}, "InvalidAllocationID.NotFound"),
        ({"SubnetId": "subnet-0"}, "InvalidSubnetID.NotFound"),
        ({"AllocationId": "TAKEN"}, "Resource.AlreadyAssociated"),
        ({"ConnectivityType": "private"}, "UnsupportedOperation"),
        ({"AvailabilityMode": "regional"}, "UnsupportedOperation"),
        ({"SecondaryAllocationIds": ["x"]}, "UnsupportedOperation"),
        ({"PrivateIpAddress": "10.9.9.9"}, "InvalidParameterValue"),
    ],
)
async def test_a_nat_gateway_that_cannot_be(ec2: Any, params: dict[str, Any], code: str) -> None:
    vpc_id = await ec2.vpc()
    await ec2.gateway(vpc_id)
    subnet_id = await ec2.subnet(vpc_id)
    taken = await nat_gateway(ec2, subnet_id)
    known = {"TAKEN": taken["NatGatewayAddresses"][0]["AllocationId"]}
    free = await ec2.call("AllocateAddress")
    asked = {"SubnetId": subnet_id, "AllocationId": free["AllocationId"]}
    asked |= {name: known.get(str(value), value) for name, value in params.items()}
    await ec2.refuses(code, "CreateNatGateway", **asked)
    await ec2.refuses("MissingParameter", "CreateNatGateway", SubnetId=subnet_id)
