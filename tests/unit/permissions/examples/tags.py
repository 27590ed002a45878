"""Tags as what decides: IAM user guide, "Controlling access to AWS resources using tags", "Define permissions
to access AWS resources based on tags", and its example policies about tags.
"""

from typing import Any

from tests.unit.permissions.asking import ACCOUNT, SESSION, statement
from tests.unit.permissions.examples.example import IAM, Example, Examples, To

INSTANCE = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:s-a1b2c3"
BOB = f"{IAM}:user/bob"
NAMES = ("access-project", "access-team", "cost-center")


def tagged(prefix: str, *values: str) -> dict[str, Any]:
    """The tutorial's three tags at somebody or something."""
    return {f"aws:{prefix}/{name}": value for name, value in zip(NAMES, values, strict=False)}


def the_same(prefix: str) -> dict[str, str]:
    """The tags of one's own."""
    return {f"aws:{prefix}/{name}": f"${{aws:PrincipalTag/{name}}}" for name in NAMES}


PEG = tagged("PrincipalTag", "peg", "eng", "987")

EXAMPLES: Examples = {
    "start what has the same cost center": Example(
        [
            statement(
                action=["ec2:startInstances", "ec2:stopInstances"],
                Condition={"StringEquals": {"aws:ResourceTag/CostCenter": "${aws:PrincipalTag/CostCenter}"}},
            )
        ],
        [
            To(
                "ec2:StartInstances",
                INSTANCE,
                {"aws:resourcetag/costcenter": "7", "aws:principaltag/costcenter": "7"},
            )
        ],
        [
            To(
                "ec2:StartInstances",
                INSTANCE,
                {"aws:ResourceTag/CostCenter": "7", "aws:PrincipalTag/CostCenter": "8"},
            ),
            To("ec2:StartInstances", INSTANCE, {"aws:ResourceTag/CostCenter": "7"}),
            To("ec2:StartInstances", INSTANCE, {"aws:PrincipalTag/CostCenter": "7"}),
        ],
    ),
    "start what one owns": Example(
        [
            statement(
                action=["ec2:StartInstances", "ec2:StopInstances"],
                resource="arn:aws:ec2:*:*:instance/*",
                Condition={"StringEquals": {"aws:ResourceTag/Owner": "${aws:username}"}},
            ),
            statement(action="ec2:DescribeInstances"),
        ],
        [
            To("ec2:StopInstances", INSTANCE, {"aws:ResourceTag/owner": "ann", "aws:username": "ann"}),
            To("ec2:DescribeInstances"),
        ],
        [To("ec2:StopInstances", INSTANCE, {"aws:ResourceTag/Owner": "Ann", "aws:username": "ann"})],
    ),
    "a queue with the name of one's team": Example(
        [
            statement(
                action="sqs:DeleteQueue", resource="arn:aws:sqs:us-east-2::${aws:PrincipalTag/team}-queue"
            )
        ],
        [To("sqs:DeleteQueue", "arn:aws:sqs:us-east-2::red-queue", {"aws:PrincipalTag/team": "red"})],
        [
            To("sqs:DeleteQueue", "arn:aws:sqs:us-east-2::blue-queue", {"aws:PrincipalTag/team": "red"}),
            To("sqs:DeleteQueue", "arn:aws:sqs:us-east-2::blue-queue", {"aws:PrincipalTag/team": "*"}),
            To("sqs:DeleteQueue", "arn:aws:sqs:us-east-2::-queue"),
        ],
    ),
    "one tag of two values and no other": Example(
        [
            statement(
                action="ec2:CreateTags",
                resource="arn:aws:ec2:*:*:instance/*",
                Condition={
                    "StringEquals": {"aws:RequestTag/environment": ["preprod", "production"]},
                    "ForAllValues:StringEquals": {"aws:TagKeys": "environment"},
                },
            )
        ],
        [
            To(
                "ec2:CreateTags",
                INSTANCE,
                {"aws:RequestTag/environment": "preprod", "aws:TagKeys": ("environment",)},
            )
        ],
        [
            To(
                "ec2:CreateTags",
                INSTANCE,
                {"aws:RequestTag/environment": "preprod", "aws:TagKeys": ("environment", "x")},
            ),
            To(
                "ec2:CreateTags",
                INSTANCE,
                {"aws:RequestTag/environment": "dev", "aws:TagKeys": ("environment",)},
            ),
            To("ec2:CreateTags", INSTANCE, {"aws:TagKeys": ("environment",)}),
        ],
    ),
    "new users with two tags, each only if it is there": Example(
        [
            statement(
                action=["iam:CreateUser", "iam:TagUser"],
                Condition={
                    "StringEqualsIfExists": {
                        "aws:RequestTag/Department": ["Development", "Quality"],
                        "aws:RequestTag/JobFunction": "Employee",
                    },
                    "ForAllValues:StringEquals": {"aws:TagKeys": ["Department", "JobFunction"]},
                },
            )
        ],
        [
            To("iam:CreateUser", BOB),
            To(
                "iam:CreateUser",
                BOB,
                {"aws:RequestTag/Department": "Quality", "aws:TagKeys": ("Department",)},
            ),
        ],
        [
            To("iam:CreateUser", BOB, {"aws:RequestTag/Department": "Sales", "aws:TagKeys": ("Department",)}),
            To("iam:CreateUser", BOB, {"aws:TagKeys": ("department",)}),
            To("iam:CreateUser", BOB, {"aws:RequestTag/JobFunction": "", "aws:TagKeys": ("JobFunction",)}),
        ],
    ),
    "tag managers of some departments": Example(
        [
            statement(
                action="iam:TagUser",
                Condition={
                    "StringEquals": {
                        "iam:ResourceTag/JobFunction": "Manager",
                        "aws:RequestTag/Department": ["Marketing", "Development"],
                    },
                    "ForAllValues:StringEquals": {"aws:TagKeys": "Department"},
                },
            )
        ],
        [
            To(
                "iam:TagUser",
                BOB,
                {
                    "iam:ResourceTag/JobFunction": "Manager",
                    "aws:RequestTag/Department": "Marketing",
                    "aws:TagKeys": ("Department",),
                },
            )
        ],
        [
            To(
                "iam:TagUser", BOB, {"iam:ResourceTag/JobFunction": "Manager", "aws:TagKeys": ("Department",)}
            ),
            To(
                "iam:TagUser", BOB, {"aws:RequestTag/Department": "Marketing", "aws:TagKeys": ("Department",)}
            ),
        ],
    ),
    "take off one tag alone": Example(
        [
            statement(
                action="iam:UntagUser",
                Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["temporary"]}},
            )
        ],
        [To("iam:UntagUser", BOB, {"aws:TagKeys": ("temporary",)})],
        [To("iam:UntagUser", BOB, {"aws:TagKeys": ("temporary", "team")})],
    ),
    "assume roles that are tagged": Example(
        [
            statement(
                action="sts:AssumeRole",
                Condition={"StringEquals": {"iam:ResourceTag/Project": "shop"}},
            )
        ],
        [To("sts:AssumeRole", f"{IAM}:role/x", {"iam:ResourceTag/Project": "shop"})],
        [
            To("sts:AssumeRole", f"{IAM}:role/x", {"iam:ResourceTag/Project": "shops"}),
            To("sts:AssumeRole", f"{IAM}:role/x"),
        ],
        trust=[{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    ),
    "the tutorial: secrets of one's project, team and cost center": Example(
        [
            statement(
                action="secretsmanager:*",
                Condition={
                    "StringEquals": the_same("ResourceTag"),
                    "ForAllValues:StringEquals": {"aws:TagKeys": [*NAMES, "Name", "OwnedBy"]},
                    "StringEqualsIfExists": the_same("RequestTag"),
                },
            ),
            statement(action=["secretsmanager:GetRandomPassword", "secretsmanager:ListSecrets"]),
            statement(
                action=["secretsmanager:Describe*", "secretsmanager:Get*"],
                Condition={
                    "StringEquals": {"aws:ResourceTag/access-team": "${aws:PrincipalTag/access-team}"}
                },
            ),
            statement(
                "Deny",
                "secretsmanager:UntagResource",
                Condition={"ForAnyValue:StringLike": {"aws:TagKeys": "access-*"}},
            ),
            statement("Deny", "secretsmanager:*Policy"),
        ],
        [
            To(
                "secretsmanager:UpdateSecret",
                SECRET,
                PEG | tagged("ResourceTag", "peg", "eng", "987"),
                SESSION,
            ),
            To(
                "secretsmanager:GetSecretValue",
                SECRET,
                PEG | tagged("ResourceTag", "uni", "eng", "1"),
                SESSION,
            ),
            To("secretsmanager:ListSecrets", "*", PEG, SESSION),
            To(
                "secretsmanager:TagResource",
                SECRET,
                PEG | tagged("ResourceTag", "peg", "eng", "987") | {"aws:TagKeys": ("Name",)},
                SESSION,
            ),
            To(
                "secretsmanager:UntagResource",
                SECRET,
                PEG | tagged("ResourceTag", "peg", "eng", "987") | {"aws:TagKeys": ("Name",)},
                SESSION,
            ),
        ],
        [
            To(
                "secretsmanager:UpdateSecret",
                SECRET,
                PEG | tagged("ResourceTag", "uni", "eng", "987"),
                SESSION,
            ),
            To(
                "secretsmanager:GetSecretValue",
                SECRET,
                PEG | tagged("ResourceTag", "peg", "qas", "987"),
                SESSION,
            ),
            To("secretsmanager:GetSecretValue", SECRET, PEG, SESSION),
            To(
                "secretsmanager:TagResource",
                SECRET,
                PEG
                | tagged("ResourceTag", "peg", "eng", "987")
                | {"aws:TagKeys": ("access-project",), "aws:RequestTag/access-project": "uni"},
                SESSION,
            ),
            To(
                "secretsmanager:UntagResource",
                SECRET,
                PEG | tagged("ResourceTag", "peg", "eng", "987") | {"aws:TagKeys": ("Name", "access-team")},
                SESSION,
            ),
            To(
                "secretsmanager:PutResourcePolicy",
                SECRET,
                PEG | tagged("ResourceTag", "peg", "eng", "987"),
                SESSION,
            ),
        ],
    ),
}
