"""The default VPC and everything in it, as Describe calls show them."""

from typing import Any

import msgspec
import pytest

from bastide.api.ec2.places.regions import zone_id
from bastide.model.faults import Denied, Fault, Invalid, LimitExceeded, NotFound

ALL = [
    "DescribeVpcs",
    "DescribeSubnets",
    "DescribeSecurityGroups",
    "DescribeSecurityGroupRules",
    "DescribeNetworkInterfaces",
    "DescribeAvailabilityZones",
    "DescribeRegions",
]


async def test_a_new_region_has_a_default_vpc_with_two_public_subnets(ec2: Any) -> None:
    (vpc,) = (await ec2.call("DescribeVpcs"))["Vpcs"]
    assert (vpc["CidrBlock"], vpc["IsDefault"], vpc["State"]) == ("172.31.0.0/16", True, "available")
    subnets = (await ec2.call("DescribeSubnets"))["Subnets"]
    assert {(one["CidrBlock"], one["AvailabilityZone"], one["VpcId"]) for one in subnets} == {
        ("172.31.0.0/20", "eu-test-1a", vpc["VpcId"]),
        ("172.31.16.0/20", "eu-test-1b", vpc["VpcId"]),
    }
    assert all(one["DefaultForAz"] and one["MapPublicIpOnLaunch"] for one in subnets)
    assert {one["AvailableIpAddressCount"] for one in subnets} == {4091}


async def test_whatever_is_asked_first_finds_the_same_vpc(ec2: Any) -> None:
    (group,) = (await ec2.call("DescribeSecurityGroups"))["SecurityGroups"]
    assert await ec2.values("DescribeVpcs", "VpcId") == [group["VpcId"]]
    assert await ec2.values("DescribeVpcs", "VpcId") == [group["VpcId"]]


async def test_regions_and_accounts_have_their_own(ec2: Any) -> None:
    here = await ec2.values("DescribeVpcs", "VpcId")
    own = ec2.api.ctx
    for changes in ({"region": "us-east-1"}, {"account": "444455556666"}):
        ec2.api.ctx = msgspec.structs.replace(own, caller=msgspec.structs.replace(own.caller, **changes))
        there = await ec2.values("DescribeVpcs", "VpcId")
        assert len(there) == 1
        assert there != here
        with pytest.raises(NotFound):
            await ec2.call("DescribeVpcs", VpcIds=here)


