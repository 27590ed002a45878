"""Who may assume a role: IAM user guide, "The confused deputy problem", "How to use an external ID", "Passing
session tags", "Monitor and control actions taken with assumed roles"; ECS developer guide, "Task IAM role".
"""

from typing import Any

from bastide.permissions import Principal, PrincipalKind
from tests.unit.permissions.asking import ACCOUNT, ECS_TASKS, ROLE_ARN, SESSION, USER, statement
from tests.unit.permissions.examples.example import IAM, Example, Examples, Statements, To, at

ROLE = f"{IAM}:role/app"
BOB = Principal(kind=PrincipalKind.USER, arn=f"{IAM}:user/bob", account=ACCOUNT)
INCIDENTS = Principal(kind=PrincipalKind.SERVICE, arn="ssm-incidents.amazonaws.com", account=ACCOUNT)
RECORD = f"arn:aws:ssm-incidents:us-east-1:{ACCOUNT}:incident-record/plan"
ASSUME = "sts:AssumeRole"
MAY_ASSUME = (statement(action="sts:*", resource=ROLE),)
TASK = f"arn:aws:ecs:us-west-2:{ACCOUNT}:task/default/1"


def trusting(
    statements: Statements, allowed: list[To], refused: list[To], identity: Statements = ()
) -> Example:
    return Example(identity, allowed, refused, trust=statements)


def for_role(keys: dict[str, Any] | None = None, who: Principal = USER, action: str = ASSUME) -> To:
    """A request for the role."""
    return To(action, ROLE, keys or {}, who)


