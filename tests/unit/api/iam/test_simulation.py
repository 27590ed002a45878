"""SimulateCustomPolicy, SimulatePrincipalPolicy and the keys that policies ask for."""

import json
from typing import Any

import pytest

from bastide.api.iam.simulation.positions import statement_positions
from bastide.permissions.checks import PREFACED
from bastide.store import Txn
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
    """Of each action on each resource."""
    found = {}
    for one in answer["EvaluationResults"]:
        found[one["EvalActionName"], one["EvalResourceName"]] = one["EvalDecision"]
        for each in one.get("ResourceSpecificResults", ()):
            found[one["EvalActionName"], each["EvalResourceName"]] = each["EvalResourceDecision"]
    return found


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
        "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 5, "Column": 5},
        "EndPosition": {"Line": 8, "Column": 6},
    }
    answer = await iam.call("SimulateCustomPolicy", **asked)
    assert decisions(answer)["ecs:StopTask", "*"] == "allowed"
    missing = ["aws:PrincipalTag/team", "aws:username", "ecs:cluster"]
    assert answer["EvaluationResults"][0]["MissingContextValues"] == missing


async def test_actions_are_answered_page_by_page(iam: Any) -> None:
    allowing = text({"Effect": "Allow", "Action": "ecs:Run*", "Resource": "*"})
    asked = {"PolicyInputList": [allowing], "ActionNames": ["ecs:RunTask", "ecs:StopTask"]}
    first = await iam.call("SimulateCustomPolicy", MaxItems=1, **asked)
    rest = await iam.call("SimulateCustomPolicy", MaxItems=1, Marker=first["Marker"], **asked)
    assert decisions(first) == {("ecs:RunTask", "*"): "allowed"}
    assert decisions(rest) == {("ecs:StopTask", "*"): "implicitDeny"}
    assert "EvalDecisionDetails" not in rest["EvaluationResults"][0]
    assert "ResourceSpecificResults" not in rest["EvaluationResults"][0]


