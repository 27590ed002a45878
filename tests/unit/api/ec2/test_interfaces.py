"""Network interfaces and elastic addresses."""

from typing import Any

import msgspec
import pytest

from bastide.config import Settings

TAGS = [{"Key": "a", "Value": "b"}]


async def interface(ec2: Any, subnet_id: str, **params: Any) -> Any:
    return (await ec2.call("CreateNetworkInterface", SubnetId=subnet_id, **params))["NetworkInterface"]


async def shown(ec2: Any, eni_id: str) -> Any:
    return await ec2.one("DescribeNetworkInterfaces", NetworkInterfaceIds=[eni_id])


@pytest.fixture
async def vpc_id(ec2: Any) -> str:
    made: str = await ec2.vpc()
    return made


@pytest.fixture
async def subnet_id(ec2: Any, vpc_id: str) -> str:
    made: str = await ec2.subnet(vpc_id, "10.0.1.0/28")
    return made


async def test_an_interface_is_what_was_asked_for(ec2: Any, vpc_id: str, subnet_id: str) -> None:
    group_id = await ec2.group(vpc_id)
    tags = [{"ResourceType": "network-interface", "Tags": TAGS}]
    asked = {"Description": "mine", "PrivateIpAddress": "10.0.1.9", "Groups": [group_id]}
    made = await interface(ec2, subnet_id, **asked, TagSpecifications=tags)
    assert made["Status"] == "pending"
    eni = await shown(ec2, made["NetworkInterfaceId"])
    assert eni == {**made, "Status": "available"}
    assert (eni["Description"], eni["PrivateIpAddress"], eni["TagSet"]) == ("mine", "10.0.1.9", TAGS)
    assert eni["Groups"] == [{"GroupId": group_id, "GroupName": "web"}]
    assert (eni["RequesterManaged"], eni["InterfaceType"], eni["VpcId"]) == (False, "interface", vpc_id)
    assert await ec2.values("DescribeSubnets", "AvailableIpAddressCount", SubnetIds=[subnet_id]) == [10]
    await ec2.call("DeleteNetworkInterface", NetworkInterfaceId=eni["NetworkInterfaceId"])
    assert await ec2.values("DescribeSubnets", "AvailableIpAddressCount", SubnetIds=[subnet_id]) == [11]


async def test_a_subnet_gives_each_of_its_addresses_once(ec2: Any, subnet_id: str) -> None:
    made = [await interface(ec2, subnet_id) for _ in range(11)]
    assert len({eni["PrivateIpAddress"] for eni in made}) == 11
    code, message = await ec2.refused("CreateNetworkInterface", SubnetId=subnet_id)
    assert code == "InsufficientFreeAddressesInSubnet"
    assert subnet_id in message


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"PrivateIpAddress": "10.0.1.5"}, "InvalidIPAddress.InUse"),
        ({"PrivateIpAddress": "10.0.1.1"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "10.0.2.9"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "x"}, "InvalidParameterValue"),
        ({"Groups": ["sg-0"]}, "InvalidGroup.NotFound"),
        ({"Groups": ["FOREIGN"]}, "InvalidParameter"),
        ({"Groups": ["sg-0"] * 6}, "SecurityGroupsPerInterfaceLimitExceeded"),
        ({"InterfaceType": "efa"}, "UnsupportedOperation"),
        ({"Ipv6AddressCount": 1}, "UnsupportedOperation"),
        ({"SecondaryPrivateIpAddressCount": 1}, "UnsupportedOperation"),
        ({"SubnetId": "subnet-0"}, "InvalidSubnetID.NotFound"),
    ],
)
async def test_an_interface_that_cannot_be(
    ec2: Any, subnet_id: str, params: dict[str, Any], code: str
) -> None:
    await interface(ec2, subnet_id, PrivateIpAddress="10.0.1.5")
    if params.get("Groups") == ["FOREIGN"]:
        params = {"Groups": [(await ec2.one("DescribeSecurityGroups", GroupNames=["default"]))["GroupId"]]}
    await ec2.refuses(code, "CreateNetworkInterface", **{"SubnetId": subnet_id, **params})