async def test_the_default_group_lets_its_own_members_in_and_everything_out(ec2: Any) -> None:
    (group,) = (await ec2.call("DescribeSecurityGroups"))["SecurityGroups"]
    assert (group["GroupName"], group["Description"]) == ("default", "default VPC security group")
    (inward,), (outward,) = group["IpPermissions"], group["IpPermissionsEgress"]
    assert inward["UserIdGroupPairs"] == [{"GroupId": group["GroupId"], "UserId": group["OwnerId"]}]
    assert inward["IpProtocol"] == outward["IpProtocol"] == "-1"
    assert outward["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    assert not [member for member in group if member.startswith("_")]
    rules = (await ec2.call("DescribeSecurityGroupRules"))["SecurityGroupRules"]
    assert {rule["IsEgress"] for rule in rules} == {True, False}
    assert {rule.get("CidrIpv4") for rule in rules} == {None, "0.0.0.0/0"}
    assert (
        await ec2.values("DescribeSecurityGroupRules", "GroupId", ("group-id", "sg-*"))
        == [group["GroupId"]] * 2
    )


async def test_an_interface_takes_an_address_of_its_subnet(ec2: Any) -> None:
    eni_id = await ec2.add_eni(9)
    counts = await ec2.values("DescribeSubnets", "AvailableIpAddressCount")
    assert counts == [4090, 4091]
    (eni,) = (await ec2.call("DescribeNetworkInterfaces", NetworkInterfaceIds=[eni_id]))["NetworkInterfaces"]
    assert eni["AvailabilityZoneId"] in ("eut1-az1", "eut1-az2")
    assert eni["Groups"][0]["GroupName"] == "default"
    assert "_task" not in eni
    found = ("attachment.attach-time", "2030-01-02T*"), ("private-ip-address", "172.31.0.?")
    assert await ec2.values("DescribeNetworkInterfaces", "NetworkInterfaceId", *found) == [eni_id]


@pytest.mark.parametrize(
    ("operation", "filters", "count"),
    [
        ("DescribeVpcs", [("is-default", "true"), ("cidr", "172.31.0.0/16")], 1),
        ("DescribeVpcs", [("cidr-block-association.state", "associated")], 1),
        ("DescribeVpcs", [("is-default", "false")], 0),
        ("DescribeVpcs", [("ipv6-cidr-block-association.state", "*")], 0),
        ("DescribeVpcs", [("tag:Name", "*")], 0),
        ("DescribeSubnets", [("vpc-id", "*"), ("default-for-az", "true")], 2),
        ("DescribeSubnets", [("availability-zone", "eu-test-1?")], 2),
        ("DescribeSubnets", [("availabilityZone", "*b"), ("cidr", "172.31.16.*")], 1),
        ("DescribeSubnets", [("availability-zone", "*a"), ("cidrBlock", "172.31.16.0/20")], 0),
        ("DescribeSubnets", [("available-ip-address-count", "4088")], 1),
        ("DescribeSubnets", [("private-dns-name-options-on-launch.hostname-type", "ip-name")], 2),
        ("DescribeSecurityGroups", [("group-name", "default"), ("ip-permission.protocol", "-1")], 1),
        ("DescribeSecurityGroups", [("egress.ip-permission.cidr", "0.0.0.0/0")], 1),
        ("DescribeSecurityGroups", [("ip-permission.cidr", "0.0.0.0/0")], 0),
        ("DescribeNetworkInterfaces", [("requester-managed", "true"), ("status", "in-use")], 3),
        ("DescribeNetworkInterfaces", [("addresses.private-ip-address", "172.31.0.2")], 1),
        ("DescribeNetworkInterfaces", [("tag:team", "red")], 1),
        ("DescribeNetworkInterfaces", [("tag-key", "t*")], 2),
        ("DescribeAvailabilityZones", [("zone-name", "*a"), ("state", "available")], 1),
        ("DescribeRegions", [("region-name", "eu-*-1")], 4),
    ],
)
async def test_filters(ec2: Any, operation: str, filters: list[tuple[str, str]], count: int) -> None:
    await ec2.add_eni(1)
    await ec2.add_eni(2, TagSet=[{"Key": "team", "Value": "red"}])
    await ec2.add_eni(3, TagSet=[{"Key": "team", "Value": "blue"}])
    assert len(await ec2.values(operation, "x", *filters)) == count


@pytest.mark.parametrize("operation", ALL)
async def test_a_dry_run_only_says_that_it_would_have_worked(ec2: Any, operation: str) -> None:
    with pytest.raises(Denied) as raised:
        await ec2.call(operation, DryRun=True)
    assert raised.value.noun == "dry run"


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ({"Name": "colour", "Values": ["x"]}, Invalid),
        ({"Name": "state"}, Invalid),
        ({"Values": ["x"]}, Invalid),
        ({"Name": "tag:a", "Values": ["x" * 256]}, LimitExceeded),
        ({"Name": "tag:a", "Values": ["x"] * 201}, LimitExceeded),
    ],
)
async def test_filters_that_are_none(
    ec2: Any, operation: str, asked: dict[str, Any], fault: type[Fault]
) -> None:
    with pytest.raises(fault):
        await ec2.call(operation, Filters=[asked])


