"""The language: IAM user guide, "Variables and tags", "Condition operators", "Multivalued context keys"."""

from tests.unit.permissions.asking import ACCOUNT, statement
from tests.unit.permissions.examples.example import IAM, Example, Examples, To

ECS = f"arn:aws:ecs:us-east-1:{ACCOUNT}"
CLUSTER = f"{ECS}:cluster/default"
ROLE = f"{IAM}:role"

EXAMPLES: Examples = {
    "run tasks of one family in one cluster": Example(
        [
            statement(
                action="ecs:RunTask",
                resource=f"arn:aws:ecs:*:{ACCOUNT}:task-definition/family:*",
                Condition={"ArnEquals": {"ecs:cluster": CLUSTER}},
            )
        ],
        [To("ecs:RunTask", f"{ECS}:task-definition/family:7", {"ecs:cluster": CLUSTER})],
        [
            To("ecs:RunTask", f"{ECS}:task-definition/family:7", {"ecs:cluster": f"{CLUSTER}2"}),
            To("ecs:RunTask", f"{ECS}:task-definition/family:7", {}),
            To("ecs:RunTask", f"{ECS}:task-definition/other:7", {"ecs:cluster": CLUSTER}),
            To("ecs:StopTask", f"{ECS}:task-definition/family:7", {"ecs:cluster": CLUSTER}),
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
        [To("iam:PassRole", f"{ROLE}/ecs-a", {"iam:PassedToService": "ecs-tasks.amazonaws.com"})],
        [
            To("iam:PassRole", f"{ROLE}/ecs-a", {"iam:PassedToService": "ec2.amazonaws.com"}),
            To("iam:PassRole", f"{ROLE}/admin", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
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
        [To("ecs:ExecuteCommand", f"{ECS}:task/default/1", {"ecs:container-name": "production-app"})],
        [To("ecs:ExecuteCommand", f"{ECS}:task/default/1", {"ecs:container-name": "sidecar"})],
    ),
    "everything but what is of IAM": Example(
        [statement(action=None, NotAction=["iam:*", "organizations:*", "account:*"])],
        [To("ecs:RunTask", "*", {}), To("s3:GetObject", "arn:aws:s3:::b/k", {})],
        [To("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x", {}), To("IAM:createuser", "*", {})],
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
        [To("ecs:ListClusters", "*", {"aws:RequestedRegion": "eu-west-1"}), To("iam:ListUsers", "*", {})],
        [
            To("ecs:ListClusters", "*", {"aws:RequestedRegion": "us-east-1"}),
            To("ecs:ListClusters", "*", {}),
        ],
    ),
    "only from an address range": Example(
        [
            statement(),
            statement(
                "Deny", Condition={"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}}
            ),
        ],
        [To("ecs:RunTask", "*", {"aws:SourceIp": "203.0.113.7"})],
        [To("ecs:RunTask", "*", {"aws:SourceIp": "198.51.100.1"}), To("ecs:RunTask", "*", {})],
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
        [To("a:b", "*", {"aws:CurrentTime": "2020-05-01T10:00:00Z"})],
        [
            To("a:b", "*", {"aws:CurrentTime": "2020-07-01T00:00:00Z"}),
            To("a:b", "*", {"aws:CurrentTime": "2020-03-31T23:59:59Z"}),
        ],
    ),
    "sessions from before a moment are revoked": Example(
        [
            statement(),
            statement("Deny", Condition={"DateLessThan": {"aws:TokenIssueTime": "2030-01-01T00:00:00.000Z"}}),
        ],
        [To("a:b", "*", {"aws:TokenIssueTime": "2030-01-01T00:00:00Z"}), To("a:b", "*", {})],
        [To("a:b", "*", {"aws:TokenIssueTime": "2029-12-31T23:59:59Z"})],
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
            To("s3:GetObject", "arn:aws:s3:::mybucket/ann/a/b", {"aws:username": "ann"}),
            To("s3:ListBucket", "arn:aws:s3:::mybucket", {"aws:username": "ann", "s3:prefix": "ann/"}),
        ],
        [
            To("s3:GetObject", "arn:aws:s3:::mybucket/bob/a", {"aws:username": "ann"}),
            To("s3:GetObject", "arn:aws:s3:::mybucket/bob/a", {"aws:username": "*"}),
            To("s3:GetObject", "arn:aws:s3:::mybucket/ann/a", {}),
            To("s3:ListBucket", "arn:aws:s3:::mybucket", {"aws:username": "ann", "s3:prefix": "bob/"}),
        ],
    ),
    "a default for a tag that is not there": Example(
        [statement(resource="arn:aws:s3:::b/${aws:PrincipalTag/team, 'company-wide'}/*")],
        [
            To("s3:GetObject", "arn:aws:s3:::b/company-wide/x", {}),
            To("s3:GetObject", "arn:aws:s3:::b/red/x", {"aws:PrincipalTag/team": "red"}),
        ],
        [To("s3:GetObject", "arn:aws:s3:::b/company-wide/x", {"aws:PrincipalTag/team": "red"})],
    ),
    "tags of principal and resource are equal": Example(
        [
            statement(
                Condition={"StringEquals": {"aws:ResourceTag/project": "${aws:PrincipalTag/project}"}},
            )
        ],
        [To("a:b", "*", {"aws:ResourceTag/project": "x", "aws:PrincipalTag/project": "x"})],
        [
            To("a:b", "*", {"aws:ResourceTag/project": "x", "aws:PrincipalTag/project": "y"}),
            To("a:b", "*", {"aws:ResourceTag/project": "x"}),
            To("a:b", "*", {}),
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
        [To("a:b", "*", {"aws:TagKeys": ("environment",)})],
        [
            To("a:b", "*", {"aws:TagKeys": ("environment", "x")}),
            To("a:b", "*", {"aws:TagKeys": ()}),
            To("a:b", "*", {}),
        ],
    ),
    "called by way of a service": Example(
        [
            statement(
                Condition={"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
            )
        ],
        [To("a:b", "*", {"aws:CalledVia": ("athena.amazonaws.com", "cloudformation.amazonaws.com")})],
        [To("a:b", "*", {"aws:CalledVia": ("athena.amazonaws.com",)}), To("a:b", "*", {})],
    ),
    "only over TLS": Example(
        [statement(), statement("Deny", Condition={"Bool": {"aws:SecureTransport": False}})],
        [To("a:b", "*", {"aws:SecureTransport": "true"}), To("a:b", "*", {})],
        [To("a:b", "*", {"aws:SecureTransport": "false"})],
    ),
    "a session that lasts no longer": Example(
        [statement(Condition={"NumericLessThanEquals": {"s3:max-keys": 10}})],
        [To("a:b", "*", {"s3:max-keys": "10"}), To("a:b", "*", {"s3:max-keys": "9.5"})],
        [To("a:b", "*", {"s3:max-keys": "11"}), To("a:b", "*", {"s3:max-keys": "many"}), To("a:b", "*", {})],
    ),
    "small tasks only, where a size is asked for": Example(
        [statement(Condition={"NumericLessThanEqualsIfExists": {"ecs:task-cpu": "1024"}})],
        [To("ecs:RunTask", "*", {"ecs:task-cpu": "512"}), To("ecs:RunTask", "*", {})],
        [To("ecs:RunTask", "*", {"ecs:task-cpu": "2048"})],
    ),
    "an ARN that is cut short": Example(
        [statement(resource="arn:aws:sqs")],
        [To("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue", {})],
        [To("ecs:RunTask", CLUSTER, {}), To("sqs:ListQueues", "*", {})],
    ),
    "a wildcard stays within its field": Example(
        [
            statement(resource="arn:aws:ecs:*:cluster/*"),
            statement(resource=f"arn:aws:ecs:u?-*:{ACCOUNT}:cluster/*"),
        ],
        [To("a:b", CLUSTER, {})],
        [
            To("a:b", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/default", {}),
            To("a:b", f"{ECS}:service/default/web", {}),
        ],
    ),
    "a wildcard of the last field reaches over colons": Example(
        [statement(resource="arn:aws:logs:*:*:log-group:*:end")],
        [To("a:b", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:a:log-stream:end")],
        [To("a:b", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:a:log-stream:ends")],
    ),
    "all but one resource": Example(
        [statement(resource=None, NotResource=[f"{ROLE}/admin", f"{ROLE}/admin/*"])],
        [To("iam:GetRole", f"{ROLE}/x", {})],
        [To("iam:GetRole", f"{ROLE}/admin", {}), To("iam:GetRole", f"{ROLE}/admin/deep", {})],
    ),
    "values in base64": Example(
        [statement(Condition={"BinaryEquals": {"a:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}})],
        [To("a:b", "*", {"a:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="})],
        [To("a:b", "*", {"a:key": "QQ=="}), To("a:b", "*", {"a:key": "!"})],
    ),
}