async def test_attributes_of_an_interface(ec2: Any, vpc_id: str, subnet_id: str) -> None:
    eni_id = (await interface(ec2, subnet_id))["NetworkInterfaceId"]
    group_id = await ec2.group(vpc_id)
    asked = {"NetworkInterfaceId": eni_id}
    await ec2.call("ModifyNetworkInterfaceAttribute", **asked, Description={"Value": "new"})
    await ec2.call("ModifyNetworkInterfaceAttribute", **asked, Groups=[group_id])
    await ec2.call("ModifyNetworkInterfaceAttribute", **asked, SourceDestCheck={"Value": True})
    for attribute, member in (
        ("description", {"Description": {"Value": "new"}}),
        ("groupSet", {"Groups": [{"GroupId": group_id, "GroupName": "web"}]}),
        ("sourceDestCheck", {"SourceDestCheck": {"Value": True}}),
        ("attachment", {}),
    ):
        answer = await ec2.call("DescribeNetworkInterfaceAttribute", **asked, Attribute=attribute)
        assert answer == {"NetworkInterfaceId": eni_id, **member}
    for params, code in (
        ({}, "InvalidParameterCombination"),
        ({"SourceDestCheck": {"Value": False}}, "UnsupportedOperation"),
        ({"EnablePrimaryIpv6": True}, "UnsupportedOperation"),
        ({"Groups": ["sg-0"]}, "InvalidGroup.NotFound"),
    ):
        await ec2.refuses(code, "ModifyNetworkInterfaceAttribute", **asked, **params)
    await ec2.refuses("InvalidParameterValue", "DescribeNetworkInterfaceAttribute", **asked, Attribute="x")


async def test_a_tasks_interface_is_its_tasks(ec2: Any) -> None:
    eni_id = await ec2.add_eni(9, Attachment={"AttachTime": 1.0, "AttachmentId": "eni-attach-1"})
    asked = {"NetworkInterfaceId": eni_id}
    assert await ec2.refused("DeleteNetworkInterface", **asked) == (
        "InvalidNetworkInterface.InUse",
        f"Network interface '{eni_id}' is currently in use.",
    )
    await ec2.refuses("AuthFailure", "ModifyNetworkInterfaceAttribute", **asked, Description={"Value": "x"})
    await ec2.refuses("OperationNotPermitted", "DetachNetworkInterface", AttachmentId="eni-attach-1")
    address = await ec2.call("AllocateAddress")
    await ec2.refuses("AuthFailure", "AssociateAddress", AllocationId=address["AllocationId"], **asked)
    made = await ec2.call("CreateSecurityGroup", GroupName="web", Description="web")
    await ec2.call("ModifyNetworkInterfaceAttribute", **asked, Groups=[made["GroupId"]])
    assert [group["GroupName"] for group in (await shown(ec2, eni_id))["Groups"]] == ["web"]


async def test_there_is_no_instance_to_attach_one_to(ec2: Any, subnet_id: str) -> None:
    eni_id = (await interface(ec2, subnet_id))["NetworkInterfaceId"]
    asked = {"NetworkInterfaceId": eni_id, "InstanceId": "i-1", "DeviceIndex": 1}
    await ec2.refuses("InvalidInstanceID.NotFound", "AttachNetworkInterface", **asked)
    await ec2.refuses("InvalidAttachmentID.NotFound", "DetachNetworkInterface", AttachmentId="eni-attach-0")


async def test_an_address_is_kept_until_it_is_released(ec2: Any) -> None:
    tags = [{"ResourceType": "elastic-ip", "Tags": TAGS}]
    made = await ec2.call("AllocateAddress", Domain="vpc", TagSpecifications=tags)
    by_id = await ec2.one("DescribeAddresses", AllocationIds=[made["AllocationId"]])
    assert by_id == {**made, "Tags": TAGS}
    assert await ec2.one("DescribeAddresses", PublicIps=[made["PublicIp"]]) == by_id
    attribute = await ec2.one("DescribeAddressesAttribute", AllocationIds=[made["AllocationId"]])
    assert attribute == {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}
    await ec2.call("ReleaseAddress", AllocationId=made["AllocationId"])
    assert await ec2.values("DescribeAddresses", "PublicIp") == []
    await ec2.refuses("InvalidAllocationID.NotFound", "ReleaseAddress", AllocationId=made["AllocationId"])
    await ec2.refuses("InvalidAddress.NotFound", "DescribeAddresses", PublicIps=[made["PublicIp"]])
    await ec2.refuses("MissingParameter", "ReleaseAddress")


