"""Repositories, secrets and logs: ECR user guide ("Repository policy examples", "Identity-based policy
examples"), Secrets Manager user guide ("Permissions policy examples"), CloudWatch Logs user guide ("Using
identity-based policies").
"""

from bastide.permissions import Principal, PrincipalKind
from tests.unit.permissions.asking import ACCOUNT, ROLE_ARN, SESSION, USER, statement
from tests.unit.permissions.examples.example import EVERYTHING, IAM, Example, Examples, To, at

BOB = Principal(kind=PrincipalKind.USER, arn=f"{IAM}:user/bob", account=ACCOUNT)
BUILDS = Principal(kind=PrincipalKind.SERVICE, arn="codebuild.amazonaws.com", account=ACCOUNT)
REPOSITORY, OTHER = (
    f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}" for name in ("my-repo", "your-repo")
)
SECRET, SECRETS = (
    f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-a1b2c3",
    "secretsmanager:GetSecretValue",
)
GROUP = f"arn:aws:logs:us-west-2:{ACCOUNT}:log-group:sample"
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PROJECT = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/build"

EXAMPLES: Examples = {
    "ECR: who pushes and pulls": Example(
        [],
        [To("ecr:PutImage", REPOSITORY), To("ecr:BatchGetImage", REPOSITORY)],
        [To("ecr:PutImage", REPOSITORY, {}, BOB), To("ecr:DeleteRepository", REPOSITORY)],
        resource=[
            at("Allow", {"AWS": [USER.arn, f"{IAM}:user/eve"]}, [*PULL, "ecr:PutImage"], Sid="AllowPushPull")
        ],
    ),
    "ECR: one pulls, one does everything": Example(
        [],
        [To("ecr:BatchGetImage", REPOSITORY), To("ecr:DeleteRepository", REPOSITORY, {}, BOB)],
        [To("ecr:DeleteRepository", REPOSITORY), To("ecr:BatchGetImage", REPOSITORY, {}, SESSION)],
        resource=[at("Allow", {"AWS": USER.arn}, PULL), at("Allow", {"AWS": BOB.arn}, ["ecr:*"])],
    ),
    "ECR: an account hands on to its own policies": Example(
        [statement(action="ecr:PutImage", resource=REPOSITORY)],
        [To("ecr:PutImage", REPOSITORY)],
        [To("ecr:InitiateLayerUpload", REPOSITORY), To("ecr:BatchGetImage", REPOSITORY)],
        resource=[at("Allow", {"AWS": f"{IAM}:root"}, ["ecr:PutImage", "ecr:InitiateLayerUpload"])],
    ),
    "ECR: nobody pulls": Example(
        [],
        [To("ecr:PutImage", REPOSITORY)],
        [To("ecr:BatchGetImage", REPOSITORY), To("ecr:BatchGetImage", REPOSITORY, {}, SESSION)],
        also=EVERYTHING,
        resource=[at("Deny", "*", PULL, Sid="DenyPull")],
    ),
    "ECR: from one network": Example(
        [],
        [To("ecr:BatchGetImage", REPOSITORY, {"aws:SourceIp": "54.240.143.9"})],
        [
            To("ecr:BatchGetImage", REPOSITORY, {"aws:SourceIp": "54.240.144.9"}),
            To("ecr:BatchGetImage", REPOSITORY),
        ],
        also=EVERYTHING,
        resource=[at("Deny", "*", "ecr:*", Condition={"NotIpAddress": {"aws:SourceIp": "54.240.143.0/24"}})],
    ),
    "ECR: builds of one project of one account": Example(
        [],
        [
            To(
                "ecr:BatchGetImage",
                REPOSITORY,
                {"aws:SourceArn": PROJECT, "aws:SourceAccount": ACCOUNT},
                BUILDS,
            ),
        ],
        [
            To("ecr:BatchGetImage", REPOSITORY, {"aws:SourceArn": PROJECT}, BUILDS),
            To(
                "ecr:BatchGetImage",
                REPOSITORY,
                {"aws:SourceArn": f"{PROJECT}2", "aws:SourceAccount": ACCOUNT},
                BUILDS,
            ),
            To("ecr:BatchGetImage", REPOSITORY, {"aws:SourceArn": PROJECT, "aws:SourceAccount": ACCOUNT}),
            To("ecr:PutImage", REPOSITORY, {"aws:SourceArn": PROJECT, "aws:SourceAccount": ACCOUNT}, BUILDS),
        ],
        resource=[
            at(
                "Allow",
                {"Service": "codebuild.amazonaws.com"},
                PULL,
                Condition={
                    "ArnLike": {"aws:SourceArn": PROJECT},
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                },
            )
        ],
    ),
    "ECR: a Sid of more than one word, and the repository named": Example(
        [],
        [To("ecr:DescribeImages", REPOSITORY)],
        [To("ecr:DescribeImages", OTHER), To("ecr:ListImages", REPOSITORY)],
        resource=[
            at("Allow", {"AWS": USER.arn}, "ecr:DescribeImages", [REPOSITORY], Sid="ECR Repository Policy")
        ],
    ),
    "ECR: one repository of one's own": Example(
        [
            statement(action="ecr:GetAuthorizationToken"),
            statement(action=["ecr:ListImages", *PULL, "ecr:PutImage"], resource=REPOSITORY),
        ],
        [To("ecr:GetAuthorizationToken"), To("ecr:PutImage", REPOSITORY)],
        [
            To("ecr:PutImage", OTHER),
            To("ecr:PutImage", f"{REPOSITORY}/sub"),
            To("ecr:DeleteRepository", REPOSITORY),
        ],
    ),
    "secrets: one role reads": Example(
        [],
        [To(SECRETS, SECRET, {}, SESSION)],
        [To(SECRETS, SECRET), To("secretsmanager:DescribeSecret", SECRET, {}, SESSION)],
        resource=[at("Allow", {"AWS": ROLE_ARN}, SECRETS, "*")],
    ),
    "secrets: of one environment, and by name with any ending": Example(
        [
            statement(
                action=SECRETS, resource=f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:TestEnv/*"
            ),
            statement(
                action="secretsmanager:*",
                resource=[f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:another-??????"],
            ),
        ],
        [
            To(SECRETS, f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:TestEnv/db-a1b2c3"),
            To(
                "secretsmanager:PutSecretValue",
                f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:another-a1b2c3",
            ),
        ],
        [
            To(SECRETS, f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ProdEnv/db-a1b2c3"),
            To(SECRETS, f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:another-a1b2c"),
            To(SECRETS, f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:another-a1b2c34"),
            To(
                "secretsmanager:PutSecretValue",
                f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:TestEnv/db-a1b2c3",
            ),
        ],
    ),
    "secrets: by one endpoint, and two networks": Example(
        [],
        [
            To(SECRETS, SECRET, {"aws:SourceVpce": "vpce-1", "aws:SourceVpc": "vpc-2"}),
            To(
                "secretsmanager:PutSecretValue",
                SECRET,
                {"aws:SourceVpce": "vpce-1", "aws:SourceVpc": "vpc-1"},
            ),
        ],
        [
            To(SECRETS, SECRET, {"aws:SourceVpce": "vpce-2", "aws:SourceVpc": "vpc-2"}),
            To(SECRETS, SECRET, {"aws:SourceVpce": "vpce-1", "aws:SourceVpc": "vpc-1"}),
            To("secretsmanager:PutSecretValue", SECRET, {"aws:SourceVpc": "vpc-2"}),
            To(SECRETS, SECRET),
        ],
        also=EVERYTHING,
        resource=[
            at("Deny", "*", SECRETS, "*", Condition={"StringNotEquals": {"aws:sourceVpce": "vpce-1"}}),
            at(
                "Deny",
                "*",
                ["secretsmanager:Create*", "secretsmanager:Put*"],
                "*",
                Condition={"StringNotEquals": {"aws:sourceVpc": "vpc-1"}},
            ),
            at("Deny", "*", [SECRETS], "*", Condition={"StringNotEquals": {"aws:sourceVpc": "vpc-2"}}),
        ],
    ),
    "secrets: describe what is tagged": Example(
        [
            statement(
                action="secretsmanager:DescribeSecret",
                Condition={"StringEquals": {"secretsmanager:ResourceTag/ServerName": "ServerABC"}},
            )
        ],
        [To("secretsmanager:DescribeSecret", SECRET, {"secretsmanager:ResourceTag/ServerName": "ServerABC"})],
        [
            To(
                "secretsmanager:DescribeSecret", SECRET, {"secretsmanager:ResourceTag/ServerName": "ServerAB"}
            ),
            To("secretsmanager:DescribeSecret", SECRET),
        ],
    ),
    "secrets: of the same project, spaces in the variable": Example(
        [statement(action=SECRETS)],
        [To(SECRETS, SECRET, {"aws:ResourceTag/AccessProject": "a", "aws:PrincipalTag/AccessProject": "a"})],
        [
            To(
                SECRETS, SECRET, {"aws:ResourceTag/AccessProject": "a", "aws:PrincipalTag/AccessProject": "b"}
            ),
            To(SECRETS, SECRET, {"aws:ResourceTag/AccessProject": "a"}),
        ],
        resource=[
            at(
                "Deny",
                {"AWS": ACCOUNT},
                SECRETS,
                "*",
                Condition={
                    "StringNotEquals": {
                        "aws:ResourceTag/AccessProject": "${ aws:PrincipalTag/AccessProject }"
                    }
                },
            )
        ],
    ),
    "logs: write in one region": Example(
        [
            statement(
                action=["logs:PutLogEvents", "logs:CreateLogGroup", "logs:CreateLogStream"],
                resource="arn:aws:logs:us-west-2:*:*",
            )
        ],
        [To("logs:PutLogEvents", f"{GROUP}:log-stream:s"), To("logs:CreateLogGroup", GROUP)],
        [
            To("logs:CreateLogGroup", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:sample"),
            To("logs:DeleteLogGroup", GROUP),
        ],
    ),
    "logs: read everything": Example(
        [
            statement(
                action=[
                    "logs:Describe*",
                    "logs:Get*",
                    "logs:List*",
                    "logs:StartQuery",
                    "logs:FilterLogEvents",
                ]
            )
        ],
        [To("logs:GetLogEvents", f"{GROUP}:log-stream:s"), To("logs:FilterLogEvents", GROUP)],
        [To("logs:PutLogEvents", f"{GROUP}:log-stream:s"), To("logs:StartLiveTail", GROUP)],
    ),
    "logs: one group": Example(
        [
            statement(
                action=[
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                    "logs:GetLogEvents",
                ],
                resource=f"{GROUP}:*",
            )
        ],
        [
            To("logs:GetLogEvents", f"{GROUP}:log-stream:s"),
            To("logs:DescribeLogStreams", f"{GROUP}:log-stream:"),
        ],
        [
            To("logs:GetLogEvents", f"arn:aws:logs:us-west-2:{ACCOUNT}:log-group:sample2:log-stream:s"),
            To("logs:FilterLogEvents", f"{GROUP}:log-stream:"),
        ],
    ),
    "logs: of one team": Example(
        [statement(action="logs:*", Condition={"StringLike": {"aws:ResourceTag/Team": "Green"}})],
        [To("logs:GetLogEvents", GROUP, {"aws:ResourceTag/Team": "Green"})],
        [
            To("logs:GetLogEvents", GROUP, {"aws:ResourceTag/Team": "Greenish"}),
            To("logs:GetLogEvents", GROUP),
        ],
    ),
}
