"""Security groups and their rules: what is asked for is what is shown, once, and within limits."""

from typing import Any

import pytest

ANYWHERE = "0.0.0.0/0"


def web(*cidrs: str, port: int = 80, **members: Any) -> dict[str, Any]:
    """A permission for one TCP port."""
    ranges = [{"CidrIp": cidr} for cidr in cidrs]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges, **members}


async def rules_of(ec2: Any, group_id: str, *, is_egress: bool = False) -> list[dict[str, Any]]:
    """A group's rules one way."""
    answer = await ec2.call(
        "DescribeSecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group_id]}]
    )
    return [rule for rule in answer["SecurityGroupRules"] if rule["IsEgress"] == is_egress]


async def shown(ec2: Any, group_id: str, member: str = "IpPermissions") -> Any:
    """A group's permissions, empty lists of peers left out."""
    group = await ec2.one("DescribeSecurityGroups", GroupIds=[group_id])
    return [{name: value for name, value in one.items() if value != []} for one in group[member]]


@pytest.fixture
async def vpc_id(ec2: Any) -> str:
    made: str = await ec2.vpc()
    return made


@pytest.fixture
async def group_id(ec2: Any, vpc_id: str) -> str:
    made: str = await ec2.group(vpc_id)
    return made


async def test_a_new_group_lets_nothing_in_and_everything_out(ec2: Any, vpc_id: str) -> None:
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "b"}]}]
    asked = {"GroupName": "web", "Description": "the web", "VpcId": vpc_id, "TagSpecifications": tags}
    made = await ec2.call("CreateSecurityGroup", **asked)
    group = await ec2.one("DescribeSecurityGroups", GroupIds=[made["GroupId"]])
    assert (group["GroupName"], group["Description"], group["VpcId"]) == ("web", "the web", vpc_id)
    assert group["Tags"] == made["Tags"] == [{"Key": "a", "Value": "b"}]
    assert group["SecurityGroupArn"] == made["SecurityGroupArn"]
    assert group["IpPermissions"] == []
    assert await shown(ec2, made["GroupId"], "IpPermissionsEgress") == [
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}
    ]


async def test_permissions_come_back_as_they_were_asked_for(ec2: Any, group_id: str, vpc_id: str) -> None:
    other = await ec2.group(vpc_id, "other")
    blocks = (await ec2.call("CreateManagedPrefixList", **prefix_list()))["PrefixList"]["PrefixListId"]
    permissions = [
        web(ANYWHERE, "10.0.0.0/8", UserIdGroupPairs=[{"GroupId": other, "Description": "them"}]),
        {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54, "PrefixListIds": [{"PrefixListId": blocks}]},
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": ANYWHERE}]},
        {"IpProtocol": "50", "IpRanges": [{"CidrIp": "192.0.2.9/32", "Description": "ESP"}]},
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id}]},
    ]
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "b"}]}]
    answer = await ec2.call(
        "AuthorizeSecurityGroupIngress",
        GroupId=group_id,
        IpPermissions=permissions,
        TagSpecifications=tags,
    )
    rules = sorted(answer["SecurityGroupRules"], key=lambda rule: str(rule["SecurityGroupRuleId"]))
    assert await rules_of(ec2, group_id) == rules
    assert all(rule["Tags"] == tags[0]["Tags"] for rule in rules)
    by_protocol = {one["IpProtocol"]: one for one in await shown(ec2, group_id)}
    account = "111122223333"
    assert by_protocol["tcp"]["IpRanges"] == [{"CidrIp": ANYWHERE}, {"CidrIp": "10.0.0.0/8"}]
    assert by_protocol["tcp"]["UserIdGroupPairs"] == [
        {"GroupId": other, "UserId": account, "Description": "them"}
    ]
    assert by_protocol["udp"] == permissions[1]
    assert by_protocol["icmp"] == permissions[2]
    assert by_protocol["50"] == {**permissions[3], "FromPort": -1, "ToPort": -1}
    assert by_protocol["-1"] == {
        "IpProtocol": "-1",
        "UserIdGroupPairs": [{"GroupId": group_id, "UserId": account}],
    }