async def test_the_pool_of_addresses_has_an_end(ec2: Any) -> None:
    ctx = ec2.api.ctx
    settings = Settings(account=ctx.caller.account, public_pool="198.51.100.0/28")
    ec2.api.ctx = msgspec.structs.replace(ctx, settings=settings)
    given = [(await ec2.call("AllocateAddress"))["PublicIp"] for _ in range(13)]
    assert len(set(given)) == 13
    await ec2.refuses("AddressLimitExceeded", "AllocateAddress")
    await ec2.call("ReleaseAddress", PublicIp=given[7])
    assert (await ec2.call("AllocateAddress"))["PublicIp"] == given[7]


async def test_an_address_leads_to_an_interface(ec2: Any, vpc_id: str, subnet_id: str) -> None:
    address = await ec2.call("AllocateAddress")
    eni = await interface(ec2, subnet_id)
    asked = {"AllocationId": address["AllocationId"], "NetworkInterfaceId": eni["NetworkInterfaceId"]}
    await ec2.refuses("Gateway.NotAttached", "AssociateAddress", **asked)
    await ec2.gateway(vpc_id)
    made = await ec2.call("AssociateAddress", **asked)
    assert await ec2.call("AssociateAddress", **asked) == made
    held = await ec2.one("DescribeAddresses", AllocationIds=[address["AllocationId"]])
    assert (held["AssociationId"], held["NetworkInterfaceId"], held["PrivateIpAddress"]) == (
        made["AssociationId"],
        eni["NetworkInterfaceId"],
        eni["PrivateIpAddress"],
    )
    association = (await shown(ec2, eni["NetworkInterfaceId"]))["Association"]
    assert (association["PublicIp"], association["AllocationId"]) == (
        address["PublicIp"],
        address["AllocationId"],
    )
    for code, operation, params in (
        ("InvalidIPAddress.InUse", "ReleaseAddress", {"AllocationId": address["AllocationId"]}),
        (
            "DependencyViolation",
            "DeleteNetworkInterface",
            {"NetworkInterfaceId": eni["NetworkInterfaceId"]},
        ),
    ):
        await ec2.refuses(code, operation, **params)
    await ec2.call("DisassociateAddress", AssociationId=made["AssociationId"])
    assert await ec2.one("DescribeAddresses", AllocationIds=[address["AllocationId"]]) == {
        **address,
        "Tags": [],
    }
    assert "Association" not in await shown(ec2, eni["NetworkInterfaceId"])
    await ec2.refuses(
        "InvalidAssociationID.NotFound", "DisassociateAddress", AssociationId=made["AssociationId"]
    )


async def test_an_address_moves_when_that_is_allowed(ec2: Any, vpc_id: str, subnet_id: str) -> None:
    await ec2.gateway(vpc_id)
    first, second = await interface(ec2, subnet_id), await interface(ec2, subnet_id)
    one, other = await ec2.call("AllocateAddress"), await ec2.call("AllocateAddress")

    def asked(address: Any, eni: Any) -> dict[str, Any]:
        return {"AllocationId": address["AllocationId"], "NetworkInterfaceId": eni["NetworkInterfaceId"]}

    await ec2.call("AssociateAddress", **asked(one, first))
    await ec2.call("AssociateAddress", **asked(other, second))
    for wanted in (asked(one, second), asked(other, first)):
        await ec2.refuses("Resource.AlreadyAssociated", "AssociateAddress", **wanted)
    await ec2.call("AssociateAddress", **asked(one, second), AllowReassociation=True)
    assert "Association" not in await shown(ec2, first["NetworkInterfaceId"])
    assert (await shown(ec2, second["NetworkInterfaceId"]))["Association"]["PublicIp"] == one["PublicIp"]
    assert "AssociationId" not in await ec2.one("DescribeAddresses", AllocationIds=[other["AllocationId"]])


async def test_no_address_leads_to_an_instance(ec2: Any) -> None:
    address = await ec2.call("AllocateAddress")
    asked = {"AllocationId": address["AllocationId"]}
    await ec2.refuses("InvalidInstanceID.NotFound", "AssociateAddress", **asked, InstanceId="i-1")
    await ec2.refuses("MissingParameter", "AssociateAddress", **asked)
    await ec2.refuses("UnsupportedOperation", "AllocateAddress", Domain="standard")