@pytest.mark.parametrize(
    ("operation", "params", "fault", "noun"),
    [
        ("DescribeVpcs", {"VpcIds": ["vpc-1"]}, NotFound, "vpc"),
        ("DescribeSubnets", {"SubnetIds": ["subnet-1"]}, NotFound, "subnet"),
        ("DescribeSecurityGroups", {"GroupIds": ["sg-1"]}, NotFound, "security group"),
        ("DescribeSecurityGroups", {"GroupNames": ["web"]}, NotFound, "security group"),
        ("DescribeSecurityGroups", {"GroupIds": ["web"]}, Invalid, "security group id"),
        ("DescribeSecurityGroupRules", {"SecurityGroupRuleIds": ["sgr-1"]}, NotFound, "security group rule"),
        ("DescribeNetworkInterfaces", {"NetworkInterfaceIds": ["eni-1"]}, NotFound, "network interface"),
        ("DescribeNetworkInterfaces", {"NetworkInterfaceIds": ["x"]}, Invalid, "network interface id"),
        (
            "DescribeNetworkInterfaces",
            {"NetworkInterfaceIds": ["eni-1"], "MaxResults": 5},
            Invalid,
            "parameters",
        ),
        ("DescribeVpcs", {"NextToken": "x"}, Invalid, "page token"),
        ("DescribeAvailabilityZones", {"ZoneNames": ["eu-test-1z"]}, Invalid, "parameter"),
        ("DescribeAvailabilityZones", {"ZoneIds": ["x"]}, Invalid, "parameter"),
        ("DescribeRegions", {"RegionNames": ["mars-1"]}, Invalid, "parameter"),
    ],
)
async def test_what_is_not_there(
    ec2: Any, operation: str, params: dict[str, Any], fault: type[Fault], noun: str
) -> None:
    with pytest.raises(fault) as raised:
        await ec2.call(operation, **params)
    assert raised.value.noun == noun


async def test_pages_have_every_interface_once(ec2: Any) -> None:
    made = [await ec2.add_eni(number) for number in range(1, 13)]
    seen, params = [], {"MaxResults": 5}
    while True:
        page = await ec2.call("DescribeNetworkInterfaces", **params)
        seen.append([eni["NetworkInterfaceId"] for eni in page["NetworkInterfaces"]])
        if "NextToken" not in page:
            break
        params["NextToken"] = page["NextToken"]
    assert [len(page) for page in seen] == [5, 5, 2]
    assert [eni_id for page in seen for eni_id in page] == made
    with pytest.raises(Invalid):
        await ec2.values("DescribeNetworkInterfaces", "x", ("status", "in-use"), **params)


async def test_ids_and_names_choose(ec2: Any) -> None:
    first, second = await ec2.values("DescribeSubnets", "SubnetId")
    assert await ec2.values("DescribeSubnets", "SubnetId", SubnetIds=[second]) == [second]
    assert await ec2.values("DescribeSubnets", "SubnetId", SubnetIds=[second, first, second]) == [
        first,
        second,
    ]
    assert len(await ec2.values("DescribeSecurityGroups", "GroupId", GroupNames=["default"])) == 1
    assert await ec2.values("DescribeAvailabilityZones", "ZoneId", ZoneNames=["eu-test-1b"]) == ["eut1-az2"]


async def test_every_region_is_at_this_endpoint(ec2: Any) -> None:
    regions = (await ec2.call("DescribeRegions"))["Regions"]
    assert {"us-east-1", "eu-test-1"} <= {region["RegionName"] for region in regions}
    assert {region["Endpoint"] for region in regions} == {"127.0.0.1:4566"}


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("us-east-1a", "use1-az1"),
        ("ap-southeast-2b", "apse2-az2"),
        ("eu-central-1a", "euc1-az1"),
        ("us-gov-west-1b", "usgw1-az2"),
        ("eu-test-1a", "eut1-az1"),
        ("homea", "home-az1"),
        ("a--1a", "a1-az1"),
    ],
)
def test_zone_ids_are_shortened_as_aws_does(zone: str, expected: str) -> None:
    assert zone_id(zone) == expected
