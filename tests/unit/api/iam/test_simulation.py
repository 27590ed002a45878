"""SimulateCustomPolicy, SimulatePrincipalPolicy and the keys that policies ask for."""

import json
from typing import Any

from bastide.api.iam.simulation.positions import statement_positions
from tests.unit.api.iam.conftest import refusal

ARN = "arn:aws:iam::111122223333"
CLUSTER = "arn:aws:ecs:eu-test-1:111122223333:cluster"
POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"},
    {
      "Effect": "Deny", "Action": "ecs:StopTask", "Resource": "*",
      "Condition": {"StringEquals": {"ecs:cluster": "prod", "aws:PrincipalTag/team": "${aws:username}"}}
    }
  ]
}"""


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def decisions(answer: Any) -> dict[tuple[str, str], str]:
    return {
        (one["EvalActionName"], one["EvalResourceName"]): one["EvalDecision"]
        for one in answer["EvaluationResults"]
    }


def key(name: str, *values: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": kind}


async def test_policies_of_the_request(iam: Any) -> None:
    denied = [key("ecs:cluster", "prod"), key("aws:PrincipalTag/team", "x"), key("aws:username", "x")]
    asked = {"PolicyInputList": [POLICY], "ActionNames": ["ecs:StopTask", "ecs:RunTask", "iam:GetUser"]}
    answer = await iam.call("SimulateCustomPolicy", ContextEntries=denied, **asked)
    assert decisions(answer) == {
        ("ecs:StopTask", "*"): "explicitDeny",
        ("ecs:RunTask", "*"): "allowed",
        ("iam:GetUser", "*"): "implicitDeny",
    }
    [matched] = answer["EvaluationResults"][0]["MatchedStatements"]
    assert matched == {
        "SourcePolicyId": "PolicyInputList.1",
        "SourcePolicyType": "none",
        "StartPosition": {"Line": 5, "Column": 5},
        "EndPosition": {"Line": 8, "Column": 6},
    }
    answer = await iam.call("SimulateCustomPolicy", **asked)
    assert decisions(answer)["ecs:StopTask", "*"] == "allowed"
    missing = ["aws:PrincipalTag/team", "aws:username", "ecs:cluster"]
    assert answer["EvaluationResults"][0]["MissingContextValues"] == missing


async def test_every_resource_is_decided_for_itself_and_pages_are_cut(iam: Any) -> None:
    allowing = text({"Effect": "Allow", "Action": "*", "Resource": f"{CLUSTER}/dev"})
    asked = {
        "PolicyInputList": [allowing],
        "ActionNames": ["ecs:DeleteCluster"],
        "ResourceArns": [f"{CLUSTER}/dev", f"{CLUSTER}/prod"],
    }
    first = await iam.call("SimulateCustomPolicy", MaxItems=1, **asked)
    rest = await iam.call("SimulateCustomPolicy", MaxItems=1, Marker=first["Marker"], **asked)
    assert decisions(first) == {("ecs:DeleteCluster", f"{CLUSTER}/dev"): "allowed"}
    assert decisions(rest) == {("ecs:DeleteCluster", f"{CLUSTER}/prod"): "implicitDeny"}


async def test_a_boundary_and_a_resources_policy_of_the_request(iam: Any) -> None:
    everything = text({"Effect": "Allow", "Action": "*", "Resource": "*"})
    nothing = text({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    asked = {"ActionNames": ["ecs:RunTask"], "CallerArn": f"{ARN}:user/ann"}
    bounded = await iam.call(
        "SimulateCustomPolicy",
        PolicyInputList=[everything],
        PermissionsBoundaryPolicyInputList=[nothing],
        **asked,
    )
    result = bounded["EvaluationResults"][0]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    named = {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {"AWS": f"{ARN}:user/ann"}}
    answer = await iam.call(
        "SimulateCustomPolicy", PolicyInputList=[nothing], ResourcePolicy=text(named), **asked
    )
    assert decisions(answer) == {("ecs:RunTask", "*"): "allowed"}
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyType"] == "resource"


async def test_what_a_user_may_by_groups_tags_and_boundary(iam: Any) -> None:
    ann = await iam.user("ann", Tags=[{"Key": "team", "Value": "red"}])
    await iam.group("devs")
    await iam.call("AddUserToGroup", GroupName="devs", UserName="ann")
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:username": "ann"}}
    allowing = text({"Effect": "Allow", "Action": ["ecs:*", "s3:*"], "Resource": "*", "Condition": tagged})
    await iam.call("PutGroupPolicy", GroupName="devs", PolicyName="p", PolicyDocument=allowing)
    asked = {"PolicySourceArn": ann["Arn"], "ActionNames": ["ecs:RunTask", "s3:GetObject"]}
    answer = await iam.call("SimulatePrincipalPolicy", **asked)
    assert set(decisions(answer).values()) == {"allowed"}
    source = answer["EvaluationResults"][0]["MatchedStatements"][0]
    assert (source["SourcePolicyType"], source["SourcePolicyId"]) == ("group", "group_devs_p")
    bound = await iam.policy("bound", text({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
    await iam.call("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=bound)
    answer = await iam.call("SimulatePrincipalPolicy", **asked)
    assert decisions(answer) == {("ecs:RunTask", "*"): "implicitDeny", ("s3:GetObject", "*"): "allowed"}
    forbidding = text({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    answer = await iam.call("SimulatePrincipalPolicy", PolicyInputList=[forbidding], **asked)
    assert decisions(answer)["s3:GetObject", "*"] == "explicitDeny"


async def test_policies_that_are_left_out(iam: Any) -> None:
    role = await iam.role("deploy")
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    await iam.call("AttachRolePolicy", RoleName="deploy", PolicyArn=arn)
    asked = {"PolicySourceArn": role["Arn"], "ActionNames": ["ecs:RunTask"]}
    answer = await iam.call("SimulatePrincipalPolicy", **asked)
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyType"] == "aws-managed"
    answer = await iam.call("SimulatePrincipalPolicy", PolicyExclusionList=[{"PolicyArn": arn}], **asked)
    assert set(decisions(answer).values()) == {"implicitDeny"}


async def test_nobody_and_nothing_to_simulate(iam: Any) -> None:
    asked = {"ActionNames": ["ecs:RunTask"]}
    nobody = iam.call("SimulatePrincipalPolicy", PolicySourceArn=f"{ARN}:user/nobody", **asked)
    assert (await refusal(nobody))[0] == "NoSuchEntity"
    nothing = iam.call("SimulatePrincipalPolicy", PolicySourceArn=f"{CLUSTER}/dev", **asked)
    assert (await refusal(nothing))[0] == "InvalidInput"
    wrong = iam.call("SimulateCustomPolicy", PolicyInputList=["{"], **asked)
    assert (await refusal(wrong))[0] == "MalformedPolicyDocument"


async def test_the_keys_that_policies_ask_for(iam: Any) -> None:
    asked = await iam.call("GetContextKeysForCustomPolicy", PolicyInputList=[POLICY])
    assert asked["ContextKeyNames"] == ["aws:PrincipalTag/team", "aws:username", "ecs:cluster"]
    ann = await iam.user("ann")
    await iam.call("PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=POLICY)
    own = await iam.call("GetContextKeysForPrincipalPolicy", PolicySourceArn=ann["Arn"])
    assert own == asked


def test_where_statements_stand() -> None:
    one_line = '{"Statement":{"Effect":"Allow"},"Version":"2012-10-17"}'
    assert statement_positions(one_line) == [
        {"StartPosition": {"Line": 1, "Column": 14}, "EndPosition": {"Line": 1, "Column": 32}}
    ]
    assert len(statement_positions('{"Id": "a\\"{", "Statement" : [ {} , {"a": [1]} ] }')) == 2
