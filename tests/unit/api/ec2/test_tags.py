"""Tags, client tokens and flow logs: what belongs to no noun alone."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest


async def test_tags_come_and_go(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    subnet_id = await ec2.subnet(vpc_id)
    red, blue = {"Key": "team", "Value": "red"}, {"Key": "team", "Value": "blue"}
    await ec2.call("CreateTags", Resources=[vpc_id, subnet_id], Tags=[red, {"Key": "env", "Value": ""}])
    await ec2.call("CreateTags", Resources=[vpc_id], Tags=[blue])
    assert await ec2.values("DescribeVpcs", "Tags", VpcIds=[vpc_id]) == [[blue, {"Key": "env", "Value": ""}]]
    assert await ec2.values("DescribeSubnets", "SubnetId", ("tag:team", "red")) == [subnet_id]
    await ec2.call("DeleteTags", Resources=[vpc_id], Tags=[red])
    assert await ec2.values("DescribeTags", "Value", ("resource-id", vpc_id)) == ["", "blue"]
    await ec2.call("DeleteTags", Resources=[vpc_id], Tags=[{"Key": "team"}])
    assert await ec2.values("DescribeTags", "Key", ("resource-id", vpc_id)) == ["env"]
    await ec2.call("DeleteTags", Resources=[subnet_id])
    assert await ec2.values("DescribeTags", "Key", ("resource-id", subnet_id)) == []


async def test_every_noun_has_tags_of_its_own_type(ec2: Any) -> None:
    tags = {"Tags": [{"Key": "k", "Value": "v"}]}
    vpc_id = await ec2.vpc()
    await ec2.gateway(vpc_id)
    subnet_id = await ec2.subnet(vpc_id)
    address = await ec2.call("AllocateAddress")
    group_id = await ec2.group(vpc_id)
    listing = {"PrefixListName": "x", "AddressFamily": "IPv4", "MaxEntries": 1}
    logs = {
        "TrafficType": "ALL",
        "LogGroupName": "flows",
        "DeliverLogsPermissionArn": "arn:aws:iam::1:role/r",
    }
    open_to_all = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    for operation, resource_type, params in (
        ("CreateVpc", "vpc", {"CidrBlock": "10.9.0.0/16"}),
        ("CreateSubnet", "subnet", {"VpcId": vpc_id, "CidrBlock": "10.0.9.0/24"}),
        ("CreateRouteTable", "route-table", {"VpcId": vpc_id}),
        ("CreateInternetGateway", "internet-gateway", {}),
        ("CreateNatGateway", "natgateway", {"SubnetId": subnet_id, "AllocationId": address["AllocationId"]}),
        ("AllocateAddress", "elastic-ip", {}),
        ("CreateNetworkInterface", "network-interface", {"SubnetId": subnet_id}),
        ("CreateSecurityGroup", "security-group", {"GroupName": "n", "Description": "d", "VpcId": vpc_id}),
        (
            "AuthorizeSecurityGroupIngress",
            "security-group-rule",
            {"GroupId": group_id, "IpPermissions": open_to_all},
        ),
        ("CreateNetworkAcl", "network-acl", {"VpcId": vpc_id}),
        (
            "CreateDhcpOptions",
            "dhcp-options",
            {"DhcpConfigurations": [{"Key": "domain-name", "Values": ["x"]}]},
        ),
        ("CreateManagedPrefixList", "prefix-list", listing),
        ("CreateFlowLogs", "vpc-flow-log", {"ResourceIds": [vpc_id], "ResourceType": "VPC", **logs}),
    ):
        wrong = [{"ResourceType": "instance", **tags}]
        await ec2.refuses("InvalidParameterValue", operation, **params, TagSpecifications=wrong)
        await ec2.call(operation, **params, TagSpecifications=[{"ResourceType": resource_type, **tags}])
        assert await ec2.values("DescribeTags", "Value", ("resource-type", resource_type)) == ["v"]
    assert len(await ec2.values("DescribeTags", "x", ("tag:k", "v"))) == 13
    await ec2.refuses("InvalidParameterValue", "DescribeTags", MaxResults=0)
    first = await ec2.call("DescribeTags", MaxResults=5)
    assert len(first["Tags"]) == 5
    rest = await ec2.call("DescribeTags", MaxResults=1000, NextToken=first["NextToken"])
    assert len({tag["ResourceId"] for tag in first["Tags"] + rest["Tags"]}) == 13


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"Key": "aws:x", "Value": "y"}], "InvalidParameterValue"),
        ([{"Key": "", "Value": "y"}], "InvalidParameterValue"),
        ([{"Key": "x" * 128, "Value": "y"}], "InvalidParameterValue"),
        ([{"Key": "x", "Value": "y" * 257}], "InvalidParameterValue"),
        ([{"Key": f"k{number}", "Value": ""} for number in range(51)], "TagLimitExceeded"),
    ],
)
async def test_tags_that_cannot_be(ec2: Any, tags: list[dict[str, str]], code: str) -> None:
    vpc_id = await ec2.vpc()
    await ec2.refuses(code, "CreateTags", Resources=[vpc_id], Tags=tags)


async def test_fifty_tags_and_no_more(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    await ec2.call("CreateTags", Resources=[vpc_id], Tags=many)
    more = {"Resources": [vpc_id], "Tags": [{"Key": "more", "Value": ""}]}
    await ec2.refuses("TagLimitExceeded", "CreateTags", **more)
    for resource, code in (("x-1", "InvalidID"), ("vpc-0", "InvalidVpcID.NotFound")):
        await ec2.refuses(code, "CreateTags", Resources=[resource], Tags=many[:1])


async def test_a_call_sent_twice_with_one_token_makes_one(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    asked = {"VpcId": vpc_id, "ClientToken": "t"}
    made = await ec2.call("CreateRouteTable", **asked)
    assert made["ClientToken"] == "t"
    assert await ec2.call("CreateRouteTable", **asked) == made
    assert len(await ec2.values("DescribeRouteTables", "x", ("vpc-id", vpc_id))) == 2
    other = {**asked, "VpcId": await ec2.vpc()}
    await ec2.refuses("IdempotentParameterMismatch", "CreateRouteTable", **other)
    await ec2.call("CreateNetworkAcl", **asked)  # another operation's tokens are its own
    listing = {"PrefixListName": "x", "AddressFamily": "IPv4", "MaxEntries": 1, "ClientToken": "t"}
    once = await ec2.call("CreateManagedPrefixList", **listing)
    assert await ec2.call("CreateManagedPrefixList", **listing) == once
    later = ec2.api.ctx.now + timedelta(hours=25)
    ec2.api.ctx = msgspec.structs.replace(ec2.api.ctx, now=later)
    assert await ec2.call("CreateRouteTable", **asked) != made


def flow_logs(*resource_ids: str, **params: Any) -> dict[str, Any]:
    """What CreateFlowLogs is asked."""
    return {
        "ResourceIds": list(resource_ids),
        "ResourceType": "VPC",
        "TrafficType": "REJECT",
        "LogGroupName": "flows",
        "DeliverLogsPermissionArn": "arn:aws:iam::111122223333:role/flows",
        **params,
    }


async def test_a_flow_log_is_what_was_asked_for(ec2: Any) -> None:
    first, second = await ec2.vpc(), await ec2.vpc()
    made = await ec2.call("CreateFlowLogs", **flow_logs(first, MaxAggregationInterval=60))
    log = await ec2.one("DescribeFlowLogs", FlowLogIds=made["FlowLogIds"])
    assert (log["ResourceId"], log["TrafficType"], log["LogGroupName"]) == (first, "REJECT", "flows")
    assert (log["FlowLogStatus"], log["MaxAggregationInterval"]) == ("ACTIVE", 60)
    assert log["LogFormat"].startswith("${version} ${account-id} ")
    both = await ec2.call("CreateFlowLogs", **flow_logs(first, second))
    assert len(both["FlowLogIds"]) == 1
    (failed,) = both["Unsuccessful"]
    assert (failed["ResourceId"], failed["Error"]["Code"]) == (first, "FlowLogAlreadyExists")
    found = [{"Name": "resource-id", "Values": [second]}]
    assert (await ec2.one("DescribeFlowLogs", Filter=found))["FlowLogId"] == both["FlowLogIds"][0]
    gone = await ec2.call("DeleteFlowLogs", FlowLogIds=[*both["FlowLogIds"], "fl-0"])
    assert [one["Error"]["Code"] for one in gone["Unsuccessful"]] == ["InvalidFlowLogId.NotFound"]
    await ec2.call("DeleteVpc", VpcId=first)
    assert await ec2.values("DescribeFlowLogs", "FlowLogId") == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ResourceType": "TransitGateway"}, "UnsupportedOperation"),
        ({"LogDestinationType": "s3"}, "UnsupportedOperation"),
        ({"LogFormat": "${vpc-id}"}, "UnsupportedOperation"),
        ({"MaxAggregationInterval": 61}, "InvalidParameterValue"),
        ({"LogGroupName": None}, "InvalidParameterCombination"),
        ({"LogDestination": "arn:aws:logs:r:1:log-group:x"}, "InvalidParameterCombination"),
        ({"LogGroupName": None, "LogDestination": "arn:aws:s3:::x"}, "InvalidParameterValue"),
        ({"DeliverLogsPermissionArn": None}, "MissingParameter"),
        ({"ResourceIds": ["vpc-0"]}, "InvalidVpcID.NotFound"),
    ],
)
async def test_a_flow_log_that_cannot_be(ec2: Any, params: dict[str, Any], code: str) -> None:
    vpc_id = await ec2.vpc()
    await ec2.refuses(code, "CreateFlowLogs", **{**flow_logs(vpc_id), **params})


async def test_a_flow_log_names_its_group_by_arn(ec2: Any) -> None:
    arn = "arn:aws:logs:eu-test-1:111122223333:log-group:flows"
    asked = flow_logs(await ec2.vpc(), LogGroupName=None, LogDestination=arn)
    await ec2.call("CreateFlowLogs", **asked)
    await ec2.call("CreateFlowLogs", **flow_logs(await ec2.vpc()))  # by name
    assert await ec2.values("DescribeFlowLogs", "LogGroupName") == ["flows"] * 2
    assert await ec2.values("DescribeFlowLogs", "LogDestination") == [arn] * 2