EXAMPLES: Examples = {
    "tasks": trusting(
        [at("Allow", {"Service": "ecs-tasks.amazonaws.com"}, ASSUME, Sid="")],
        [for_role(who=ECS_TASKS)],
        [for_role(), for_role(who=SESSION), for_role(who=INCIDENTS)],
        MAY_ASSUME,
    ),
    "tasks of one account and region": trusting(
        [
            at(
                "Allow",
                {"Service": ["ecs-tasks.amazonaws.com"]},
                ASSUME,
                Condition={
                    "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:us-west-2:{ACCOUNT}:*"},
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                },
            )
        ],
        [for_role({"aws:SourceArn": TASK, "aws:SourceAccount": ACCOUNT}, ECS_TASKS)],
        [
            for_role(
                {"aws:SourceArn": TASK.replace("west", "east"), "aws:SourceAccount": ACCOUNT}, ECS_TASKS
            ),
            for_role({"aws:SourceArn": TASK, "aws:SourceAccount": "999999999999"}, ECS_TASKS),
            for_role({"aws:SourceArn": TASK}, ECS_TASKS),
            for_role({"aws:SourceAccount": ACCOUNT}, ECS_TASKS),
        ],
    ),
    "records of one plan": trusting(
        [
            at(
                "Allow",
                {"Service": "ssm-incidents.amazonaws.com"},
                ASSUME,
                Condition={
                    "ArnLike": {"aws:SourceArn": f"arn:aws:ssm-incidents:*:{ACCOUNT}:incident-record/plan/*"}
                },
            )
        ],
        [for_role({"aws:SourceArn": f"{RECORD}/1"}, INCIDENTS)],
        [
            for_role({"aws:SourceArn": RECORD.replace(ACCOUNT, "999999999999") + "/1"}, INCIDENTS),
            for_role({"aws:SourceArn": f"{RECORD}2/1"}, INCIDENTS),
            for_role({}, INCIDENTS),
        ],
    ),
    "whoever knows the external id": trusting(
        [at("Allow", {"AWS": ACCOUNT}, ASSUME, Condition={"StringEquals": {"sts:ExternalId": "12345"}})],
        [for_role({"sts:ExternalId": "12345"})],
        [for_role({"sts:ExternalId": "123456"}), for_role({"sts:ExternalId": ""}), for_role()],
        MAY_ASSUME,
    ),
    "an account hands on": trusting(
        [at("Allow", {"AWS": f"{IAM}:root"}, ASSUME)],
        [for_role(action=ASSUME)],
        [for_role(action="sts:TagSession"), To(ASSUME, ROLE_ARN)],
        MAY_ASSUME,
    ),
    "another account": trusting(
        [at("Allow", {"AWS": ["999999999999", USER.arn]}, ASSUME)],
        [for_role()],
        [for_role(who=BOB)],
        (),
    ),
    "with MFA": trusting(
        [
            at(
                "Allow",
                {"AWS": f"{IAM}:root"},
                ASSUME,
                Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}},
            )
        ],
        [for_role({"aws:MultiFactorAuthPresent": "true"})],
        [for_role({"aws:MultiFactorAuthPresent": "false"}), for_role()],
        MAY_ASSUME,
    ),
    "with session tags": trusting(
        [
            at(
                "Allow",
                {"AWS": USER.arn},
                ASSUME,
                Condition={
                    "StringLike": {"aws:RequestTag/Project": "*", "aws:RequestTag/CostCenter": "*"},
                    "StringEquals": {"sts:ExternalId": "Example987"},
                },
            ),
            at(
                "Allow",
                {"AWS": USER.arn},
                "sts:TagSession",
                Condition={
                    "StringLike": {"aws:RequestTag/Project": "*"},
                    "StringEquals": {"aws:RequestTag/Department": ["Engineering", "Marketing"]},
                    "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["Project", "Department"]},
                },
            ),
        ],
        [
            for_role(
                {
                    "aws:RequestTag/Project": "p",
                    "aws:RequestTag/CostCenter": "c",
                    "sts:ExternalId": "Example987",
                }
            ),
            for_role(
                {
                    "aws:RequestTag/Project": "p",
                    "aws:RequestTag/Department": "Marketing",
                    "sts:TransitiveTagKeys": ("Project",),
                },
                action="sts:TagSession",
            ),
        ],
        [
            for_role({"aws:RequestTag/Project": "p", "sts:ExternalId": "Example987"}),
            for_role({"aws:RequestTag/Project": "p", "aws:RequestTag/CostCenter": "c"}),
            for_role(
                {"aws:RequestTag/Project": "p", "aws:RequestTag/Department": "Sales"}, action="sts:TagSession"
            ),
            for_role(
                {
                    "aws:RequestTag/Project": "p",
                    "aws:RequestTag/Department": "Marketing",
                    "sts:TransitiveTagKeys": ("Project", "CostCenter"),
                },
                action="sts:TagSession",
            ),
        ],
    ),
    "under one's own name": trusting(
        [
            at(
                "Allow",
                {"AWS": USER.arn},
                [ASSUME, "sts:SetSourceIdentity"],
                Condition={"StringEquals": {"sts:SourceIdentity": "ann"}},
            )
        ],
        [
            for_role({"sts:SourceIdentity": "ann"}),
            for_role({"sts:SourceIdentity": "ann"}, action="sts:SetSourceIdentity"),
        ],
        [for_role({"sts:SourceIdentity": "bob"}), for_role()],
    ),
    "a role that was assumed under some names": trusting(
        [
            at(
                "Allow",
                {"AWS": ROLE_ARN},
                [ASSUME, "sts:SetSourceIdentity"],
                Condition={"StringLike": {"aws:SourceIdentity": ["ann", "bob"]}},
            )
        ],
        [for_role({"aws:SourceIdentity": "bob"}, SESSION)],
        [
            for_role({"aws:SourceIdentity": "eve"}, SESSION),
            for_role({}, SESSION),
            for_role({"aws:SourceIdentity": "bob"}),
        ],
    ),
    "everybody of whom one thing is known": trusting(
        [
            at(
                "Allow",
                {"AWS": "*"},
                ASSUME,
                Condition={"ArnLike": {"aws:PrincipalArn": f"{IAM}:role/deploy*"}},
            )
        ],
        [for_role({"aws:PrincipalArn": ROLE_ARN}, SESSION)],
        [for_role({"aws:PrincipalArn": USER.arn}), for_role()],
    ),
    "one of GitHub's branches, whom nobody can be here": trusting(
        [
            at(
                "Allow",
                {"Federated": f"{IAM}:oidc-provider/token.actions.githubusercontent.com"},
                "sts:AssumeRoleWithWebIdentity",
                Condition={"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
            ),
            at("Allow", {"Service": ["events.amazonaws.com", "ecs-tasks.amazonaws.com"]}, ASSUME),
        ],
        [for_role(who=ECS_TASKS)],
        [for_role({"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"})],
        MAY_ASSUME,
    ),
}
