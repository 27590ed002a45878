"""Several policies together, and denials: IAM user guide, "Permissions boundaries for IAM entities" (María,
Zhang and Nikhil), "Policy evaluation logic", "Permissions for AssumeRole", "Permissions for
GetFederationToken", "Revoking IAM role temporary security credentials".
"""

from tests.unit.permissions.asking import ACCOUNT, FEDERATED, ROLE_ARN, SESSION, USER, statement
from tests.unit.permissions.examples.example import EVERYTHING, IAM, Example, Examples, To, at

EC2 = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
COMPANY = f"{IAM}:policy/XCompanyBoundaries"
NEW, MARIA = f"{IAM}:user/nikhil", f"{IAM}:user/maria"
BOUND = {"iam:PermissionsBoundary": COMPANY}
PRODUCTION = "arn:aws:s3:::productionapp"
OBJECT = f"{PRODUCTION}/a"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:s-a1b2c3"
OWN = {"aws:username": "ann"}

EXAMPLES: Examples = {
    "boundaries: a boundary grants nothing, a policy no more than it": Example(
        [statement(action="iam:CreateUser")],
        [To("s3:GetObject", OBJECT)],
        [To("iam:CreateUser", NEW), To("ec2:RunInstances", f"{EC2}:instance/i-1")],
        also=[statement(action="s3:GetObject")],
        boundary=[statement(action=["s3:*", "cloudwatch:*", "ec2:*"])],
    ),
    "boundaries: the company's, on a new user": Example(
        EVERYTHING,
        [
            To("s3:GetObject", "arn:aws:s3:::photos/a", OWN),
            To("iam:ListUsers", "*", OWN),
            To("iam:CreateAccessKey", USER.arn, OWN),
            To("ec2:StopInstances", f"{EC2}:instance/i-2", OWN),
            To(
                "secretsmanager:GetSecretValue", SECRET, OWN
            ),  # by the resource's policy: boundaries do not bind
        ],
        [
            To("s3:GetObject", "arn:aws:s3:::logs/a", OWN),
            To("iam:CreateAccessKey", MARIA, OWN),
            To("iam:CreateUser", NEW, OWN),
            To("ec2:StopInstances", f"{EC2}:instance/i-1234567890abcdef0", OWN),
            To("ecs:RunTask", "*", OWN),
        ],
        boundary=[
            statement(action=["s3:*", "cloudwatch:*", "ec2:*", "dynamodb:*"]),
            statement(action=["iam:ListUsers", "iam:GetAccountPasswordPolicy"]),
            statement(
                action=["iam:*AccessKey*", "iam:ChangePassword"],
                resource=["arn:aws:iam::*:user/${aws:username}"],
            ),
            statement("Deny", "s3:*", ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]),
            statement("Deny", "ec2:*", "arn:aws:ec2:*:*:instance/i-1234567890abcdef0"),
        ],
        resource=[
            at("Allow", {"AWS": USER.arn}, ["secretsmanager:GetSecretValue"], SECRET),
            at("Allow", {"AWS": USER.arn}, ["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::logs/*"),
        ],
    ),
    "boundaries: users delegated to somebody": Example(
        [
            statement(action="iam:*"),
            statement(action=["cloudwatch:GetDashboard", "cloudwatch:ListMetrics"]),
            statement(action="s3:ListBucket", resource="arn:aws:s3:::zhang"),
        ],
        [
            To("iam:CreateUser", NEW, BOUND),
            To("iam:AttachUserPolicy", NEW, BOUND),
            To("iam:CreateAccessKey", NEW),
            To("iam:DeletePolicy", f"{IAM}:policy/other"),
            To("cloudwatch:ListMetrics"),
        ],
        [
            To("iam:CreateUser", NEW),
            To("iam:CreateUser", NEW, {"iam:PermissionsBoundary": f"{IAM}:policy/mine"}),
            To("iam:CreateAccessKey", MARIA),
            To("iam:DeletePolicy", COMPANY),
            To("iam:DeleteUserPermissionsBoundary", NEW, BOUND),
            To("cloudwatch:PutMetricData"),
            To("s3:ListBucket", "arn:aws:s3:::zhang"),
        ],
        boundary=[
            statement(
                action=["iam:AttachUserPolicy", "iam:CreateUser", "iam:PutUserPermissionsBoundary"],
                Condition={"StringEquals": BOUND},
            ),
            statement(
                action=[
                    "cloudwatch:*",
                    "iam:CreateAccessKey",
                    "iam:DeletePolicy",
                    "iam:SetDefaultPolicyVersion",
                ],
                resource=None,
                NotResource=MARIA,
            ),
            statement("Deny", ["iam:DeletePolicy", "iam:SetDefaultPolicyVersion"], [COMPANY]),
            statement("Deny", "iam:DeleteUserPermissionsBoundary"),
        ],
    ),
    "evaluation: either policy allows, either denies": Example(
        [
            statement(action=["s3:GetBucketLocation", "s3:ListAllMyBuckets"], resource="arn:aws:s3:::*"),
            statement("Deny", "s3:*", "arn:aws:s3:::*log*"),
        ],
        [
            To("s3:PutObject", "arn:aws:s3:::carlos/a"),
            To("s3:GetBucketLocation", "arn:aws:s3:::other"),
        ],
        [
            To("s3:PutObject", "arn:aws:s3:::carlos-logs/a"),
            To("s3:PutObject", "arn:aws:s3:::carlos/log/a"),
            To("s3:PutObject", "arn:aws:s3:::other/a"),
        ],
        resource=[
            at("Allow", {"AWS": USER.arn}, "s3:*", ["arn:aws:s3:::carlos/*", "arn:aws:s3:::carlos-logs/*"])
        ],
    ),
    "sessions: what both policies allow": Example(
        [
            statement(action="s3:ListBucket", resource=PRODUCTION),
            statement(action=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resource=f"{PRODUCTION}/*"),
        ],
        [To("s3:ListBucket", PRODUCTION, {}, SESSION), To("s3:PutObject", OBJECT, {}, SESSION)],
        [
            To("s3:DeleteObject", OBJECT, {}, SESSION),
            To("s3:GetObjectAcl", OBJECT, {}, SESSION),
        ],
        session=[
            statement(action="s3:ListBucket", resource=PRODUCTION),
            statement(action=["s3:GetObject", "s3:PutObject", "s3:GetObjectAcl"], resource=f"{PRODUCTION}/*"),
        ],
    ),
    "sessions: the bucket denies": Example(
        [statement(action="s3:*", resource=f"{PRODUCTION}/*")],
        [To("s3:PutObject", OBJECT, {}, SESSION)],
        [To("s3:DeleteObject", OBJECT, {}, SESSION), To("s3:DeleteObject", OBJECT)],
        resource=[at("Deny", {"AWS": "*"}, "s3:DeleteObject", f"{PRODUCTION}/*")],
    ),
    "sessions: a role that a bucket names is bound, a session is not": Example(
        [],
        [To("s3:GetObject", OBJECT, {}, SESSION), To("s3:PutObject", OBJECT, {}, SESSION)],
        [To("s3:DeleteObject", OBJECT, {}, SESSION)],
        session=[statement(action="s3:GetObject")],
        resource=[
            at("Allow", {"AWS": ROLE_ARN}, ["s3:GetObject", "s3:DeleteObject"], f"{PRODUCTION}/*"),
            at("Allow", {"AWS": SESSION.arn}, "s3:PutObject", f"{PRODUCTION}/*"),
        ],
    ),
    "federation: both policies, or the bucket's own": Example(
        [
            statement(action=["sts:GetFederationToken", "dynamodb:ListTables", "sqs:ReceiveMessage"]),
            statement(action="s3:ListBucket"),
        ],
        [To("s3:ListBucket", PRODUCTION, {}, FEDERATED), To("s3:PutObject", OBJECT, {}, FEDERATED)],
        [To("sqs:ReceiveMessage", "*", {}, FEDERATED), To("s3:GetObjectAcl", OBJECT, {}, FEDERATED)],
        session=[
            statement(action="s3:ListBucket", resource=[PRODUCTION]),
            statement(action="s3:*", resource=[f"{PRODUCTION}/*"]),
        ],
        resource=[at("Allow", {"AWS": FEDERATED.arn}, ["s3:GetObject", "s3:PutObject"], [f"{PRODUCTION}/*"])],
    ),
    "sessions from before a moment are revoked": Example(
        [
            statement(
                "Deny",
                ["*"],
                ["*"],
                Condition={"DateLessThan": {"aws:TokenIssueTime": "2030-01-01T00:00:00.000Z"}},
            )
        ],
        [
            To("ecs:RunTask", "*", {"aws:TokenIssueTime": "2030-01-01T00:00:00+00:00"}, SESSION),
            To("ecs:RunTask", "*", {"aws:TokenIssueTime": "2030-01-01T00:00:01Z"}, SESSION),
            To("ecs:RunTask"),
        ],
        [
            To("ecs:RunTask", "*", {"aws:TokenIssueTime": "2029-12-31T23:59:59.999Z"}, SESSION),
            To("ecs:RunTask", "*", {"aws:TokenIssueTime": "2030-01-01T00:30:00+01:00"}, SESSION),
        ],
        also=EVERYTHING,
    ),
    "all but payroll is denied": Example(
        [
            {
                "Effect": "Deny",
                "Action": "s3:*",
                "NotResource": ["arn:aws:s3:::hr/Payroll", "arn:aws:s3:::hr/Payroll/*"],
            }
        ],
        [To("s3:GetObject", "arn:aws:s3:::hr/Payroll/may"), To("ecs:ListClusters")],
        [To("s3:GetObject", "arn:aws:s3:::hr/Other"), To("s3:GetObject", "arn:aws:s3:::hr/Payroll2")],
        also=EVERYTHING,
    ),
}