async def test_one_resource_is_told_of_twice_as_aws_does(iam: Any) -> None:
    allowing = text(
        {
            "Effect": "Allow",
            "Action": "ecs:*",
            "Resource": "*",
            "Condition": {"StringEqualsIfExists": {"aws:RequestTag/a": "b"}},
        }
    )
    [result] = (
        await iam.call(
            "SimulateCustomPolicy",
            PolicyInputList=[allowing],
            ActionNames=["ecs:DeleteCluster"],
            ResourceArns=[f"{CLUSTER}/dev"],
        )
    )["EvaluationResults"]
    matched = result["MatchedStatements"]
    assert [(one["SourcePolicyType"], one["StartPosition"]) for one in matched] == [
        ("IAM Policy", {"Line": 1, "Column": 41})
    ]
    assert result == {
        "EvalActionName": "ecs:DeleteCluster",
        "EvalResourceName": f"{CLUSTER}/dev",
        "EvalDecision": "allowed",
        "MatchedStatements": matched,
        "MissingContextValues": [],
        "EvalDecisionDetails": {},
        "ResourceSpecificResults": [
            {
                "EvalResourceName": f"{CLUSTER}/dev",
                "EvalResourceDecision": "allowed",
                "MatchedStatements": matched,
                "MissingContextValues": ["aws:RequestTag/a"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("others", "of_all"),
    [(["prod"], "implicitDeny"), (["dev2"], "allowed"), (["prod", "gone"], "explicitDeny")],
)
async def test_several_resources_are_one_result_with_parts(iam: Any, others: list[str], of_all: str) -> None:
    allowing = {"Effect": "Allow", "Action": "*", "Resource": f"{CLUSTER}/dev*"}
    denying = {"Effect": "Deny", "Action": "*", "Resource": f"{CLUSTER}/gone"}
    answer = await iam.call(
        "SimulateCustomPolicy",
        PolicyInputList=[text(allowing, denying)],
        PermissionsBoundaryPolicyInputList=[text({"Effect": "Allow", "Action": "ecs:*", "Resource": "*"})],
        ActionNames=["ecs:DeleteCluster", "x:Unknown"],
        ResourceArns=[f"{CLUSTER}/{name}" for name in ("dev", *others)],
    )
    first, second = answer["EvaluationResults"]
    form = "arn:aws:ecs:${Region}:${Account}:cluster/${ClusterName}"
    assert (first["EvalResourceName"], first["EvalDecision"]) == (form, of_all)
    assert (first["MatchedStatements"], second["EvalResourceName"]) == ([], "*")
    expected = {"dev": "allowed", "dev2": "allowed", "prod": "implicitDeny", "gone": "explicitDeny"}
    assert [one["EvalResourceDecision"] for one in first["ResourceSpecificResults"]] == [
        expected[name] for name in ("dev", *others)
    ]
    within = {"AllowedByPermissionsBoundary": True}, {"AllowedByPermissionsBoundary": False}
    told = [one["PermissionsBoundaryDecisionDetail"] for one in (first, second)]
    assert (*told, second["ResourceSpecificResults"][0]["PermissionsBoundaryDecisionDetail"]) == (
        *within,
        within[1],
    )


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
    asked["ResourceArns"] = [f"{CLUSTER}/dev"]
    answer = await iam.call(
        "SimulateCustomPolicy", PolicyInputList=[nothing], ResourcePolicy=text(named), **asked
    )
    assert decisions(answer) == {("ecs:RunTask", f"{CLUSTER}/dev"): "allowed"}
    [matched] = answer["EvaluationResults"][0]["MatchedStatements"]
    assert (matched["SourcePolicyType"], matched["SourcePolicyId"]) == ("Resource Policy", "ResourcePolicy")


async def test_a_boundary_that_denies_is_what_decides(iam: Any) -> None:
    asked = {
        "PolicyInputList": [text({"Effect": "Allow", "Action": "*", "Resource": "*"})],
        "PermissionsBoundaryPolicyInputList": [text({"Effect": "Deny", "Action": "*", "Resource": "*"})],
        "ActionNames": ["ecs:RunTask"],
    }
    [result] = (await iam.call("SimulateCustomPolicy", **asked))["EvaluationResults"]
    assert result["EvalDecision"] == "explicitDeny"
    [matched] = result["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PermissionsBoundaryPolicyInputList.1"


async def test_who_asks_is_the_caller_that_is_named(iam: Any) -> None:
    role, ann = await iam.role("deploy"), await iam.user("ann", Tags=[{"Key": "team", "Value": "red"}])
    own = {
        "StringEquals": {
            "aws:username": "ann",
            "aws:PrincipalArn": ann["Arn"],
            "aws:PrincipalTag/team": "red",
        }
    }
    allowing = text({"Effect": "Allow", "Action": "ecs:*", "Resource": "*", "Condition": own})
    asked = {"PolicySourceArn": role["Arn"], "PolicyInputList": [allowing], "ActionNames": ["ecs:RunTask"]}
    answer = await iam.call("SimulatePrincipalPolicy", **asked)
    assert decisions(answer) == {("ecs:RunTask", "*"): "implicitDeny"}
    answer = await iam.call("SimulatePrincipalPolicy", CallerArn=ann["Arn"], **asked)
    assert decisions(answer) == {("ecs:RunTask", "*"): "allowed"}
    stranger = text(
        {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:username}-${aws:PrincipalAccount}"}
    )
    keys = {"CallerArn": f"{ARN}:user/x/bob", "PolicyInputList": [stranger], "ActionNames": ["ecs:RunTask"]}
    [result] = (await iam.call("SimulateCustomPolicy", **keys))["EvaluationResults"]
    assert result["MissingContextValues"] == []


async def test_lists_count_value_by_value(iam: Any) -> None:
    via = {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
    allowing = text({"Effect": "Allow", "Action": "ecs:*", "Resource": "*", "Condition": via})
    asked = {"PolicyInputList": [allowing], "ActionNames": ["ecs:RunTask"]}
    services = ("athena.amazonaws.com", "cloudformation.amazonaws.com")
    entries = [key("aws:CalledVia", *services, kind="stringList")]
    answer = await iam.call("SimulateCustomPolicy", ContextEntries=entries, **asked)
    assert decisions(answer) == {("ecs:RunTask", "*"): "allowed"}
    entries = [key("aws:CalledVia", services[0], kind="stringList")]
    answer = await iam.call("SimulateCustomPolicy", ContextEntries=entries, **asked)
    assert decisions(answer) == {("ecs:RunTask", "*"): "implicitDeny"}


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
    assert (source["SourcePolicyType"], source["SourcePolicyId"]) == ("IAM Policy", "group_devs_p")
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
    [matched] = answer["EvaluationResults"][0]["MatchedStatements"]
    assert matched["SourcePolicyId"] == "AdministratorAccess"
    answer = await iam.call("SimulatePrincipalPolicy", PolicyExclusionList=[{"PolicyArn": arn}], **asked)
    assert set(decisions(answer).values()) == {"implicitDeny"}


async def test_nobody_and_nothing_to_simulate(iam: Any) -> None:
    asked = {"ActionNames": ["ecs:RunTask"]}
    nobody = iam.call("SimulatePrincipalPolicy", PolicySourceArn=f"{ARN}:user/nobody", **asked)
    assert await refusal(nobody) == ("NoSuchEntity", "The user with name nobody cannot be found.")
    elsewhere = "arn:aws:iam::999999999999:user/ann"
    assert await refusal(iam.call("SimulatePrincipalPolicy", PolicySourceArn=elsewhere, **asked)) == (
        "InvalidInput",
        "Invalid Policy Source Arn: caller's account 111122223333 does not have access to policies in "
        "account 999999999999",
    )
    session = "arn:aws:sts::111122223333:assumed-role/deploy/ci"
    assert await refusal(iam.call("SimulatePrincipalPolicy", PolicySourceArn=session, **asked)) == (
        "InvalidInput",
        f"Invalid Entity Arn: {session} does not clearly define entity type and name.",
    )


NAMED = text({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {"AWS": f"{ARN}:user/ann"}})
AT = {"ResourcePolicy": NAMED, "ResourceArns": [f"{CLUSTER}/dev"]}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"PolicyInputList": ["{"]}, "Syntax errors in policy."),
        ({"PolicyInputList": [text({"Effect": "Allow", "Action": "x", "Resource": "*"})]}, PREFACED),
        ({"PolicyInputList": [NAMED]}, "Policy document should not specify a principal."),
        ({"PermissionsBoundaryPolicyInputList": ["{"]}, "Syntax errors in policy."),
        (
            {"PermissionsBoundaryPolicyInputList": [POLICY, POLICY]},
            "Only one policy can be passed in PermissionsBoundaryPolicyInputList.",
        ),
        (
            AT | {"ResourcePolicy": POLICY, "CallerArn": f"{ARN}:user/ann"},
            "Missing required field Principal",
        ),
        (AT, "Invalid caller - Caller cannot be null or empty."),
        (
            AT | {"CallerArn": f"{ARN}:role/deploy"},
            "Invalid caller - Caller must be an IAM user in this context.",
        ),
        (
            {"CallerArn": "arn:aws:sts::111122223333:assumed-role/deploy/ci"},
            "Invalid caller - Caller must be an IAM user, role or group in this context.",
        ),
        (
            {"ResourcePolicy": NAMED, "CallerArn": f"{ARN}:user/ann"},
            "Invalid Entity Arn: * does not clearly define entity type and name.",
        ),
        ({"ResourceArns": ["dev"]}, "ResourceNames are not in a valid ARN format: dev."),
        ({"ResourceArns": [f"{CLUSTER}/dev", "*"]}, "ResourceNames are not in a valid ARN format: *."),
        ({"ActionNames": ["RunTask"]}, "The action is invalid since it is missing names"),
        ({"ResourceOwner": "111122223333"}, "Invalid Resource Owner."),
        (
            {"ResourceHandlingOption": "EC2-VPC-EBS"},
            "Invalid input resource handling options. Action does not support resource handling options: "
            "ecs:RunTask.",
        ),
        ({"ContextEntries": [{"ContextKeyValues": ["x"]}]}, "ContextKeyName cannot be null or empty."),
        ({"ContextEntries": [key("aws:x", "1")] * 2}, "Duplicate context key: aws:x."),
        (
            {"ContextEntries": [{"ContextKeyName": "aws:x", "ContextKeyValues": ["1"]}]},
            "Context key aws:x has invalid type null.",
        ),
        (
            {"ContextEntries": [key("aws:x")]},
            "Context values for context key aws:x cannot be null or empty.",
        ),
        (
            {"ContextEntries": [key("aws:x", "1", "2")]},
            "Context key aws:x expected a single value, but received 2.",
        ),
        (
            {"ContextEntries": [key("aws:x", "1", "two", kind="numericList")]},
            "Invalid context value for key aws:x: expected numeric format.",
        ),
        (
            {"ContextEntries": [key("aws:x", "soon", kind="date")]},
            "Invalid context value for key aws:x: expected DateTime format.",
        ),
        (
            {"ContextEntries": [key("aws:x", "10.0.0", kind="ip")]},
            "Invalid context value for key aws:x: expected IP address.",
        ),
        (
            {"ContextEntries": [key("aws:x", "*", kind="binary")]},
            "Invalid context value for key aws:x: expected base-64 encoded binary format.",
        ),
    ],
)
async def test_what_cannot_be_asked_is_said_to_be_no_input(iam: Any, asked: Any, told: str) -> None:
    whole = {"PolicyInputList": [POLICY], "ActionNames": ["ecs:RunTask"]} | asked
    assert await refusal(iam.call("SimulateCustomPolicy", **whole)) == ("InvalidInput", told)
    ann = await iam.user("ann")
    if told != "Invalid caller - Caller cannot be null or empty.":  # here it is the source
        source = {"PolicySourceArn": ann["Arn"]}
        assert await refusal(iam.call("SimulatePrincipalPolicy", **source, **whole)) == ("InvalidInput", told)


async def test_a_role_is_no_caller_that_a_resource_can_name(iam: Any) -> None:
    role = await iam.role("deploy")
    asked = {"PolicySourceArn": role["Arn"], "ActionNames": ["ecs:RunTask"], **AT}
    assert await refusal(iam.call("SimulatePrincipalPolicy", **asked)) == (
        "InvalidInput",
        "Invalid caller - Caller must be an IAM user in this context.",
    )


async def test_a_kept_policy_that_is_none_cannot_be_evaluated(iam: Any) -> None:
    ann = await iam.user("ann")

    def spoil(txn: Txn) -> None:
        [user] = txn.find("iam-user", name="ann")
        txn.put(user.changed(document=user.document | {"inline": {"p": "{"}}))

    await iam.api.run(spoil)
    asked = {"PolicySourceArn": ann["Arn"], "ActionNames": ["ecs:RunTask"]}
    assert await refusal(iam.call("SimulatePrincipalPolicy", **asked)) == (
        "PolicyEvaluation",
        "The policy user_ann_p could not be evaluated: Syntax errors in policy.",
    )


async def test_the_keys_that_policies_ask_for(iam: Any) -> None:
    asked = await iam.call("GetContextKeysForCustomPolicy", PolicyInputList=[POLICY])
    assert asked["ContextKeyNames"] == ["aws:PrincipalTag/team", "aws:username", "ecs:cluster"]
    ann = await iam.user("ann")
    await iam.call("PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=POLICY)
    own = await iam.call("GetContextKeysForPrincipalPolicy", PolicySourceArn=ann["Arn"])
    assert own == asked
    wrong = iam.call("GetContextKeysForCustomPolicy", PolicyInputList=["{"])
    assert await refusal(wrong) == ("InvalidInput", "Syntax errors in policy.")


def test_where_statements_stand() -> None:
    one_line = '{"Statement":{"Effect":"Allow"},"Version":"2012-10-17"}'
    assert statement_positions(one_line) == [
        {"StartPosition": {"Line": 1, "Column": 14}, "EndPosition": {"Line": 1, "Column": 32}}
    ]
    assert len(statement_positions('{"Id": "a\\"{", "Statement" : [ {} , {"a": [1]} ] }')) == 2
