"""Whom trust policies name: users and roles themselves, not whoever has their names. bind_principals."""

import json
from typing import Any
from urllib.parse import unquote

import pytest

from bastide.store import Txn
from tests.unit.api.iam.conftest import refusal

ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}"
SESSIONS = f"arn:aws:sts::{ACCOUNT}:assumed-role"


def trusting(*names: str, indent: int | None = None, **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": list(names)}, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": statement}, indent=indent)


async def trusted(iam: Any, role: str = "deploy") -> str:
    found = (await iam.call("GetRole", RoleName=role))["Role"]["AssumeRolePolicyDocument"]
    [listed] = [one for one in (await iam.call("ListRoles"))["Roles"] if one["RoleName"] == role]
    assert listed["AssumeRolePolicyDocument"] == found
    details = (await iam.call("GetAccountAuthorizationDetails", Filter=["Role"]))["RoleDetailList"]
    assert found in [one["AssumeRolePolicyDocument"] for one in details]
    return unquote(found)


async def test_somebody_is_shown_by_arn_while_there_and_by_id_when_gone(iam: Any) -> None:
    user, role = await iam.user("ann", Path="/staff/"), await iam.role("app", Path="/x/")
    names = (user["Arn"], role["Arn"], f"{SESSIONS}/app/ci", "*", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
    asked = {"ArnEquals": {"aws:PrincipalArn": user["Arn"]}}
    text = trusting(*names, indent=3, Condition=asked)
    made = await iam.role("deploy", AssumeRolePolicyDocument=text)
    assert unquote(made["AssumeRolePolicyDocument"]) == text
    assert await trusted(iam) == text
    await iam.call("UpdateUser", UserName="ann", NewUserName="bob", NewPath="/")
    renamed = trusting(f"{ARN}:user/bob", *names[1:], indent=3, Condition=asked)
    assert await trusted(iam) == renamed
    for operation, name in (("DeleteUser", {"UserName": "bob"}), ("DeleteRole", {"RoleName": "app"})):
        await iam.call(operation, **name)
    ids = (user["UserId"], role["RoleId"], f"{role['RoleId']}:ci")
    gone = trusting(*ids, *names[3:], indent=3, Condition=asked)
    assert await trusted(iam) == gone
    await iam.user("ann", Path="/staff/")
    await iam.role("app", Path="/x/")
    assert await trusted(iam) == gone


async def test_an_id_can_be_written_of_whoever_is_there(iam: Any) -> None:
    ann = await iam.user("ann")
    await iam.role("deploy", AssumeRolePolicyDocument=trusting(ann["UserId"]))
    assert await trusted(iam) == trusting(ann["Arn"])
    await iam.call("DeleteUser", UserName="ann")
    kept = {"RoleName": "deploy", "PolicyDocument": await trusted(iam)}
    assert await refusal(iam.call("UpdateAssumeRolePolicy", **kept)) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{ann["UserId"]}"',
    )


@pytest.mark.parametrize(
    "name",
    [
        f"{ARN}:user/nobody",
        f"{ARN}:user/x/ann",
        f"{ARN}:user/ANN",
        f"{ARN}:role/ann",
        f"{ARN}:group/devs",
        f"{ARN}:policy/devs",
        f"{SESSIONS}/nobody/ci",
        f"{SESSIONS}/app",
        "AIDAAAAAAAAAAAAAAAAAA",
        "AROAAAAAAAAAAAAAAAAAA:ci",
    ],
)
async def test_whoever_is_not_there_is_no_principal(iam: Any, name: str) -> None:
    await iam.user("ann")
    await iam.group("devs")
    await iam.role("app")
    made = iam.role("deploy", AssumeRolePolicyDocument=trusting(name))
    told = ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{name}"')
    assert await refusal(made) == told


async def test_a_policy_from_before_names_by_arn(iam: Any) -> None:
    await iam.role("deploy")

    def as_before(txn: Txn) -> None:
        [role] = txn.find("iam-role", name="deploy")
        document = role.document | {"trust": trusting(f"{ARN}:user/ann")}
        txn.put(role.changed(document=document))

    await iam.api.run(as_before)
    assert await trusted(iam) == trusting(f"{ARN}:user/ann")
