"""Users, groups and roles: CreateUser, CreateGroup, CreateRole and what goes with them."""

from typing import Any

import pytest

from bastide.store import Record, Txn
from tests.unit.api.iam.conftest import ALLOW_ALL, TASKS_TRUST, refusal

ARN = "arn:aws:iam::111122223333"


async def test_a_user_is_made_found_renamed_and_removed(iam: Any) -> None:
    made = await iam.user("Ann", Path="/staff/", Tags=[{"Key": "team", "Value": "red"}])
    assert made["Arn"] == f"{ARN}:user/staff/Ann"
    assert made["UserId"].startswith("AIDA")
    assert len(made["UserId"]) == 21
    assert (await iam.call("GetUser", UserName="ANN"))["User"] == made
    await iam.call("UpdateUser", UserName="ann", NewUserName="bob", NewPath="/")
    renamed = (await iam.call("GetUser", UserName="bob"))["User"]
    assert (renamed["UserId"], renamed["Arn"]) == (made["UserId"], f"{ARN}:user/bob")
    gone = ("NoSuchEntity", "The user with name Ann cannot be found.")
    assert await refusal(iam.call("GetUser", UserName="Ann")) == gone
    await iam.call("DeleteUser", UserName="bob")
    assert (await iam.call("ListUsers"))["Users"] == []


async def test_names_are_unique_in_any_case(iam: Any) -> None:
    await iam.user("ann")
    await iam.group("ann")
    await iam.role("ann")
    assert await refusal(iam.user("ANN")) == ("EntityAlreadyExists", "User with name ANN already exists.")
    assert (await refusal(iam.group("Ann")))[1] == "Group with name Ann already exists."
    assert (await refusal(iam.role("Ann")))[1] == "Role with name Ann already exists."


async def test_get_user_without_a_name_is_about_the_caller(iam: Any) -> None:
    assert (await iam.call("GetUser"))["User"]["Arn"] == f"{ARN}:root"


