"""Examples of AWS's documentation, each with requests it allows and refuses.

Sources: IAM user guide ("Example IAM identity-based policies", "Variables and tags", "Condition operators",
"Multivalued context keys"), ECS developer guide ("Identity-based policy examples", "Task execution role").
"""

from typing import Any, NamedTuple

import pytest

from tests.unit.permissions.asking import ACCOUNT, ask, policy, statement

ECS = f"arn:aws:ecs:us-east-1:{ACCOUNT}"
CLUSTER = f"{ECS}:cluster/default"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"


class Example(NamedTuple):
    """A policy's statements, what it allows and what it does not."""

    statements: list[dict[str, Any]]
    allowed: list[tuple[str, str, dict[str, Any]]]
    refused: list[tuple[str, str, dict[str, Any]]]


EXAMPLES: dict[str, Example] = {
    "run tasks of one family in one cluster": Example(
        [
            statement(
                action="ecs:RunTask",
                resource=f"arn:aws:ecs:*:{ACCOUNT}:task-definition/family:*",
                Condition={"ArnEquals": {"ecs:cluster": CLUSTER}},
            )
        ],
        [("ecs:RunTask", f"{ECS}:task-definition/family:7", {"ecs__cluster": CLUSTER})],
        [
            ("ecs:RunTask", f"{ECS}:task-definition/family:7", {"ecs__cluster": f"{CLUSTER}2"}),
            ("ecs:RunTask", f"{ECS}:task-definition/family:7", {}),
            ("ecs:RunTask", f"{ECS}:task-definition/other:7", {"ecs__cluster": CLUSTER}),
            ("ecs:StopTask", f"{ECS}:task-definition/family:7", {"ecs__cluster": CLUSTER}),
        ],
    ),
    "pass one role to tasks": Example(
        [
            statement(
                action="iam:PassRole",
                resource=f"{ROLE}/ecs-*",
                Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        ],
        [("iam:PassRole", f"{ROLE}/ecs-a", {"iam__PassedToService": "ecs-tasks.amazonaws.com"})],
        [
            ("iam:PassRole", f"{ROLE}/ecs-a", {"iam__PassedToService": "ec2.amazonaws.com"}),
            ("iam:PassRole", f"{ROLE}/admin", {"iam__PassedToService": "ecs-tasks.amazonaws.com"}),
        ],
    ),
    "exec into one container only": Example(
        [
            statement(
                action="ecs:ExecuteCommand",
                resource=[CLUSTER, f"{ECS}:task/default/*"],
                Condition={"StringEquals": {"ecs:container-name": "production-app"}},
            )
        ],
        [("ecs:ExecuteCommand", f"{ECS}:task/default/1", {"ecs__container-name": "production-app"})],
        [("ecs:ExecuteCommand", f"{ECS}:task/default/1", {"ecs__container-name": "sidecar"})],
    ),
    "everything but what is of IAM": Example(
        [statement(action=None, NotAction=["iam:*", "organizations:*", "account:*"])],
        [("ecs:RunTask", "*", {}), ("s3:GetObject", "arn:aws:s3:::b/k", {})],
        [("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x", {}), ("IAM:createuser", "*", {})],
    ),
    "only in one region": Example(
        [
            statement(),
            statement(
                "Deny",
                action=None,
                NotAction=["iam:*", "sts:*"],
                Condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
            ),
        ],
        [("ecs:ListClusters", "*", {"aws__RequestedRegion": "eu-west-1"}), ("iam:ListUsers", "*", {})],
        [
            ("ecs:ListClusters", "*", {"aws__RequestedRegion": "us-east-1"}),
            ("ecs:ListClusters", "*", {}),
        ],
    ),
    "only from an address range": Example(
        [
            statement(),
            statement(
                "Deny", Condition={"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}}
            ),
        ],
        [("ecs:RunTask", "*", {"aws__SourceIp": "203.0.113.7"})],
        [("ecs:RunTask", "*", {"aws__SourceIp": "198.51.100.1"}), ("ecs:RunTask", "*", {})],
    ),
    "within a time": Example(
        [
            statement(
                Condition={
                    "DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"},
                    "DateLessThan": {"aws:CurrentTime": "2020-06-30T23:59:59Z"},
                }
            )
        ],
        [("a:b", "*", {"aws__CurrentTime": "2020-05-01T10:00:00Z"})],
        [
            ("a:b", "*", {"aws__CurrentTime": "2020-07-01T00:00:00Z"}),
            ("a:b", "*", {"aws__CurrentTime": "2020-03-31T23:59:59Z"}),
        ],
    ),
    "sessions from before a moment are revoked": Example(
        [
            statement(),
            statement("Deny", Condition={"DateLessThan": {"aws:TokenIssueTime": "2030-01-01T00:00:00.000Z"}}),
        ],
        [("a:b", "*", {"aws__TokenIssueTime": "2030-01-01T00:00:00Z"}), ("a:b", "*", {})],
        [("a:b", "*", {"aws__TokenIssueTime": "2029-12-31T23:59:59Z"})],
    ),
    "a home of one's own": Example(
        [
            statement(
                action="s3:ListBucket",
                resource="arn:aws:s3:::mybucket",
                Condition={"StringLike": {"s3:prefix": ["${aws:username}/*"]}},
            ),
            statement(action=["s3:GetObject"], resource="arn:aws:s3:::mybucket/${aws:username}/*"),
        ],
        [
            ("s3:GetObject", "arn:aws:s3:::mybucket/ann/a/b", {"aws__username": "ann"}),
            ("s3:ListBucket", "arn:aws:s3:::mybucket", {"aws__username": "ann", "s3__prefix": "ann/"}),
        ],
        [
            ("s3:GetObject", "arn:aws:s3:::mybucket/bob/a", {"aws__username": "ann"}),
            ("s3:GetObject", "arn:aws:s3:::mybucket/bob/a", {"aws__username": "*"}),
            ("s3:GetObject", "arn:aws:s3:::mybucket/ann/a", {}),
            ("s3:ListBucket", "arn:aws:s3:::mybucket", {"aws__username": "ann", "s3__prefix": "bob/"}),
        ],
    ),
    "a default for a tag that is not there": Example(
        [statement(resource="arn:aws:s3:::b/${aws:PrincipalTag/team, 'company-wide'}/*")],
        [
            ("s3:GetObject", "arn:aws:s3:::b/company-wide/x", {}),
            ("s3:GetObject", "arn:aws:s3:::b/red/x", {"aws__PrincipalTag___team": "red"}),
        ],
        [("s3:GetObject", "arn:aws:s3:::b/company-wide/x", {"aws__PrincipalTag___team": "red"})],
    ),
    "tags of principal and resource are equal": Example(
        [
            statement(
                Condition={"StringEquals": {"aws:ResourceTag/project": "${aws:PrincipalTag/project}"}},
            )
        ],
        [("a:b", "*", {"aws__ResourceTag___project": "x", "aws__PrincipalTag___project": "x"})],
        [
            ("a:b", "*", {"aws__ResourceTag___project": "x", "aws__PrincipalTag___project": "y"}),
            ("a:b", "*", {"aws__ResourceTag___project": "x"}),
            ("a:b", "*", {}),
        ],
    ),
    "only these tags, and at least one": Example(
        [
            statement(
                Condition={
                    "ForAllValues:StringEquals": {"aws:TagKeys": ["environment", "cost-center"]},
                    "Null": {"aws:TagKeys": "false"},
                }
            )
        ],
        [("a:b", "*", {"aws__TagKeys": ("environment",)})],
        [
            ("a:b", "*", {"aws__TagKeys": ("environment", "x")}),
            ("a:b", "*", {"aws__TagKeys": ()}),
            ("a:b", "*", {}),
        ],
    ),
    "called by way of a service": Example(
        [
            statement(
                Condition={"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
            )
        ],
        [("a:b", "*", {"aws__CalledVia": ("athena.amazonaws.com", "cloudformation.amazonaws.com")})],
        [("a:b", "*", {"aws__CalledVia": ("athena.amazonaws.com",)}), ("a:b", "*", {})],
    ),
    "only over TLS": Example(
        [statement(), statement("Deny", Condition={"Bool": {"aws:SecureTransport": False}})],
        [("a:b", "*", {"aws__SecureTransport": "true"}), ("a:b", "*", {})],
        [("a:b", "*", {"aws__SecureTransport": "false"})],
    ),
    "a session that lasts no longer": Example(
        [statement(Condition={"NumericLessThanEquals": {"s3:max-keys": 10}})],
        [("a:b", "*", {"s3__max-keys": "10"}), ("a:b", "*", {"s3__max-keys": "9.5"})],
        [("a:b", "*", {"s3__max-keys": "11"}), ("a:b", "*", {"s3__max-keys": "many"}), ("a:b", "*", {})],
    ),
    "small tasks only, where a size is asked for": Example(
        [statement(Condition={"NumericLessThanEqualsIfExists": {"ecs:task-cpu": "1024"}})],
        [("ecs:RunTask", "*", {"ecs__task-cpu": "512"}), ("ecs:RunTask", "*", {})],
        [("ecs:RunTask", "*", {"ecs__task-cpu": "2048"})],
    ),
    "an ARN that is cut short": Example(
        [statement(resource="arn:aws:sqs")],
        [("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue", {})],
        [("ecs:RunTask", CLUSTER, {}), ("sqs:ListQueues", "*", {})],
    ),
    "a wildcard stays within its field": Example(
        [
            statement(resource="arn:aws:ecs:*:cluster/*"),
            statement(resource=f"arn:aws:ecs:u?-*:{ACCOUNT}:cluster/*"),
        ],
        [("a:b", CLUSTER, {})],
        [
            ("a:b", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/default", {}),
            ("a:b", f"{ECS}:service/default/web", {}),
        ],
    ),
    "all but one resource": Example(
        [statement(resource=None, NotResource=[f"{ROLE}/admin", f"{ROLE}/admin/*"])],
        [("iam:GetRole", f"{ROLE}/x", {})],
        [("iam:GetRole", f"{ROLE}/admin", {}), ("iam:GetRole", f"{ROLE}/admin/deep", {})],
    ),
    "values in base64": Example(
        [statement(Condition={"BinaryEquals": {"a:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}})],
        [("a:b", "*", {"a__key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="})],
        [("a:b", "*", {"a__key": "QQ=="}), ("a:b", "*", {"a__key": "!"})],
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_documentation(name: str) -> None:
    example = EXAMPLES[name]
    compiled = policy(*example.statements)

    def is_allowed(action: str, resource: str, keys: dict[str, Any]) -> bool:
        request = ask(action, resource, **keys)
        return compiled.allows(request) and not compiled.denies(request)

    assert [case for case in example.allowed if not is_allowed(*case)] == []
    assert [case for case in example.refused if is_allowed(*case)] == []


def test_the_older_language_has_no_variables() -> None:
    home = statement(resource="arn:aws:s3:::b/${aws:username}/*")
    literal = ask("s3:GetObject", "arn:aws:s3:::b/${aws:username}/x", aws__username="ann")
    named = ask("s3:GetObject", "arn:aws:s3:::b/ann/x", aws__username="ann")
    old = policy(home, version="2008-10-17")
    assert old.allows(literal)
    assert not old.allows(named)


def test_many_stars_cost_no_more_than_a_few() -> None:
    pattern = "arn:aws:s3:::" + "*a" * 60 + "*b"
    found = policy(statement(resource=pattern, Condition={"StringLike": {"aws:x": "*a" * 60 + "*b"}}))
    assert not found.allows(ask("s3:GetObject", "arn:aws:s3:::" + "a" * 2000, aws__x="a" * 2000))
