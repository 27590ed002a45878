"""Looking at the network with boto3 and with `aws ec2`."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bastide.store import Record


@pytest.fixture
def ec2(server: Any) -> Any:
    return server.client("ec2")


def add_enis(server: Any, ec2: Any, count: int) -> list[str]:
    """Interfaces as placement writes them."""
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    made = []
    for number in range(count):
        eni_id = f"eni-{number:017x}"
        public = {"Association": {"PublicIp": f"198.18.0.{number + 2}", "IpOwnerId": "amazon"}}
        address = f"172.31.0.{number + 4}"
        document = {
            "NetworkInterfaceId": eni_id,
            "SubnetId": subnet["SubnetId"],
            "VpcId": subnet["VpcId"],
            "AvailabilityZone": subnet["AvailabilityZone"],
            "OwnerId": "111122223333",
            "RequesterManaged": True,
            "Status": "in-use",
            "InterfaceType": "interface",
            "Description": f"arn:aws:ecs:eu-test-1:111122223333:attachment/{number}",
            "MacAddress": "0a:00:00:00:00:01",
            "PrivateIpAddress": address,
            "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address, **public}],
            "Groups": [{"GroupId": group}],
            "Attachment": {"AttachTime": 1_893_553_445.5, "Status": "attached", "DeviceIndex": 1},
            "TagSet": [],
            "_task": "a task",
            **public,
        }
        server.put(
            Record("network-interface", eni_id, "111122223333/eu-test-1", document, parent=subnet["SubnetId"])
        )
        made.append(eni_id)
    return made


def test_boto3_sees_the_default_vpc_and_what_is_in_it(server: Any, ec2: Any) -> None:
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    assert vpc["CidrBlockAssociationSet"][0]["CidrBlockState"] == {"State": "associated"}
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert sorted(subnet["CidrBlock"] for subnet in subnets) == ["172.31.0.0/20", "172.31.16.0/20"]
    (group,) = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    assert group["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    assert len(ec2.describe_security_group_rules()["SecurityGroupRules"]) == 2
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [zone["ZoneId"] for zone in zones] == ["eut1-az1", "eut1-az2"]
    assert "eu-test-1" in {region["RegionName"] for region in ec2.describe_regions()["Regions"]}


def test_boto3_pages_through_interfaces(server: Any, ec2: Any) -> None:
    made = add_enis(server, ec2, 7)
    pages = list(ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 5}))
    found = [eni for page in pages for eni in page["NetworkInterfaces"]]
    assert [eni["NetworkInterfaceId"] for eni in found] == made
    assert len(pages) == 2
    assert found[0]["Association"]["PublicIp"] == "198.18.0.2"
    assert found[0]["Attachment"]["AttachTime"].isoformat() == "2030-01-02T03:04:05.500000+00:00"
    assert found[0]["Groups"][0]["GroupName"] == "default"
    wanted = [{"Name": "association.public-ip", "Values": ["198.18.0.3"]}]
    (eni,) = ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
    assert eni["NetworkInterfaceId"] == made[1]


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("describe_vpcs", {"VpcIds": ["vpc-1"]}, "InvalidVpcID.NotFound"),
        ("describe_subnets", {"SubnetIds": ["subnet-1"]}, "InvalidSubnetID.NotFound"),
        ("describe_security_groups", {"GroupIds": ["sg-1"]}, "InvalidGroup.NotFound"),
        ("describe_security_groups", {"GroupIds": ["x"]}, "InvalidGroupId.Malformed"),
        (
            "describe_network_interfaces",
            {"NetworkInterfaceIds": ["eni-1"]},
            "InvalidNetworkInterfaceID.NotFound",
        ),
        ("describe_subnets", {"Filters": [{"Name": "x", "Values": ["y"]}]}, "InvalidParameterValue"),
        ("describe_subnets", {"NextToken": "x"}, "InvalidNextToken"),
        ("describe_subnets", {"MaxResults": 3}, "InvalidParameterValue"),
        ("describe_subnets", {"DryRun": True}, "DryRunOperation"),
        ("describe_availability_zones", {"ZoneNames": ["x"]}, "InvalidParameterValue"),
    ],
)
def test_errors_have_ec2s_codes(ec2: Any, operation: str, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(ec2, operation)(**params)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["Error"]["Message"]


def test_the_aws_program_finds_subnets_and_the_default_group(server: Any) -> None:
    ids = server.aws("ec2", "describe-subnets", "--query", "Subnets[].SubnetId")
    assert len(ids) == 2
    filters = ["--filters", "Name=availability-zone,Values=eu-test-1a", "Name=default-for-az,Values=true"]
    (zone,) = server.aws("ec2", "describe-subnets", *filters, "--query", "Subnets[].AvailabilityZone")
    assert zone == "eu-test-1a"
    groups = server.aws("ec2", "describe-security-groups", "--group-names", "default")["SecurityGroups"]
    assert groups[0]["GroupName"] == "default"
    server.aws("ec2", "wait", "subnet-available", "--subnet-ids", *ids)
    with pytest.raises(RuntimeError, match=r"\(InvalidSubnetID.NotFound\).*'subnet-0' does not exist"):
        server.aws("ec2", "describe-subnets", "--subnet-ids", "subnet-0")
    with pytest.raises(RuntimeError, match=r"docs/compat.md"):
        server.aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--amazon-provided-ipv6-cidr-block")


def test_only_the_first_look_at_a_region_writes(server: Any) -> None:
    elsewhere = server.client("ec2", "eu-test-9")
    before = server.commits()
    (vpc,) = elsewhere.describe_vpcs()["Vpcs"]
    after_first = server.commits()
    assert after_first > before
    assert {one["VpcId"] for one in elsewhere.describe_subnets()["Subnets"]} == {vpc["VpcId"]}
    assert elsewhere.describe_vpcs()["Vpcs"] == [vpc]
    assert server.commits() == after_first
