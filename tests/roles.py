"""The roles of tests' tasks: what AWS's own policy for execution roles allows, and what they use besides."""

import json
from typing import Any

NAME, TASK = "execution", "task"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)
ACTIONS = (
    "logs:CreateLogGroup",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameters",
)
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
MORE = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}}
)


def calls(name: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The operations that make it, and their parameters."""
    return (
        ("CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": TRUST}),
        ("AttachRolePolicy", {"RoleName": name, "PolicyArn": MANAGED}),
        ("PutRolePolicy", {"RoleName": name, "PolicyName": "more", "PolicyDocument": MORE}),
    )
