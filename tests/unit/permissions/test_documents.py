"""What is no policy is refused in AWS's words when it is written."""

import json
from typing import Any

import pytest

from bastide.model.faults import Invalid
from bastide.permissions import PolicyKind, parse_document, parse_managed

GOOD = {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*"}
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def refusal(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> str:
    with pytest.raises(Invalid) as caught:
        parse_document(text, kind)
    assert caught.value.noun == "policy document"
    return caught.value.why


def without(name: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name} | more


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"Statement": []}',
        '{"Statement": null}',
        '{"Statement": "hello"}',
        "[" * 100_000,
        "\ud800",
        json.dumps({"Version": "2013-10-17", "Statement": GOOD}),
        json.dumps({"Statement": GOOD, "Extra": 1}),
        json.dumps({"Statement": GOOD, "Id": ["x"]}),
    ],
)
def test_what_is_no_policy_at_all(text: str) -> None:
    assert refusal(text) == SYNTAX


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("x", SYNTAX),
        (without("Effect"), SYNTAX),
        (without("Effect", Effect="Maybe"), SYNTAX),
        (without("Effect", Effect="denY"), LEGACY),
        (without("Action"), "Policy statement must contain actions."),
        (without("Resource"), "Policy statement must contain resources."),
        (without("Resource", Action="x"), "Policy statement must contain resources."),
        (without("Resource", Resource=[]), "Policy statement must contain resources."),
        (without("Action", Action=[]), "Policy statement must contain actions."),
        (without("", Actions="x"), SYNTAX),
        (without("", NotAction="ecs:*"), SYNTAX),
        (without("", NotResource=[]), SYNTAX),
        (without("", Sid={}), SYNTAX),
        (without("", Principal="*"), "Policy document should not specify a principal."),
        (without("", NotPrincipal="*"), "Policy document should not specify a principal."),
        ({"Effect": "Allow", "Principal": {"AWS": "x"}}, "Policy document should not specify a principal."),
        (without("Action", Action=3), SYNTAX),
        (without("Action", Action=[[]]), SYNTAX),
        (without("Action", Action="RunTask"), PREFACED),
        (without("Action", NotAction=""), PREFACED),
        (without("Action", Action=":RunTask"), "Vendor  is not valid"),
        (without("Action", Action="e*s:RunTask"), "Vendor e*s is not valid"),
        (without("Action", Action="ecs:Run:Task"), "Actions/Condition can contain only one colon."),
        (without("Action", Action="ecs:"), LEGACY),
        (without("", Condition=[]), SYNTAX),
        (without("", Condition={"StringEqual": {"aws:x": "y"}}), SYNTAX),
        (without("", Condition={"ForSome:StringEquals": {"aws:x": "y"}}), SYNTAX),
        (without("", Condition={"ForAnyValue::StringEquals": {"aws:x": "y"}}), SYNTAX),
        (without("", Condition={"NullIfExists": {"aws:x": "true"}}), SYNTAX),
        (without("", Condition={"StringEquals": {"x": "y"}}), PREFACED),
        (without("", Condition={"StringEquals": "x"}), SYNTAX),
        (without("", Condition={"StringEquals": {"aws:x": {}}}), SYNTAX),
        (without("", Condition={"DateGreaterThan": {"aws:CurrentTime": "soon"}}), LEGACY),
        (without("", Condition={"DateLessThan": {"aws:CurrentTime": "9223372036854775808"}}), LEGACY),
    ],
)
def test_a_wrong_statement(statement: Any, why: str) -> None:
    assert refusal(json.dumps({"Version": "2012-10-17", "Statement": statement})) == why


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        ("x", 'Resource x must be in ARN format or "*".'),
        ("", 'Resource  must be in ARN format or "*".'),
        ("a:b", 'Partition "b" is not valid for resource "arn:b:*:*:*:*".'),
        ("a:b:c:d:e:f:g", 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g".'),
        ("aws:s3:::b", 'Partition "s3" is not valid for resource "arn:s3:::b:*".'),
        ("s3::b/*", 'Partition "" is not valid for resource "arn::b/*:*:*:*".'),
        ("arn:abc:ecs:::x", 'Partition "abc" is not valid for resource "arn:abc:ecs:::x".'),
        ("arn:aws", "Resource vendor must be fully qualified and cannot contain regexes."),
        ("arn:aws:*:::x", "Resource vendor must be fully qualified and cannot contain regexes."),
        ("arn:aws:s3::b", LEGACY),
        ("arn:aws::::b", LEGACY),
        ("arn:awss3::b/*", LEGACY),
        (
            "arn:aws:iam:us-east-1::role/x",
            "IAM resource arn:aws:iam:us-east-1::role/x cannot contain region information.",
        ),
        (
            "arn:aws:iam:::x",
            'IAM resource path must either be "*", root, or start with user/, federated-user/, role/, '
            "group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, "
            "oidc-provider/, report/, access-report/.",
        ),
        (
            "arn:aws:s3:us-east-1::b",
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
        ),
    ],
)
def test_a_wrong_resource(resource: str, why: str) -> None:
    for name in ("Resource", "NotResource"):
        statement = without("Resource", **{name: resource})
        assert refusal(json.dumps({"Version": "2012-10-17", "Statement": statement})) == why


