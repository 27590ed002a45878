"""What is no policy is refused in AWS's words when it is written."""

import json
from typing import Any

import pytest

from bastide.model.faults import Invalid
from bastide.permissions import PolicyKind, parse_document

GOOD = {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*"}
SYNTAX = "Syntax errors in policy."
PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def refusal(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> str:
    with pytest.raises(Invalid) as caught:
        parse_document(text, kind)
    assert caught.value.noun == "policy document"
    return caught.value.why


def without(name: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name} | more


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"Statement": []}', "[" * 100_000, "\ud800"])
def test_what_is_no_policy_at_all(text: str) -> None:
    assert refusal(text) == SYNTAX


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("x", SYNTAX),
        (without("Effect"), SYNTAX),
        (without("Effect", Effect="allow"), SYNTAX),
        (without("Action"), "Policy statement must contain actions."),
        (without("Resource"), "Policy statement must contain resources."),
        (without("Action", Action=[]), "Policy statement must contain actions."),
        (without("", Actions="x"), "Unknown field Actions"),
        (without("", NotAction="ecs:*"), SYNTAX),
        (without("", Principal="*"), "Policy document should not specify a principal."),
        (without("Action", Action=3), SYNTAX),
        (without("Action", Action="RunTask"), PREFACED),
        (without("Action", Action="e*s:RunTask"), "Vendor e*s is not valid"),
        (without("Action", Action="ecs:Run:Task"), "Actions/Condition can contain only one colon."),
        (without("Action", Action="ecs:Run Task"), "The policy failed legacy parsing"),
        (without("Resource", Resource="x"), 'Resource x must be in ARN format or "*".'),
        (
            without("Resource", Resource="arn:abc:ecs:::x"),
            'Partition "abc" is not valid for resource "arn:abc:ecs:::x".',
        ),
        (without("", Condition={"StringEqual": {"aws:x": "y"}}), "Invalid Condition type : StringEqual."),
        (
            without("", Condition={"ForSome:StringEquals": {"aws:x": "y"}}),
            "Invalid Condition type : ForSome:StringEquals.",
        ),
        (
            without("", Condition={"NullIfExists": {"aws:x": "true"}}),
            "Invalid Condition type : NullIfExists.",
        ),
        (without("", Condition={"StringEquals": {"x": "y"}}), PREFACED),
        (without("", Condition={"StringEquals": "x"}), SYNTAX),
        (without("", Condition={"StringEquals": {"aws:x": {}}}), SYNTAX),
    ],
)
def test_a_wrong_statement(statement: Any, why: str) -> None:
    assert refusal(json.dumps({"Version": "2012-10-17", "Statement": statement})) == why


def test_versions_and_statement_ids() -> None:
    wrong = {"Version": "2013-10-17", "Statement": GOOD}
    assert refusal(json.dumps(wrong)) == "Policy document must be version 2012-10-17 or greater."
    twice = {"Statement": [GOOD | {"Sid": "a"}, GOOD | {"Sid": "a"}]}
    assert refusal(json.dumps(twice)) == "Statement IDs (SID) in a single policy must be unique."
    assert "alpha-numeric" in refusal(json.dumps({"Statement": GOOD | {"Sid": "a b"}}))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ({}, "Missing required field Principal"),
        ({"Principal": "*", "Resource": "*"}, "Has prohibited field Resource"),
        ({"NotPrincipal": "*"}, "Has prohibited field NotPrincipal"),
        (
            {"Principal": "*", "Action": "ecs:RunTask"},
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        ({"Principal": {"AWS": "bob"}}, 'Invalid principal in policy: "AWS":"bob"'),
        ({"Principal": {"Person": "bob"}}, 'Invalid principal in policy: "Person":"bob"'),
        (
            {"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
        ),
        ({"Principal": "bob"}, "Invalid principal in policy"),
    ],
)
def test_a_wrong_trust_policy(statement: dict[str, Any], why: str) -> None:
    whole = {"Effect": "Allow", "Action": "sts:AssumeRole", **statement}
    assert refusal(json.dumps({"Statement": whole}), PolicyKind.TRUST) == why


def test_a_trust_policy_that_is_no_json() -> None:
    assert refusal("{", PolicyKind.TRUST) == "This policy contains invalid Json"