async def test_protocols_have_names_and_blocks_no_host_bits(ec2: Any, group_id: str) -> None:
    asked = [{"IpProtocol": "6", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "10.1.2.3/8"}]}]
    await ec2.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=asked)
    assert await shown(ec2, group_id) == [
        {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ]


async def test_the_older_way_to_ask(ec2: Any) -> None:
    made = await ec2.call("CreateSecurityGroup", GroupName="old", Description="old")
    flat = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": ANYWHERE}
    await ec2.call("AuthorizeSecurityGroupIngress", GroupName="old", **flat)
    await ec2.call("AuthorizeSecurityGroupIngress", GroupName="old", SourceSecurityGroupName="default")
    tcp, everything = sorted(
        await shown(ec2, made["GroupId"]), key=lambda one: one["IpProtocol"], reverse=True
    )
    assert tcp == web(ANYWHERE, port=22)
    assert everything["IpProtocol"] == "-1"
    await ec2.call("RevokeSecurityGroupIngress", GroupName="old", **flat)
    assert len(await shown(ec2, made["GroupId"])) == 1
    await ec2.refuses("InvalidGroup.NotFound", "DeleteSecurityGroup", GroupName="none")
    await ec2.call("DeleteSecurityGroup", GroupName="old")


@pytest.mark.parametrize(
    ("permission", "code"),
    [
        (web("10.0.0.0"), "InvalidParameterValue"),
        (web("10.0.0.0/33"), "InvalidParameterValue"),
        (web("::/0"), "UnsupportedOperation"),
        (web(Ipv6Ranges=[{"CidrIpv6": "::/0"}]), "UnsupportedOperation"),
        (web(), "MissingParameter"),
        ({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": ANYWHERE}]}, "InvalidParameterValue"),
        ({**web(ANYWHERE), "ToPort": 79}, "InvalidParameterValue"),
        ({**web(ANYWHERE), "ToPort": 65536}, "InvalidParameterValue"),
        ({**web(ANYWHERE), "IpProtocol": "sctp"}, "InvalidParameterValue"),
        ({**web(ANYWHERE), "IpProtocol": "256"}, "InvalidParameterValue"),
        ({**web(ANYWHERE), "IpProtocol": "icmpv6"}, "UnsupportedOperation"),
        (
            {"IpProtocol": "icmp", "FromPort": -1, "ToPort": 3, "IpRanges": [{"CidrIp": ANYWHERE}]},
            "InvalidParameterValue",
        ),
        ({"IpRanges": [{"CidrIp": ANYWHERE}]}, "MissingParameter"),
        (web(UserIdGroupPairs=[{"GroupId": "sg-0"}]), "InvalidGroup.NotFound"),
        (web(UserIdGroupPairs=[{"GroupId": "DEFAULT", "UserId": "999999999999"}]), "InvalidGroup.NotFound"),
        (web(UserIdGroupPairs=[{"GroupId": "DEFAULT"}]), "InvalidGroup.NotFound"),
        (web(PrefixListIds=[{"PrefixListId": "pl-0"}]), "InvalidPrefixListID.NotFound"),
        (web(ANYWHERE, ANYWHERE), "InvalidParameterValue"),
        (web(IpRanges=[{"CidrIp": ANYWHERE, "Description": "x" * 256}]), "InvalidParameterValue"),
    ],
)
async def test_a_rule_that_cannot_be(ec2: Any, group_id: str, permission: dict[str, Any], code: str) -> None:
    default = await ec2.one("DescribeSecurityGroups", GroupNames=["default"])  # of another VPC
    for pair in permission.get("UserIdGroupPairs", ()):
        pair["GroupId"] = pair["GroupId"].replace("DEFAULT", default["GroupId"])
    asked = {"GroupId": group_id, "IpPermissions": [web("192.0.2.0/24"), permission]}
    await ec2.refuses(code, "AuthorizeSecurityGroupIngress", **asked)
    assert await rules_of(ec2, group_id) == []


async def test_a_rule_is_there_once_whatever_its_description(ec2: Any, group_id: str) -> None:
    described = web(IpRanges=[{"CidrIp": ANYWHERE, "Description": "first"}])
    await ec2.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[described])
    asked = {"GroupId": group_id, "IpPermissions": [web(ANYWHERE)]}
    assert await ec2.refused("AuthorizeSecurityGroupIngress", **asked) == (
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists',
    )
    await ec2.call("AuthorizeSecurityGroupEgress", **asked)
    assert len(await rules_of(ec2, group_id, is_egress=True)) == 2


async def test_sixty_rules_each_way_a_prefix_list_counted_whole(ec2: Any, group_id: str) -> None:
    many = [web(f"10.0.0.{number}/32") for number in range(59)]
    await ec2.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=many)
    blocks = (await ec2.call("CreateManagedPrefixList", **prefix_list(MaxEntries=2)))["PrefixList"]
    listed = web(PrefixListIds=[{"PrefixListId": blocks["PrefixListId"]}])
    code, _ = await ec2.refused("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[listed])
    assert code == "RulesPerSecurityGroupLimitExceeded"
    await ec2.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[web(ANYWHERE)])
    await ec2.call("AuthorizeSecurityGroupEgress", GroupId=group_id, IpPermissions=[listed])


async def test_rules_are_revoked_by_id_or_by_what_they_allow(ec2: Any, group_id: str) -> None:
    asked = {"GroupId": group_id, "IpPermissions": [web(ANYWHERE, "10.0.0.0/8"), web(ANYWHERE, port=443)]}
    made = (await ec2.call("AuthorizeSecurityGroupIngress", **asked))["SecurityGroupRules"]
    ids = [rule["SecurityGroupRuleId"] for rule in made]
    gone = await ec2.call("RevokeSecurityGroupIngress", GroupId=group_id, SecurityGroupRuleIds=[ids[0]])
    assert gone["RevokedSecurityGroupRules"][0]["SecurityGroupRuleId"] == ids[0]
    unknown = {"GroupId": group_id, "IpPermissions": [web("10.0.0.0/8"), web(ANYWHERE)]}
    await ec2.refuses("InvalidPermission.NotFound", "RevokeSecurityGroupIngress", **unknown)
    await ec2.refuses(
        "InvalidSecurityGroupRuleId.NotFound",
        "RevokeSecurityGroupIngress",
        GroupId=group_id,
        SecurityGroupRuleIds=[ids[0]],
    )
    await ec2.refuses(
        "InvalidSecurityGroupRuleId.NotFound",
        "RevokeSecurityGroupEgress",
        GroupId=group_id,
        SecurityGroupRuleIds=[ids[1]],
    )
    assert len(await rules_of(ec2, group_id)) == 2
    v6 = {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    asked = {"GroupId": group_id, "IpPermissions": [v6]}
    await ec2.refuses("InvalidPermission.NotFound", "RevokeSecurityGroupEgress", **asked)
    everything = {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": ANYWHERE}]}
    await ec2.call("RevokeSecurityGroupEgress", GroupId=group_id, IpPermissions=[everything])
    rest = {"GroupId": group_id, "IpPermissions": [web("10.0.0.0/8"), web(ANYWHERE, port=443)]}
    await ec2.call("RevokeSecurityGroupIngress", **rest)
    assert await rules_of(ec2, group_id) == []
    await ec2.refuses("MissingParameter", "RevokeSecurityGroupIngress", GroupId=group_id)


async def test_a_rule_becomes_another_under_its_id(ec2: Any, group_id: str) -> None:
    asked = {"GroupId": group_id, "IpPermissions": [web(ANYWHERE), web("10.0.0.0/8")]}
    first, second = (await ec2.call("AuthorizeSecurityGroupIngress", **asked))["SecurityGroupRules"]
    rule_id = first["SecurityGroupRuleId"]

    async def change(rule_id: str, **rule: Any) -> dict[str, Any]:
        wanted = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **rule}
        update = [{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": wanted}]
        return {"GroupId": group_id, "SecurityGroupRules": update}

    changed = await change(rule_id, ToPort=90, ReferencedGroupId=group_id, Description="own")
    await ec2.call("ModifySecurityGroupRules", **changed)
    (rule,) = (await ec2.call("DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule_id]))[
        "SecurityGroupRules"
    ]
    assert (rule["ToPort"], rule["ReferencedGroupInfo"]["GroupId"]) == (90, group_id)
    assert (rule["Description"], "CidrIpv4" in rule) == ("own", False)
    twin = await change(rule_id, CidrIpv4="10.0.0.0/8")
    await ec2.refuses("InvalidPermission.Duplicate", "ModifySecurityGroupRules", **twin)
    for wrong, code in (
        (await change(rule_id), "InvalidParameterCombination"),
        (await change(rule_id, CidrIpv4=ANYWHERE, PrefixListId="x"), "InvalidParameterCombination"),
        (await change(rule_id, CidrIpv6="::/0"), "UnsupportedOperation"),
        (await change("sgr-0", CidrIpv4=ANYWHERE), "InvalidSecurityGroupRuleId.NotFound"),
    ):
        await ec2.refuses(code, "ModifySecurityGroupRules", **wrong)
    same = await change(second["SecurityGroupRuleId"], CidrIpv4="10.0.0.0/8")
    await ec2.call("ModifySecurityGroupRules", **same)


async def test_descriptions_change_alone(ec2: Any, group_id: str) -> None:
    asked = {"GroupId": group_id, "IpPermissions": [web(ANYWHERE)]}
    (rule,) = (await ec2.call("AuthorizeSecurityGroupIngress", **asked))["SecurityGroupRules"]
    told = web(IpRanges=[{"CidrIp": ANYWHERE, "Description": "all the world"}])
    await ec2.call("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group_id, IpPermissions=[told])
    assert await rules_of(ec2, group_id) == [{**rule, "Description": "all the world"}]
    by_id = [{"SecurityGroupRuleId": rule["SecurityGroupRuleId"]}]
    await ec2.call(
        "UpdateSecurityGroupRuleDescriptionsIngress", GroupId=group_id, SecurityGroupRuleDescriptions=by_id
    )
    assert await rules_of(ec2, group_id) == [rule]
    await ec2.refuses(
        "InvalidPermission.NotFound",
        "UpdateSecurityGroupRuleDescriptionsEgress",
        GroupId=group_id,
        IpPermissions=[told],
    )
    (out,) = await rules_of(ec2, group_id, is_egress=True)
    by_id = [{"SecurityGroupRuleId": out["SecurityGroupRuleId"], "Description": "out"}]
    await ec2.call(
        "UpdateSecurityGroupRuleDescriptionsEgress", GroupId=group_id, SecurityGroupRuleDescriptions=by_id
    )
    assert (await rules_of(ec2, group_id, is_egress=True))[0]["Description"] == "out"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("web", "InvalidGroup.Duplicate"),
        ("default", "InvalidParameterValue"),
        ("sg-web", "InvalidParameterValue"),
        ("x" * 256, "InvalidParameterValue"),
        ("a\tb", "InvalidParameterValue"),
    ],
)
async def test_a_group_that_cannot_be(ec2: Any, vpc_id: str, group_id: str, name: str, code: str) -> None:
    told, message = await ec2.refused("CreateSecurityGroup", VpcId=vpc_id, GroupName=name, Description="d")
    assert told == code
    if code == "InvalidGroup.Duplicate":
        assert message == f"The security group 'web' already exists for VPC '{vpc_id}'"


async def test_a_group_that_is_used_stays(ec2: Any, vpc_id: str, group_id: str) -> None:
    other = await ec2.group(vpc_id, "other")
    naming = {"GroupId": other, "IpPermissions": [web(UserIdGroupPairs=[{"GroupId": group_id}])]}
    await ec2.call("AuthorizeSecurityGroupIngress", **naming)
    own = {"GroupId": group_id, "IpPermissions": [web(UserIdGroupPairs=[{"GroupId": group_id}])]}
    await ec2.call("AuthorizeSecurityGroupIngress", **own)
    stays = ("DependencyViolation", f"resource {group_id} has a dependent object")
    assert await ec2.refused("DeleteSecurityGroup", GroupId=group_id) == stays
    await ec2.call("RevokeSecurityGroupIngress", **naming)
    subnet_id = await ec2.subnet(vpc_id)
    asked = {"SubnetId": subnet_id, "Groups": [group_id]}
    eni = (await ec2.call("CreateNetworkInterface", **asked))["NetworkInterface"]
    assert await ec2.refused("DeleteSecurityGroup", GroupId=group_id) == stays
    await ec2.call("DeleteNetworkInterface", NetworkInterfaceId=eni["NetworkInterfaceId"])
    assert await ec2.call("DeleteSecurityGroup", GroupId=group_id) == {"Return": True, "GroupId": group_id}
    assert await rules_of(ec2, group_id) == []


async def test_a_default_group_stays(ec2: Any, vpc_id: str) -> None:
    default = await ec2.one("DescribeSecurityGroups", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    code, message = await ec2.refused("DeleteSecurityGroup", GroupId=default["GroupId"])
    assert code == "CannotDelete"
    assert message == (
        f'the specified group: "{default["GroupId"]}" name: "default" cannot be deleted by a user'
    )
    await ec2.refuses("InvalidGroupId.Malformed", "DeleteSecurityGroup", GroupId="x")
    await ec2.refuses("MissingParameter", "DeleteSecurityGroup")


def prefix_list(**params: Any) -> dict[str, Any]:
    """What CreateManagedPrefixList is asked."""
    entries = [{"Cidr": "192.0.2.0/25", "Description": "office"}, {"Cidr": "198.51.100.7/32"}]
    return {
        "PrefixListName": "offices",
        "AddressFamily": "IPv4",
        "MaxEntries": 3,
        "Entries": entries,
        **params,
    }


async def test_a_prefix_list_has_versions(ec2: Any) -> None:
    made = (await ec2.call("CreateManagedPrefixList", **prefix_list()))["PrefixList"]
    list_id = made["PrefixListId"]
    shown = await ec2.one("DescribeManagedPrefixLists", PrefixListIds=[list_id])
    assert shown == {**made, "State": "create-complete"}
    entries = await ec2.call("GetManagedPrefixListEntries", PrefixListId=list_id, TargetVersion=1)
    assert entries["Entries"] == prefix_list()["Entries"]
    change = {
        "AddEntries": [{"Cidr": "203.0.113.0/24"}],
        "RemoveEntries": [{"Cidr": "192.0.2.0/25"}],
        "PrefixListName": "places",
    }
    await ec2.refuses("MissingParameter", "ModifyManagedPrefixList", PrefixListId=list_id, **change)
    await ec2.refuses(
        "PrefixListVersionMismatch",
        "ModifyManagedPrefixList",
        PrefixListId=list_id,
        CurrentVersion=7,
        **change,
    )
    await ec2.call("ModifyManagedPrefixList", PrefixListId=list_id, CurrentVersion=1, **change)
    shown = await ec2.one("DescribeManagedPrefixLists", PrefixListIds=[list_id])
    assert (shown["Version"], shown["PrefixListName"]) == (2, "places")
    entries = await ec2.call("GetManagedPrefixListEntries", PrefixListId=list_id)
    assert [one["Cidr"] for one in entries["Entries"]] == ["198.51.100.7/32", "203.0.113.0/24"]
    await ec2.refuses(
        "UnsupportedOperation", "GetManagedPrefixListEntries", PrefixListId=list_id, TargetVersion=1
    )
    await ec2.refuses(
        "PrefixListMaxEntriesExceeded", "ModifyManagedPrefixList", PrefixListId=list_id, MaxEntries=1
    )


async def test_a_prefix_list_that_a_rule_names_stays(ec2: Any, group_id: str) -> None:
    list_id = (await ec2.call("CreateManagedPrefixList", **prefix_list()))["PrefixList"]["PrefixListId"]
    asked = {"GroupId": group_id, "IpPermissions": [web(PrefixListIds=[{"PrefixListId": list_id}])]}
    await ec2.call("AuthorizeSecurityGroupIngress", **asked)
    await ec2.refuses("DependencyViolation", "DeleteManagedPrefixList", PrefixListId=list_id)
    await ec2.call("RevokeSecurityGroupIngress", **asked)
    await ec2.call("DeleteManagedPrefixList", PrefixListId=list_id)
    await ec2.refuses("InvalidPrefixListID.NotFound", "DescribePrefixLists", PrefixListIds=[list_id])
    assert await ec2.call("DescribePrefixLists") == {"PrefixLists": []}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"AddressFamily": "IPv6"}, "UnsupportedOperation"),
        ({"Entries": [{"Cidr": "x"}]}, "InvalidParameterValue"),
        ({"Entries": [{"Cidr": "10.0.0.0/8"}] * 2}, "InvalidParameterValue"),
        ({"MaxEntries": 1}, "PrefixListMaxEntriesExceeded"),
        ({"MaxEntries": 0}, "InvalidParameterValue"),
        ({"PrefixListName": "com.amazonaws.x"}, "InvalidParameterValue"),
    ],
)
async def test_a_prefix_list_that_cannot_be(ec2: Any, params: dict[str, Any], code: str) -> None:
    await ec2.refuses(code, "CreateManagedPrefixList", **prefix_list(**params))