@pytest.mark.parametrize(
    "statement",
    [
        without("Resource", Resource=["arn:aws:s3:::b", "*"]),
        without("Resource", Resource="arn:aws:xyz"),
        without("Resource", Resource="arn:aws:iam:::user/x"),
        without("Resource", Resource="arn:aws:iam::111122223333:*"),
        without("Resource", Resource="arn:aws:iam::111122223333:root"),
        without("Resource", Resource="arn:aws:iam:*:*:role/x"),
        without("Resource", Resource="arn:aws:s3:us-east-1:111122223333:accesspoint/x"),
        without("Resource", Resource="arn:aws:s3:*::b"),
        without("", Condition={"StringEqual": {}}),
        without("Resource", Resource="arn:*:ecs:*:*:cluster/x"),
        without("Action", Action="fake-service.v2:Do It All"),
        without("", Condition={}),
        without("", Condition={"DateGreaterThan": {}}),
        without("", Condition={"DateLessThan": {"aws:CurrentTime": "2030-01"}, "Null": {"aws:x": "true"}}),
        without("", Condition={"ForAllValues:StringEqualsIfExists": {"aws:TagKeys": []}}),
        without(
            "", Condition={"ARNEquals": {"ecs:cluster": "x"}, "forAnyValue:stringlikeifexists": {"a:b": "c"}}
        ),
    ],
)
def test_a_right_statement(statement: dict[str, Any]) -> None:
    for versioned in ({}, {"Version": "2008-10-17"}, {"Version": "2012-10-17"}):
        parse_document(json.dumps(versioned | {"Statement": statement}))


def test_the_first_fault_is_told_as_iam_does() -> None:
    sids = [GOOD | {"Sid": "a"}, {"Sid": "a", "Effect": "Allow"}]
    assert refusal(json.dumps({"Statement": sids})).endswith("in a single policy must be unique.")
    both = without("Action", Action="x", Resource="y")
    assert refusal(json.dumps({"Statement": both})).startswith("Resource y must be")
    assert "alpha-numeric" in refusal(json.dumps({"Statement": GOOD | {"Sid": "a b"}}))


def test_a_managed_policy_is_of_the_newer_language() -> None:
    parse_managed(json.dumps({"Version": "2012-10-17", "Statement": GOOD}))
    for versioned in ({}, {"Version": "2008-10-17"}):
        with pytest.raises(Invalid) as caught:
            parse_managed(json.dumps(versioned | {"Statement": GOOD}))
        assert caught.value.why == "Policy document must be version 2012-10-17 or greater."
    with pytest.raises(Invalid) as caught:
        parse_managed(json.dumps({"Version": "2012-10-17", "Statement": without("Action", Action="x")}))
    assert caught.value.why == PREFACED


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ({}, "Missing required field Principal"),
        ({"Principal": {}}, "Missing required field Principal cannot be empty!"),
        ({"Principal": "*"}, "Principal must be a JSON object."),
        ({"Principal": {"AWS": "*"}, "Resource": "*"}, "Has prohibited field Resource"),
        ({"Principal": {"AWS": "*"}, "NotResource": "*"}, "AssumeRole policy must not contain resources."),
        ({"NotPrincipal": {"AWS": "*"}}, "Allow with NotPrincipal is not allowed."),
        (
            {"NotPrincipal": {"AWS": "*"}, "Effect": "Deny"},
            "AssumeRole policy must not contain NotPrincipal field.",
        ),
        ({"Principal": {"AWS": "*"}, "Effect": "allow"}, "Invalid effect: allow"),
        ({"Principal": {"AWS": "*"}, "Effects": "Allow"}, "Unknown field Effects"),
        ({"Principal": {"AWS": "*"}, "Action": []}, "Missing required field Action"),
        (
            {"Principal": {"AWS": "*"}, "Action": "ecs:RunTask"},
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            {"Principal": {"AWS": "*"}, "Action": "*"},
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            {"Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "ecs:RunTask"]},
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        ({"Principal": {"AWS": "bob"}}, 'Invalid principal in policy: "AWS":"bob"'),
        ({"Principal": {"Federated": ""}}, 'Invalid principal in policy: "FEDERATED":""'),
        ({"Principal": {"Service": "ecs-tasks"}}, 'Invalid principal in policy: "SERVICE":"ecs-tasks"'),
        ({"Principal": {"Person": "bob"}}, 'Invalid principal in policy: "Person"'),
        (
            {"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
        ),
        (
            {"Principal": {"AWS": "arn:aws:iam:::user/bob"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam:::user/bob"',
        ),
        ({"Principal": "bob"}, "Invalid principal in policy"),
    ],
)
def test_a_wrong_trust_policy(statement: dict[str, Any], why: str) -> None:
    whole = {"Effect": "Allow", "Action": "sts:AssumeRole", **statement}
    assert refusal(json.dumps({"Statement": whole}), PolicyKind.TRUST) == why


def test_a_trust_policy_that_is_none() -> None:
    assert refusal("{", PolicyKind.TRUST) == "This policy contains invalid Json"
    empty = "Could not parse the policy: Statement is empty!"
    for text in ("{}", '{"Statement": []}'):
        assert refusal(text, PolicyKind.TRUST) == empty
    trusting = {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    assert refusal(json.dumps({"Statement": trusting}), PolicyKind.TRUST) == "Missing required field Effect"
    good = {"Effect": "Allow", **trusting}
    versioned = json.dumps({"Version": "2020-01-01", "Statement": good})
    assert refusal(versioned, PolicyKind.TRUST) == "The policy must contain a valid version string"
    twice = json.dumps({"Statement": [good | {"Sid": "A"}, good | {"Sid": "A"}]})
    assert refusal(twice, PolicyKind.TRUST) == "The Statement Ids in the policy are not unique"
    for named in ({"NotAction": "sts:TagSession"}, {"Action": "STS:assumerole"}):
        denying = {"Effect": "Deny", "Principal": {"AWS": "*"}, **named}
        parse_document(json.dumps({"Statement": denying}), PolicyKind.TRUST)
