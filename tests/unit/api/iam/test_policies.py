"""Inline and managed policies, versions, attachments, boundaries."""

import json
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest

from bastide.api.iam.policies.aws import AWS_POLICIES
from bastide.permissions import compile_policy
from tests.unit.api.iam.conftest import ALLOW_ALL, refusal

NARROW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:List*", "Resource": "*"}]}
)
EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


class Names(NamedTuple):
    """What the operations on one kind of entity are called."""

    member: str
    put: str
    get: str
    list: str
    delete: str
    attach: str
    detach: str
    attached: str

    @property
    def named(self) -> dict[str, str]:
        return {f"{self.member}Name": "x"}


USER = Names(
    "User",
    "PutUserPolicy",
    "GetUserPolicy",
    "ListUserPolicies",
    "DeleteUserPolicy",
    "AttachUserPolicy",
    "DetachUserPolicy",
    "ListAttachedUserPolicies",
)
GROUP = Names(
    "Group",
    "PutGroupPolicy",
    "GetGroupPolicy",
    "ListGroupPolicies",
    "DeleteGroupPolicy",
    "AttachGroupPolicy",
    "DetachGroupPolicy",
    "ListAttachedGroupPolicies",
)
ROLE = Names(
    "Role",
    "PutRolePolicy",
    "GetRolePolicy",
    "ListRolePolicies",
    "DeleteRolePolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "ListAttachedRolePolicies",
)
EVERY_KIND = pytest.mark.parametrize("of", [USER, GROUP, ROLE], ids=lambda of: of.member)


@pytest.fixture
async def three(iam: Any) -> Any:
    """A user, a group and a role of the same name."""
    await iam.user("x")
    await iam.group("x")
    await iam.role("x")
    return iam


@EVERY_KIND
async def test_inline_policies(three: Any, of: Names) -> None:
    named = of.named
    await three.call(of.put, PolicyName="p", PolicyDocument=NARROW, **named)
    found = await three.call(of.get, PolicyName="p", **named)
    assert unquote(found["PolicyDocument"]) == NARROW
    assert (await three.call(of.list, **named))["PolicyNames"] == ["p"]
    code, message = await refusal(three.call(f"Delete{of.member}", **named))
    assert (code, message) == ("DeleteConflict", "Cannot delete entity, must delete policies first.")
    wrong = three.call(of.put, PolicyName="q", PolicyDocument='{"Statement": 1}', **named)
    assert await refusal(wrong) == ("MalformedPolicyDocument", "Syntax errors in policy.")
    await three.call(of.delete, PolicyName="p", **named)
    code, message = await refusal(three.call(of.delete, PolicyName="p", **named))
    assert message == f"The {of.member.lower()} policy with name p cannot be found."
    assert (await refusal(three.call(of.get, PolicyName="p", **named)))[0] == "NoSuchEntity"


async def test_inline_policies_have_a_size_together(three: Any) -> None:
    large = json.loads(NARROW)
    large["Statement"][0]["Resource"] = ["arn:aws:s3:::" + "a" * 1100]
    asked = {"UserName": "x", "PolicyDocument": json.dumps(large)}
    await three.call("PutUserPolicy", PolicyName="one", **asked)
    code, message = await refusal(three.call("PutUserPolicy", PolicyName="two", **asked))
    assert (code, message) == ("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user x")


