"""VPC endpoints: interfaces that stand for a service."""

from typing import Any

import pytest

LOGS = "com.amazonaws.eu-test-1.logs"


def endpoint(vpc_id: str, *subnet_ids: str, **params: Any) -> dict[str, Any]:
    """What CreateVpcEndpoint is asked."""
    return {
        "VpcId": vpc_id,
        "ServiceName": LOGS,
        "VpcEndpointType": "Interface",
        "SubnetIds": list(subnet_ids),
        **params,
    }


async def test_an_endpoint_has_an_interface_in_each_of_its_subnets(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    first = await ec2.subnet(vpc_id)
    second = await ec2.subnet(vpc_id, "10.0.2.0/24", AvailabilityZone="eu-test-1b")
    group_id = await ec2.group(vpc_id)
    tags = [{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "a", "Value": "b"}]}]
    asked = endpoint(vpc_id, first, second, SecurityGroupIds=[group_id], TagSpecifications=tags)
    made = (await ec2.call("CreateVpcEndpoint", **asked))["VpcEndpoint"]
    shown = await ec2.one("DescribeVpcEndpoints", VpcEndpointIds=[made["VpcEndpointId"]])
    assert shown == {**made, "State": "available"}
    assert (shown["SubnetIds"], shown["ServiceName"]) == ([first, second], LOGS)
    assert shown["Groups"] == [{"GroupId": group_id, "GroupName": "web"}]
    assert shown["DnsEntries"][1] == {"DnsName": "logs.eu-test-1.amazonaws.com"}
    for eni_id in shown["NetworkInterfaceIds"]:
        eni = await ec2.one("DescribeNetworkInterfaces", NetworkInterfaceIds=[eni_id])
        assert (eni["InterfaceType"], eni["RequesterManaged"]) == ("vpc_endpoint", True)
        await ec2.refuses(
            "InvalidNetworkInterface.InUse", "DeleteNetworkInterface", NetworkInterfaceId=eni_id
        )
    await ec2.refuses("InvalidParameter", "CreateVpcEndpoint", **endpoint(vpc_id, first))
    await ec2.refuses("DependencyViolation", "DeleteSubnet", SubnetId=first)
    gone = await ec2.call("DeleteVpcEndpoints", VpcEndpointIds=[made["VpcEndpointId"], "vpce-0"])
    assert [one["Error"]["Code"] for one in gone["Unsuccessful"]] == ["InvalidVpcEndpointId.NotFound"]
    for subnet_id in (first, second):
        await ec2.call("DeleteSubnet", SubnetId=subnet_id)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"VpcEndpointType": "Gateway"}, "UnsupportedOperation"),
        ({"VpcEndpointType": None}, "UnsupportedOperation"),
        ({"IpAddressType": "dualstack"}, "UnsupportedOperation"),
        ({"PolicyDocument": "{}"}, "UnsupportedOperation"),
        ({"ServiceName": "com.amazonaws.eu-test-1.sqs"}, "InvalidServiceName"),
        ({"ServiceName": "com.amazonaws.us-east-1.logs"}, "InvalidServiceName"),
        ({"ServiceName": None}, "MissingParameter"),
        ({"SubnetIds": []}, "MissingParameter"),
        ({"SubnetIds": ["subnet-0"]}, "InvalidSubnetID.NotFound"),
        ({"SubnetIds": ["OWN", "TWIN"]}, "InvalidParameterValue"),
        ({"SubnetIds": ["FOREIGN"]}, "InvalidParameterValue"),
        ({"SecurityGroupIds": ["sg-0"]}, "InvalidGroup.NotFound"),
    ],
)
async def test_an_endpoint_that_cannot_be(ec2: Any, params: dict[str, Any], code: str) -> None:
    vpc_id = await ec2.vpc()
    known = {
        "OWN": await ec2.subnet(vpc_id),
        "TWIN": await ec2.subnet(vpc_id, "10.0.2.0/24"),
        "FOREIGN": await ec2.subnet(await ec2.vpc()),
    }
    asked = {**endpoint(vpc_id, "OWN"), **params}
    asked["SubnetIds"] = [known.get(one, one) for one in asked["SubnetIds"]]
    if asked["VpcEndpointType"] is None:
        del asked["VpcEndpointType"]  # a gateway, on AWS
    await ec2.refuses(code, "CreateVpcEndpoint", **asked)


async def test_the_services_there_are(ec2: Any) -> None:
    answer = await ec2.call("DescribeVpcEndpointServices", ServiceNames=[LOGS])
    assert answer["ServiceNames"] == [LOGS]
    assert answer["ServiceDetails"][0]["PrivateDnsName"] == "logs.eu-test-1.amazonaws.com"
    everything = (await ec2.call("DescribeVpcEndpointServices"))["ServiceNames"]
    assert "com.amazonaws.eu-test-1.ecr.dkr" in everything
    await ec2.refuses("InvalidServiceName", "DescribeVpcEndpointServices", ServiceNames=["x"])
