"""Network ACLs: numbered entries, one ACL for each subnet."""

from typing import Any

import pytest

ANYWHERE = "0.0.0.0/0"


async def new_acl(ec2: Any, vpc_id: str) -> str:
    made: str = (await ec2.call("CreateNetworkAcl", VpcId=vpc_id))["NetworkAcl"]["NetworkAclId"]
    return made


def entry(acl_id: str, number: int = 100, **params: Any) -> dict[str, Any]:
    """What CreateNetworkAclEntry is asked: HTTP in, unless said otherwise."""
    return {
        "NetworkAclId": acl_id,
        "RuleNumber": number,
        "Protocol": "6",
        "RuleAction": "allow",
        "Egress": False,
        "CidrBlock": ANYWHERE,
        "PortRange": {"From": 80, "To": 80},
        **params,
    }


async def entries(ec2: Any, acl_id: str) -> list[dict[str, Any]]:
    acl = await ec2.one("DescribeNetworkAcls", NetworkAclIds=[acl_id])
    found: list[dict[str, Any]] = acl["Entries"]
    return found


async def test_a_new_acl_denies_everything(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    tags = [{"ResourceType": "network-acl", "Tags": [{"Key": "a", "Value": "b"}]}]
    made = (await ec2.call("CreateNetworkAcl", VpcId=vpc_id, TagSpecifications=tags))["NetworkAcl"]
    assert await ec2.one("DescribeNetworkAcls", NetworkAclIds=[made["NetworkAclId"]]) == made
    assert [(one["RuleNumber"], one["RuleAction"]) for one in made["Entries"]] == [(32767, "deny")] * 2
    assert not made["IsDefault"]


async def test_entries_are_kept_in_their_order_each_way(ec2: Any) -> None:
    acl_id = await new_acl(ec2, await ec2.vpc())
    icmp = {"Protocol": "icmp", "PortRange": None, "IcmpTypeCode": {"Type": 8, "Code": -1}}
    await ec2.call("CreateNetworkAclEntry", **entry(acl_id, 200, **icmp))
    await ec2.call("CreateNetworkAclEntry", **entry(acl_id, 100))
    everything = {"Protocol": "-1", "PortRange": None, "RuleAction": "deny", "CidrBlock": "10.1.2.3/8"}
    await ec2.call("CreateNetworkAclEntry", **entry(acl_id, 100, Egress=True, **everything))
    told = [(one["Egress"], one["RuleNumber"], one["Protocol"]) for one in await entries(ec2, acl_id)]
    assert told == [
        (True, 100, "-1"),
        (True, 32767, "-1"),
        (False, 100, "6"),
        (False, 200, "1"),
        (False, 32767, "-1"),
    ]
    out, _, http, ping, _ = await entries(ec2, acl_id)
    assert out["CidrBlock"] == "10.0.0.0/8"
    assert http["PortRange"] == {"From": 80, "To": 80}
    assert ping["IcmpTypeCode"] == {"Type": 8, "Code": -1}


async def test_an_entry_is_replaced_and_deleted_by_its_number(ec2: Any) -> None:
    acl_id = await new_acl(ec2, await ec2.vpc())
    await ec2.call("CreateNetworkAclEntry", **entry(acl_id))
    assert await ec2.refused("CreateNetworkAclEntry", **entry(acl_id)) == (
        "NetworkAclEntryAlreadyExists",
        "The network acl entry identified by 100 already exists.",
    )
    await ec2.call("ReplaceNetworkAclEntry", **entry(acl_id, RuleAction="deny"))
    assert [one["RuleAction"] for one in await entries(ec2, acl_id) if one["RuleNumber"] == 100] == ["deny"]
    missing = "InvalidNetworkAclEntry.NotFound"
    await ec2.refuses(missing, "ReplaceNetworkAclEntry", **entry(acl_id, 101))
    asked = {"NetworkAclId": acl_id, "RuleNumber": 100}
    await ec2.refuses(missing, "DeleteNetworkAclEntry", **asked, Egress=True)
    await ec2.call("DeleteNetworkAclEntry", **asked, Egress=False)
    assert len(await entries(ec2, acl_id)) == 2


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"RuleNumber": 0}, "InvalidParameterValue"),
        ({"RuleNumber": 32767}, "InvalidParameterValue"),
        ({"Protocol": "x"}, "InvalidParameterValue"),
        ({"Protocol": "58"}, "UnsupportedOperation"),
        ({"PortRange": None}, "MissingParameter"),
        ({"PortRange": {"From": 2, "To": 1}}, "InvalidParameterValue"),
        ({"Protocol": "1"}, "MissingParameter"),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 256, "Code": 0}}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.0.0"}, "InvalidParameterValue"),
        ({"CidrBlock": None}, "MissingParameter"),
        ({"Ipv6CidrBlock": "::/0"}, "UnsupportedOperation"),
        ({"NetworkAclId": "acl-0"}, "InvalidNetworkAclID.NotFound"),
    ],
)
async def test_an_entry_that_cannot_be(ec2: Any, params: dict[str, Any], code: str) -> None:
    acl_id = await new_acl(ec2, await ec2.vpc())
    await ec2.refuses(code, "CreateNetworkAclEntry", **{**entry(acl_id), **params})


async def test_twenty_entries_each_way(ec2: Any) -> None:
    acl_id = await new_acl(ec2, await ec2.vpc())
    for number in range(1, 21):
        await ec2.call("CreateNetworkAclEntry", **entry(acl_id, number))
    await ec2.refuses("NetworkAclEntryLimitExceeded", "CreateNetworkAclEntry", **entry(acl_id, 21))
    await ec2.call("CreateNetworkAclEntry", **entry(acl_id, 21, Egress=True))


async def test_a_subnet_has_another_acl(ec2: Any) -> None:
    vpc_id = await ec2.vpc()
    subnet_id, acl_id = await ec2.subnet(vpc_id), await new_acl(ec2, vpc_id)
    found = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
    default = await ec2.one("DescribeNetworkAcls", Filters=found)
    (association,) = default["Associations"]
    old = association["NetworkAclAssociationId"]
    moved = await ec2.call("ReplaceNetworkAclAssociation", AssociationId=old, NetworkAclId=acl_id)
    acl = await ec2.one("DescribeNetworkAcls", Filters=found)
    assert acl["NetworkAclId"] == acl_id
    assert acl["Associations"][0]["NetworkAclAssociationId"] == moved["NewAssociationId"] != old
    await ec2.refuses("DependencyViolation", "DeleteNetworkAcl", NetworkAclId=acl_id)
    asked = {"AssociationId": old, "NetworkAclId": acl_id}
    await ec2.refuses("InvalidAssociationID.NotFound", "ReplaceNetworkAclAssociation", **asked)
    foreign = {
        "AssociationId": moved["NewAssociationId"],
        "NetworkAclId": await new_acl(ec2, await ec2.vpc()),
    }
    await ec2.refuses("InvalidParameterValue", "ReplaceNetworkAclAssociation", **foreign)
    again = {"AssociationId": moved["NewAssociationId"], "NetworkAclId": default["NetworkAclId"]}
    await ec2.call("ReplaceNetworkAclAssociation", **again)
    await ec2.call("DeleteNetworkAcl", NetworkAclId=acl_id)
    await ec2.refuses("InvalidParameterValue", "DeleteNetworkAcl", NetworkAclId=default["NetworkAclId"])
