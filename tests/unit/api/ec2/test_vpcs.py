"""VPCs and subnets: made, changed, deleted, and what stands in the way."""

from typing import Any

import pytest

CONFLICT = "DependencyViolation"


async def test_a_vpc_begins_with_a_table_an_acl_and_a_group(ec2: Any) -> None:
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "one"}]}]
    made = (await ec2.call("CreateVpc", CidrBlock="10.1.2.3/16", TagSpecifications=tags))["Vpc"]
    assert (made["State"], made["CidrBlock"], made["IsDefault"]) == ("pending", "10.1.0.0/16", False)
    vpc = await ec2.one("DescribeVpcs", VpcIds=[made["VpcId"]])
    assert vpc == {**made, "State": "available"}
    assert vpc["Tags"] == [{"Key": "Name", "Value": "one"}]
    of_vpc = [{"Name": "vpc-id", "Values": [made["VpcId"]]}]
    table = await ec2.one("DescribeRouteTables", Filters=of_vpc)
    assert [one["Main"] for one in table["Associations"]] == [True]
    assert [(one["DestinationCidrBlock"], one["GatewayId"]) for one in table["Routes"]] == [
        ("10.1.0.0/16", "local")
    ]
    acl = await ec2.one("DescribeNetworkAcls", Filters=of_vpc)
    assert acl["IsDefault"]
    assert sorted((one["Egress"], one["RuleNumber"], one["RuleAction"]) for one in acl["Entries"]) == [
        (False, 100, "allow"),
        (False, 32767, "deny"),
        (True, 100, "allow"),
        (True, 32767, "deny"),
    ]
    group = await ec2.one("DescribeSecurityGroups", Filters=of_vpc)
    assert group["GroupName"] == "default"
    options = await ec2.one("DescribeDhcpOptions", DhcpOptionsIds=[vpc["DhcpOptionsId"]])
    assert {one["Key"]: one["Values"] for one in options["DhcpConfigurations"]} == {
        "domain-name": [{"Value": "eu-test-1.compute.internal"}],
        "domain-name-servers": [{"Value": "AmazonProvidedDNS"}],
    }


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"CidrBlock": "10.0.0.0/15"}, "InvalidVpc.Range", "The CIDR '10.0.0.0/15' is invalid."),
        ({"CidrBlock": "10.0.0.0/29"}, "InvalidVpc.Range", "'10.0.0.0/29'"),
        ({"CidrBlock": "169.254.0.0/16"}, "InvalidVpc.Range", "169.254.0.0/16"),
        ({"CidrBlock": "127.0.0.0/16"}, "InvalidVpc.Range", "127.0.0.0/16"),
        ({"CidrBlock": "10.0.0.0"}, "InvalidParameterValue", "not a valid CIDR block"),
        ({"CidrBlock": "10.0.0.0/16/1"}, "InvalidParameterValue", "not a valid CIDR block"),
        ({"CidrBlock": "10.0.0.0/255.255.0.0"}, "InvalidParameterValue", "not a valid CIDR block"),
        ({"CidrBlock": "x/16"}, "InvalidParameterValue", "not a valid CIDR block"),
        ({}, "MissingParameter", "cidrBlock"),
        ({"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "dedicated"}, "UnsupportedOperation", "tenancy"),
        ({"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True}, "UnsupportedOperation", "IPv6"),
        ({"CidrBlock": "10.0.0.0/16", "Ipv4IpamPoolId": "x"}, "UnsupportedOperation", "Ipv4IpamPoolId"),
    ],
)
async def test_a_vpc_that_cannot_be(ec2: Any, params: dict[str, Any], code: str, words: str) -> None:
    told, message = await ec2.refused("CreateVpc", **params)
    assert told == code
    assert words in message
    assert len(await ec2.values("DescribeVpcs", "VpcId")) == 1


async def test_no_vpc_takes_the_addresses_of_the_public_pool(ec2: Any) -> None:
    address = (await ec2.call("AllocateAddress"))["PublicIp"]
    code, message = await ec2.refused("CreateVpc", CidrBlock=f"{address}/24")
    assert code == "InvalidVpc.Range"
    assert "public addresses" in message


async def test_two_vpcs_may_have_the_same_addresses(ec2: Any) -> None:
    first, second = await ec2.vpc(), await ec2.vpc()
    await ec2.subnet(first)
    await ec2.subnet(second)
    assert len(await ec2.values("DescribeSubnets", "x", ("cidr-block", "10.0.1.0/24"))) == 2


async def test_a_vpc_goes_when_nothing_is_left_in_it(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    subnet_id, group_id, gateway_id = (
        await ec2.subnet(vpc_id),
        await ec2.group(vpc_id),
        await ec2.gateway(vpc_id),
    )
    table = (await ec2.call("CreateRouteTable", VpcId=vpc_id))["RouteTable"]["RouteTableId"]
    acl = (await ec2.call("CreateNetworkAcl", VpcId=vpc_id))["NetworkAcl"]["NetworkAclId"]
    words = f"The vpc '{vpc_id}' has dependencies and cannot be deleted."
    for operation, params in (
        ("DeleteSubnet", {"SubnetId": subnet_id}),
        ("DeleteSecurityGroup", {"GroupId": group_id}),
        ("DetachInternetGateway", {"InternetGatewayId": gateway_id, "VpcId": vpc_id}),
        ("DeleteRouteTable", {"RouteTableId": table}),
        ("DeleteNetworkAcl", {"NetworkAclId": acl}),
    ):
        assert await ec2.refused("DeleteVpc", VpcId=vpc_id) == (CONFLICT, words)
        await ec2.call(operation, **params)
    await ec2.call("DeleteVpc", VpcId=vpc_id)
    await ec2.refuses("InvalidVpcID.NotFound", "DescribeVpcs", VpcIds=[vpc_id])
    of_vpc = ("vpc-id", vpc_id)
    for operation in ("DescribeRouteTables", "DescribeNetworkAcls", "DescribeSecurityGroups"):
        assert await ec2.values(operation, "x", of_vpc) == []
    rules = await ec2.values("DescribeSecurityGroupRules", "GroupId")
    assert set(rules) == set(await ec2.values("DescribeSecurityGroups", "GroupId"))


async def test_a_deleted_default_vpc_comes_back_when_asked_for(ec2: Any) -> None:
    vpc = await ec2.one("DescribeVpcs")
    code, _ = await ec2.refused("CreateDefaultVpc")
    assert code == "DefaultVpcAlreadyExists"
    for subnet_id in await ec2.values("DescribeSubnets", "SubnetId"):
        await ec2.call("DeleteSubnet", SubnetId=subnet_id)
    gateway = await ec2.one("DescribeInternetGateways")
    await ec2.call(
        "DetachInternetGateway", InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc["VpcId"]
    )
    await ec2.call("DeleteVpc", VpcId=vpc["VpcId"])
    assert await ec2.values("DescribeVpcs", "VpcId") == []
    await ec2.refuses("DefaultVpcDoesNotExist", "CreateDefaultSubnet", AvailabilityZone="eu-test-1a")
    await ec2.call("DeleteDhcpOptions", DhcpOptionsId=vpc["DhcpOptionsId"])
    made = (await ec2.call("CreateDefaultVpc"))["Vpc"]
    assert made["IsDefault"]
    assert made["VpcId"] != vpc["VpcId"]
    assert await ec2.values("DescribeDhcpOptions", "DhcpOptionsId") == [made["DhcpOptionsId"]]
    assert sorted(await ec2.values("DescribeSubnets", "CidrBlock")) == ["172.31.0.0/20", "172.31.16.0/20"]


async def test_a_default_subnet_comes_back_in_the_first_free_block(ec2: Any) -> None:
    subnets = (await ec2.call("DescribeSubnets"))["Subnets"]
    gone = next(one for one in subnets if one["AvailabilityZone"] == "eu-test-1a")
    code, message = await ec2.refused("CreateDefaultSubnet", AvailabilityZone="eu-test-1a")
    assert code == "DefaultSubnetAlreadyExistsInAvailabilityZone"
    assert gone["SubnetId"] in message
    await ec2.call("DeleteSubnet", SubnetId=gone["SubnetId"])
    made = (await ec2.call("CreateDefaultSubnet", AvailabilityZone="eu-test-1a"))["Subnet"]
    assert (made["CidrBlock"], made["DefaultForAz"]) == (gone["CidrBlock"], True)


async def test_a_subnet_is_what_was_asked_for(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "tier", "Value": "web"}]}]
    asked = {"AvailabilityZoneId": "eut1-az2", "TagSpecifications": tags}
    made = (await ec2.call("CreateSubnet", VpcId=vpc_id, CidrBlock="10.0.5.7/28", **asked))["Subnet"]
    assert made["CidrBlock"] == "10.0.5.0/28"
    assert (made["AvailabilityZone"], made["AvailableIpAddressCount"]) == ("eu-test-1b", 11)
    assert (made["MapPublicIpOnLaunch"], made["DefaultForAz"]) == (False, False)
    assert await ec2.one("DescribeSubnets", SubnetIds=[made["SubnetId"]]) == made
    acl = await ec2.one("DescribeNetworkAcls", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    assert [one["SubnetId"] for one in acl["Associations"]] == [made["SubnetId"]]
    await ec2.call("DeleteSubnet", SubnetId=made["SubnetId"])
    acl = await ec2.one("DescribeNetworkAcls", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    assert acl["Associations"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"CidrBlock": "10.0.1.128/25"}, "InvalidSubnet.Conflict"),
        ({"CidrBlock": "10.0.0.0/16"}, "InvalidSubnet.Conflict"),
        ({"CidrBlock": "10.1.0.0/24"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "10.0.2.0/29"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "10.0.2"}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.2.0/24", "AvailabilityZone": "eu-test-1c"}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.2.0/24", "AvailabilityZoneId": "x"}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.2.0/24", "Ipv6CidrBlock": "fd00::/64"}, "UnsupportedOperation"),
        ({"CidrBlock": "10.0.2.0/24", "VpcId": "vpc-0"}, "InvalidVpcID.NotFound"),
        ({}, "MissingParameter"),
    ],
)
async def test_a_subnet_that_cannot_be(ec2: Any, params: dict[str, Any], code: str) -> None:
    vpc_id = await ec2.vpc()
    await ec2.subnet(vpc_id, "10.0.1.0/24")
    await ec2.refuses(code, "CreateSubnet", **{"VpcId": vpc_id, **params})