async def test_a_listing_goes_page_by_page_and_by_path(iam: Any) -> None:
    for number in range(5):
        await iam.user(f"u{number}", Path="/even/" if number % 2 == 0 else "/odd/")
    assert [user["UserName"] for user in (await iam.call("ListUsers", PathPrefix="/odd/"))["Users"]] == [
        "u1",
        "u3",
    ]
    seen: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = await iam.call("ListUsers", MaxItems=2, **marker)
        seen += [user["UserName"] for user in page["Users"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert seen == [f"u{number}" for number in range(5)]
    assert await refusal(iam.call("ListGroups", **marker)) == ("ValidationError", "Invalid Marker.")


async def test_groups_have_users(iam: Any) -> None:
    group = await iam.group("devs", Path="/x/")
    assert group["Arn"] == f"{ARN}:group/x/devs"
    await iam.user("ann")
    for _ in range(2):
        await iam.call("AddUserToGroup", GroupName="devs", UserName="ann")
    assert [one["UserName"] for one in (await iam.call("GetGroup", GroupName="devs"))["Users"]] == ["ann"]
    assert (await iam.call("ListGroupsForUser", UserName="ann"))["Groups"] == [group]
    code, message = await refusal(iam.call("DeleteGroup", GroupName="devs"))
    assert (code, message) == (
        "DeleteConflict",
        "Cannot delete entity, must remove users from group first.",
    )
    assert (await refusal(iam.call("DeleteUser", UserName="ann")))[0] == "DeleteConflict"
    await iam.call("RemoveUserFromGroup", GroupName="devs", UserName="ann")
    again = iam.call("RemoveUserFromGroup", GroupName="devs", UserName="ann")
    assert (await refusal(again))[0] == "NoSuchEntity"
    await iam.call("UpdateGroup", GroupName="devs", NewGroupName="ops")
    assert [one["GroupName"] for one in (await iam.call("ListGroups"))["Groups"]] == ["ops"]
    await iam.call("DeleteGroup", GroupName="ops")


async def test_a_user_is_in_ten_groups_at_most(iam: Any) -> None:
    await iam.user("ann")
    for number in range(11):
        await iam.group(f"g{number}")
    for number in range(10):
        await iam.call("AddUserToGroup", GroupName=f"g{number}", UserName="ann")
    code, message = await refusal(iam.call("AddUserToGroup", GroupName="g10", UserName="ann"))
    assert (code, message) == ("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")


async def test_a_role_has_a_trust_policy_a_description_and_a_longest_session(iam: Any) -> None:
    made = await iam.role("deploy", Description="ships", MaxSessionDuration=7200)
    assert made["RoleId"].startswith("AROA")
    assert (made["Description"], made["MaxSessionDuration"]) == ("ships", 7200)
    await iam.call("UpdateRole", RoleName="deploy", MaxSessionDuration=3600)  # as Terraform does
    changed = (await iam.call("GetRole", RoleName="deploy"))["Role"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("ships", 3600)
    await iam.call("UpdateRole", RoleName="deploy", Description="")
    changed = (await iam.call("GetRole", RoleName="deploy"))["Role"]
    assert "Description" not in changed
    assert changed["MaxSessionDuration"] == 3600
    await iam.call("UpdateRoleDescription", RoleName="deploy", Description="again")
    assert (await iam.call("ListRoles"))["Roles"][0]["Description"] == "again"
    code, message = await refusal(
        iam.call("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=ALLOW_ALL)
    )
    assert (code, message) == ("MalformedPolicyDocument", "Missing required field Principal")
    wider = TASKS_TRUST.replace("ecs-tasks", "ecs")
    await iam.call("UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=wider)
    await iam.call("DeleteRole", RoleName="deploy")


async def test_a_trust_policy_has_a_size(iam: Any) -> None:
    long = TASKS_TRUST.replace("2012-10-17", "2012-10-17").replace(
        '"Effect"', f'"Sid": "{"a" * 2100}", "Effect"'
    )
    code, message = await refusal(iam.role("x", AssumeRolePolicyDocument=long))
    assert (code, message) == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([("a", "1"), ("A", "2")], "InvalidInput"),
        ([("aws:x", "1")], "InvalidInput"),
        ([(str(number), "") for number in range(51)], "LimitExceeded"),
    ],
)
async def test_tags_that_cannot_be(iam: Any, tags: list[tuple[str, str]], code: str) -> None:
    asked = [{"Key": key, "Value": value} for key, value in tags]
    assert (await refusal(iam.user("ann", Tags=asked)))[0] == code


@pytest.mark.parametrize(
    ("operations", "named"),
    [
        ("TagUser UntagUser ListUserTags", {"UserName": "one"}),
        ("TagRole UntagRole ListRoleTags", {"RoleName": "one"}),
        ("TagPolicy UntagPolicy ListPolicyTags", {"PolicyArn": f"{ARN}:policy/one"}),
        (
            "TagInstanceProfile UntagInstanceProfile ListInstanceProfileTags",
            {"InstanceProfileName": "one"},
        ),
    ],
)
async def test_tags_are_added_listed_and_taken_away(iam: Any, operations: str, named: dict[str, str]) -> None:
    tag, untag, list_tags = operations.split()
    await iam.user("one")
    await iam.role("one")
    await iam.policy("one")
    await iam.call("CreateInstanceProfile", InstanceProfileName="one")
    await iam.call(tag, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], **named)
    await iam.call(tag, Tags=[{"Key": "A", "Value": "3"}], **named)
    listed = await iam.call(list_tags, **named)
    assert {one["Key"]: one["Value"] for one in listed["Tags"]} == {"A": "3", "b": "2"}
    await iam.call(untag, TagKeys=["B", "zz"], **named)
    assert len((await iam.call(list_tags, **named))["Tags"]) == 1


async def test_an_instance_profile_holds_one_role(iam: Any) -> None:
    await iam.role("deploy")
    await iam.role("other")
    made = (await iam.call("CreateInstanceProfile", InstanceProfileName="p"))["InstanceProfile"]
    assert made["Roles"] == []
    code, _ = await refusal(iam.call("CreateInstanceProfile", InstanceProfileName="P"))
    assert code == "EntityAlreadyExists"
    await iam.call("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="deploy")
    second = iam.call("AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="other")
    assert (await refusal(second))[0] == "LimitExceeded"
    found = await iam.call("ListInstanceProfilesForRole", RoleName="deploy")
    assert [one["Roles"][0]["RoleName"] for one in found["InstanceProfiles"]] == ["deploy"]
    assert (await iam.call("ListInstanceProfiles"))["InstanceProfiles"] == found["InstanceProfiles"]
    assert (await refusal(iam.call("DeleteRole", RoleName="deploy")))[0] == "DeleteConflict"
    assert (await refusal(iam.call("DeleteInstanceProfile", InstanceProfileName="p")))[0] == "DeleteConflict"
    wrong = iam.call("RemoveRoleFromInstanceProfile", InstanceProfileName="p", RoleName="other")
    assert (await refusal(wrong))[0] == "NoSuchEntity"
    await iam.call("RemoveRoleFromInstanceProfile", InstanceProfileName="p", RoleName="deploy")
    await iam.call("GetInstanceProfile", InstanceProfileName="p")
    await iam.call("DeleteInstanceProfile", InstanceProfileName="p")


async def test_a_service_linked_role_is_its_services(iam: Any) -> None:
    made = (await iam.call("CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com"))["Role"]
    assert made["Arn"] == f"{ARN}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    twice = iam.call("CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com")
    assert (await refusal(twice))[0] == "InvalidInput"
    unknown = iam.call("CreateServiceLinkedRole", AWSServiceName="x.amazonaws.com")
    assert (await refusal(unknown))[0] == "InvalidInput"
    name = {"RoleName": "AWSServiceRoleForECS"}
    attached = await iam.call("ListAttachedRolePolicies", **name)
    bound = await iam.policy("bound")
    await iam.call("CreateInstanceProfile", InstanceProfileName="p")
    assert [one["PolicyName"] for one in attached["AttachedPolicies"]] == ["AmazonECSServiceRolePolicy"]
    for change in (
        iam.call("DeleteRole", **name),
        iam.call("PutRolePolicy", PolicyName="x", PolicyDocument=ALLOW_ALL, **name),
        iam.call("DetachRolePolicy", PolicyArn=attached["AttachedPolicies"][0]["PolicyArn"], **name),
        iam.call("UpdateAssumeRolePolicy", PolicyDocument=TASKS_TRUST, **name),
        iam.call("PutRolePermissionsBoundary", PermissionsBoundary=bound, **name),
        iam.call("AddRoleToInstanceProfile", InstanceProfileName="p", **name),
    ):
        assert (await refusal(change))[0] == "UnmodifiableEntity"
    task = (await iam.call("DeleteServiceLinkedRole", **name))["DeletionTaskId"]
    status = await iam.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    assert status == {"Status": "SUCCEEDED"}
    assert (await refusal(iam.call("GetRole", **name)))[0] == "NoSuchEntity"
    gone = iam.call("GetServiceLinkedRoleDeletionStatus", DeletionTaskId="task/x")
    assert (await refusal(gone))[0] == "NoSuchEntity"


async def test_the_account_has_an_alias_and_a_summary(iam: Any) -> None:
    await iam.call("CreateAccountAlias", AccountAlias="one")
    await iam.call("CreateAccountAlias", AccountAlias="two")
    assert (await iam.call("ListAccountAliases"))["AccountAliases"] == ["two"]
    assert (await refusal(iam.call("CreateAccountAlias", AccountAlias="two")))[0] == "EntityAlreadyExists"
    assert (await refusal(iam.call("DeleteAccountAlias", AccountAlias="one")))[0] == "NoSuchEntity"
    await iam.call("DeleteAccountAlias", AccountAlias="two")
    await iam.user("ann")
    summary = (await iam.call("GetAccountSummary"))["SummaryMap"]
    assert (summary["Users"], summary["Roles"], summary["AccessKeysPerUserQuota"]) == (1, 0, 2)
    assert (summary["UsersQuota"], summary["RolesQuota"], summary["PoliciesQuota"]) == (5000, 1000, 1500)
    arn = await iam.policy("p")
    await iam.call("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    summary = (await iam.call("GetAccountSummary"))["SummaryMap"]
    assert (summary["Policies"], summary["PolicyVersionsInUse"]) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "most", "create", "named"),
    [
        ("iam-user", 5000, "CreateUser", {"UserName": "one"}),
        ("iam-group", 300, "CreateGroup", {"GroupName": "one"}),
        ("iam-role", 1000, "CreateRole", {"RoleName": "one", "AssumeRolePolicyDocument": TASKS_TRUST}),
        ("iam-policy", 1500, "CreatePolicy", {"PolicyName": "one", "PolicyDocument": ALLOW_ALL}),
        ("iam-instance-profile", 1000, "CreateInstanceProfile", {"InstanceProfileName": "one"}),
    ],
)
async def test_an_account_has_room_for_so_many(
    iam: Any, kind: str, most: int, create: str, named: dict[str, str]
) -> None:
    def fill(txn: Txn) -> None:
        for number in range(most - 1):
            txn.put(Record(kind, f"x{number}", "111122223333/", {}, name=f"x{number}"))

    await iam.api.run(fill)
    await iam.call(create, **named)
    more = {name: value.replace("one", "two") for name, value in named.items()}
    plural = create.removeprefix("Create").replace("Policy", "Policie") + "s"
    told = ("LimitExceeded", f"Cannot exceed quota for {plural}PerAccount: {most}")
    assert await refusal(iam.call(create, **more)) == told