@EVERY_KIND
async def test_attached_policies(three: Any, of: Names) -> None:
    named, member = of.named, of.member
    own = await three.policy("own", Path="/team/")
    for arn in (own, EXECUTION, EXECUTION):
        await three.call(of.attach, PolicyArn=arn, **named)
    listed = await three.call(of.attached, **named)
    assert listed["AttachedPolicies"] == [
        {"PolicyName": "own", "PolicyArn": own},
        {"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": EXECUTION},
    ]
    below = await three.call(of.attached, PathPrefix="/team/", **named)
    assert len(below["AttachedPolicies"]) == 1
    assert (await three.call("GetPolicy", PolicyArn=own))["Policy"]["AttachmentCount"] == 1
    users = await three.call("ListEntitiesForPolicy", PolicyArn=own)
    assert [one[f"{member}Name"] for one in users[f"Policy{member}s"]] == ["x"]
    bounded = await three.user("bounded", PermissionsBoundary=own)
    first = await three.call("ListEntitiesForPolicy", PolicyArn=own, MaxItems=1)
    rest = await three.call("ListEntitiesForPolicy", PolicyArn=own, Marker=first["Marker"])
    both = [
        one for page in (first, rest) for noun in ("Group", "Role", "User") for one in page[f"Policy{noun}s"]
    ]
    assert (first["IsTruncated"], rest["IsTruncated"], len(both)) == (True, False, 2)
    assert bounded["UserId"] in [one.get("UserId") for one in both]
    await three.call("DeleteUser", UserName="bounded")
    assert (await refusal(three.call("DeletePolicy", PolicyArn=own)))[0] == "DeleteConflict"
    code, message = await refusal(three.call(f"Delete{member}", **named))
    assert (code, message) == ("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    for arn in (own, EXECUTION):
        await three.call(of.detach, PolicyArn=arn, **named)
    code, message = await refusal(three.call(of.detach, PolicyArn=own, **named))
    assert (code, message) == ("NoSuchEntity", f"Policy {own} was not found.")
    nowhere = three.call(of.attach, PolicyArn=f"{own}2", **named)
    assert (await refusal(nowhere))[1] == f"Policy {own}2 does not exist or is not attachable."
    await three.call(f"Delete{member}", **named)
    await three.call("DeletePolicy", PolicyArn=own)


async def test_ten_policies_at_most(three: Any) -> None:
    arns = [policy.arn for policy in AWS_POLICIES.values()][:11]
    for arn in arns[:10]:
        await three.call("AttachRolePolicy", RoleName="x", PolicyArn=arn)
    code, message = await refusal(three.call("AttachRolePolicy", RoleName="x", PolicyArn=arns[10]))
    assert (code, message) == ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")


async def test_a_managed_policy_has_five_versions_of_which_one_counts(iam: Any) -> None:
    arn = {"PolicyArn": await iam.policy("p")}
    second = await iam.call("CreatePolicyVersion", PolicyDocument=NARROW, SetAsDefault=True, **arn)
    assert second["PolicyVersion"]["VersionId"] == "v2"
    found = (await iam.call("GetPolicyVersion", VersionId="v2", **arn))["PolicyVersion"]
    assert unquote(found["Document"]) == NARROW
    assert found["IsDefaultVersion"]
    for _ in range(3):
        await iam.call("CreatePolicyVersion", PolicyDocument=NARROW, **arn)
    sixth = iam.call("CreatePolicyVersion", PolicyDocument=NARROW, **arn)
    assert (await refusal(sixth))[0] == "LimitExceeded"
    default = iam.call("DeletePolicyVersion", VersionId="v2", **arn)
    assert await refusal(default) == (
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    )
    await iam.call("SetDefaultPolicyVersion", VersionId="v5", **arn)
    await iam.call("DeletePolicyVersion", VersionId="v2", **arn)
    later = await iam.call("CreatePolicyVersion", PolicyDocument=NARROW, **arn)
    assert later["PolicyVersion"]["VersionId"] == "v6"
    listed = (await iam.call("ListPolicyVersions", **arn))["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in listed] == [
        ("v6", False),
        ("v5", True),
        ("v4", False),
        ("v3", False),
        ("v1", False),
    ]
    assert (await refusal(iam.call("DeletePolicy", **arn)))[0] == "DeleteConflict"
    assert (await refusal(iam.call("GetPolicyVersion", VersionId="v2", **arn)))[0] == "NoSuchEntity"


async def test_managed_policies_are_listed_by_who_manages_and_who_uses_them(iam: Any) -> None:
    own = await iam.policy("p")
    await iam.role("x")

    async def listed(**params: Any) -> list[str]:
        found = await iam.call("ListPolicies", MaxItems=1000, **params)
        return [policy["Arn"] for policy in found["Policies"]]

    assert await listed(Scope="Local") == [own]
    assert EXECUTION in await listed(Scope="AWS")
    assert own not in await listed(Scope="AWS")
    assert len(await listed()) == len(AWS_POLICIES) + 1
    assert await listed(OnlyAttached=True) == []
    await iam.call("AttachRolePolicy", RoleName="x", PolicyArn=EXECUTION)
    await iam.call("PutRolePermissionsBoundary", RoleName="x", PermissionsBoundary=own)
    assert await listed(PolicyUsageFilter="PermissionsPolicy") == [EXECUTION]
    assert await listed(PolicyUsageFilter="PermissionsBoundary") == [own]
    assert await listed(PathPrefix="/service-role/", OnlyAttached=True) == [EXECUTION]


async def test_what_aws_manages_is_a_policy_and_changed_by_nobody(iam: Any) -> None:
    for policy in AWS_POLICIES.values():
        compile_policy(policy.text)
    code, _ = await refusal(iam.call("DeletePolicy", PolicyArn=EXECUTION))
    assert code == "InvalidInput"
    names = {
        "AdministratorAccess",
        "AmazonEC2ContainerRegistryPowerUser",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonECSTaskExecutionRolePolicy",
        "AmazonECS_FullAccess",
        "AWSCodeDeployRoleForECS",
        "CloudWatchLogsFullAccess",
        "PowerUserAccess",
        "ReadOnlyAccess",
    }
    assert names <= set(AWS_POLICIES)


async def test_a_policy_called_twice_too_large_or_none(iam: Any) -> None:
    await iam.policy("p")
    assert await refusal(iam.policy("P")) == (
        "EntityAlreadyExists",
        "A policy called P already exists. Duplicate names are not allowed.",
    )
    large = NARROW.replace('"ecs:List*"', json.dumps(["ecs:List*"] * 700))
    assert (await refusal(iam.policy("q", large)))[1] == "Cannot exceed quota for PolicySize: 6144"
    assert (await refusal(iam.policy("q", "{}")))[0] == "MalformedPolicyDocument"


@pytest.mark.parametrize(
    ("put", "delete", "get"),
    [
        ("PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary", "GetUser"),
        ("PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "GetRole"),
    ],
)
async def test_boundaries(three: Any, put: str, delete: str, get: str) -> None:
    own = await three.policy("own")
    member = get.removeprefix("Get")
    named = {f"{member}Name": "x"}
    await three.call(put, PermissionsBoundary=EXECUTION, **named)
    await three.call(put, PermissionsBoundary=own, **named)
    found = (await three.call(get, **named))[member]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == own
    policy = (await three.call("GetPolicy", PolicyArn=own))["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (0, 1)
    assert (await refusal(three.call("DeletePolicy", PolicyArn=own)))[0] == "DeleteConflict"
    nowhere = three.call(put, PermissionsBoundary=f"{own}2", **named)
    assert (await refusal(nowhere))[0] == "NoSuchEntity"
    await three.call(delete, **named)
    assert (await refusal(three.call(delete, **named)))[0] == "NoSuchEntity"
    await three.call("DeletePolicy", PolicyArn=own)


async def test_a_boundary_from_the_start(iam: Any) -> None:
    own = await iam.policy("own")
    await iam.user("ann", PermissionsBoundary=own)
    await iam.call("DeleteUser", UserName="ann")
    await iam.call("DeletePolicy", PolicyArn=own)


async def test_everything_in_one_listing(three: Any) -> None:
    own = await three.policy("own", ALLOW_ALL)
    await three.call("AttachRolePolicy", RoleName="x", PolicyArn=EXECUTION)
    await three.call("PutUserPolicy", UserName="x", PolicyName="p", PolicyDocument=NARROW)
    await three.call("AddUserToGroup", UserName="x", GroupName="x")
    found = await three.call("GetAccountAuthorizationDetails")
    [user], [group], [role] = (found[f"{of.member}DetailList"] for of in (USER, GROUP, ROLE))
    assert (user["GroupList"], unquote(user["UserPolicyList"][0]["PolicyDocument"])) == (["x"], NARROW)
    assert (group["GroupName"], role["InstanceProfileList"]) == ("x", [])
    assert role["AttachedManagedPolicies"][0]["PolicyArn"] == EXECUTION
    assert [policy["Arn"] for policy in found["Policies"]] == [own, EXECUTION]
    only = await three.call("GetAccountAuthorizationDetails", Filter=["Role"])
    assert (only["UserDetailList"], only["Policies"], len(only["RoleDetailList"])) == ([], [], 1)
    first = await three.call("GetAccountAuthorizationDetails", MaxItems=4)
    rest = await three.call("GetAccountAuthorizationDetails", MaxItems=4, Marker=first["Marker"])
    assert [policy["Arn"] for policy in first["Policies"] + rest["Policies"]] == [own, EXECUTION]