async def test_a_subnet_stays_while_an_interface_is_in_it(ec2: Any) -> None:
    subnet_id = await ec2.subnet(await ec2.vpc())
    eni_id = (await ec2.call("CreateNetworkInterface", SubnetId=subnet_id))["NetworkInterface"][
        "NetworkInterfaceId"
    ]
    words = f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
    assert await ec2.refused("DeleteSubnet", SubnetId=subnet_id) == (CONFLICT, words)
    await ec2.call("DeleteNetworkInterface", NetworkInterfaceId=eni_id)
    await ec2.call("DeleteSubnet", SubnetId=subnet_id)


async def test_attributes_of_a_vpc(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    for attribute, value in (
        ("enableDnsSupport", True),
        ("enableDnsHostnames", False),
        ("enableNetworkAddressUsageMetrics", False),
    ):
        name = attribute[0].upper() + attribute[1:]
        shown = await ec2.call("DescribeVpcAttribute", VpcId=vpc_id, Attribute=attribute)
        assert shown == {"VpcId": vpc_id, name: {"Value": value}}
        await ec2.call("ModifyVpcAttribute", VpcId=vpc_id, **{name: {"Value": not value}})
        shown = await ec2.call("DescribeVpcAttribute", VpcId=vpc_id, Attribute=attribute)
        assert shown[name] == {"Value": not value}
    both = {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}
    await ec2.refuses("InvalidParameterCombination", "ModifyVpcAttribute", VpcId=vpc_id, **both)
    await ec2.refuses("MissingParameter", "ModifyVpcAttribute", VpcId=vpc_id)


async def test_attributes_of_a_subnet(ec2: Any) -> None:
    subnet_id = await ec2.subnet(await ec2.vpc())
    await ec2.call("ModifySubnetAttribute", SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
    assert await ec2.values("DescribeSubnets", "MapPublicIpOnLaunch", SubnetIds=[subnet_id]) == [True]
    off = {"AssignIpv6AddressOnCreation": {"Value": False}}
    await ec2.call("ModifySubnetAttribute", SubnetId=subnet_id, **off)
    on = {"AssignIpv6AddressOnCreation": {"Value": True}}
    code, message = await ec2.refused("ModifySubnetAttribute", SubnetId=subnet_id, **on)
    assert code == "UnsupportedOperation"
    assert "IPv6" in message
    await ec2.call("ModifySubnetAttribute", SubnetId=subnet_id, PrivateDnsHostnameTypeOnLaunch="ip-name")
    named = {"PrivateDnsHostnameTypeOnLaunch": "resource-name"}
    await ec2.refuses("InvalidParameterValue", "ModifySubnetAttribute", SubnetId=subnet_id, **named)


async def test_dhcp_options_belong_to_vpcs(ec2: Any) -> None:
    asked = [
        {"Key": "domain-name", "Values": ["corp.example"]},
        {"Key": "ntp-servers", "Values": ["10.0.0.9"]},
    ]
    made = (await ec2.call("CreateDhcpOptions", DhcpConfigurations=asked))["DhcpOptions"]
    dhcp_id = made["DhcpOptionsId"]
    assert await ec2.one("DescribeDhcpOptions", DhcpOptionsIds=[dhcp_id]) == made
    found = await ec2.values(
        "DescribeDhcpOptions", "DhcpOptionsId", ("value", "corp.*"), ("key", "domain-name")
    )
    assert found == [dhcp_id]
    vpc_id = await ec2.vpc()
    await ec2.call("AssociateDhcpOptions", DhcpOptionsId=dhcp_id, VpcId=vpc_id)
    assert await ec2.values("DescribeVpcs", "DhcpOptionsId", VpcIds=[vpc_id]) == [dhcp_id]
    await ec2.refuses(CONFLICT, "DeleteDhcpOptions", DhcpOptionsId=dhcp_id)
    await ec2.call("AssociateDhcpOptions", DhcpOptionsId="default", VpcId=vpc_id)
    await ec2.call("DeleteDhcpOptions", DhcpOptionsId=dhcp_id)
    for operation, params in (
        ("AssociateDhcpOptions", {"DhcpOptionsId": dhcp_id, "VpcId": vpc_id}),
        ("DeleteDhcpOptions", {"DhcpOptionsId": dhcp_id}),
    ):
        await ec2.refuses("InvalidDhcpOptionID.NotFound", operation, **params)
    wrong = [{"Key": "color", "Values": ["red"]}]
    await ec2.refuses("InvalidParameterValue", "CreateDhcpOptions", DhcpConfigurations=wrong)


async def test_what_an_account_is_like(ec2: Any) -> None:
    vpc = await ec2.one("DescribeVpcs")
    asked = ["default-vpc", "supported-platforms"]
    answer = await ec2.call("DescribeAccountAttributes", AttributeNames=asked)
    assert {
        one["AttributeName"]: one["AttributeValues"][0]["AttributeValue"]
        for one in answer["AccountAttributes"]
    } == {"default-vpc": vpc["VpcId"], "supported-platforms": "VPC"}
    assert len((await ec2.call("DescribeAccountAttributes"))["AccountAttributes"]) == 6
