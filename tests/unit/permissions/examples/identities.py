"""IAM user guide, "Example IAM identity-based policies": AWS, EC2, IAM, S3, DynamoDB, RDS."""

from tests.unit.permissions.asking import ACCOUNT, statement
from tests.unit.permissions.examples.example import EVERYTHING, IAM, Example, Examples, To

EC2 = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
INSTANCE, VOLUME = f"{EC2}:instance/i-1", f"{EC2}:volume/vol-1"
ME, BOB = f"{IAM}:user/ann", f"{IAM}:user/bob"
ANN = {"aws:username": "ann"}
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/books"
DATABASE = f"arn:aws:rds:us-east-1:{ACCOUNT}:db:shop"
WITH_MFA, WITHOUT_MFA = {"aws:MultiFactorAuthPresent": "true"}, {"aws:MultiFactorAuthPresent": "false"}
OFFICE = ["192.0.2.0/24", "203.0.113.0/24"]

EXAMPLES: Examples = {
    "AWS: within dates, with MFA": Example(
        [
            statement(
                action=["ecs:*", "ecr:BatchGetImage"],
                Condition={
                    "Bool": {"aws:MultiFactorAuthPresent": True},
                    "DateGreaterThan": {"aws:CurrentTime": "2017-07-01T00:00:00Z"},
                    "DateLessThan": {"aws:CurrentTime": "2017-12-31T23:59:59Z"},
                },
            )
        ],
        [To("ecs:RunTask", "*", WITH_MFA | {"aws:CurrentTime": "2017-08-01T00:00:00Z"})],
        [
            To("ecs:RunTask", "*", WITHOUT_MFA | {"aws:CurrentTime": "2017-08-01T00:00:00Z"}),
            To("ecs:RunTask", "*", {"aws:CurrentTime": "2017-08-01T00:00:00Z"}),
            To("ecs:RunTask", "*", WITH_MFA | {"aws:CurrentTime": "2017-07-01T00:00:00Z"}),
            To("ecs:RunTask", "*", WITH_MFA | {"aws:CurrentTime": "2018-01-01T00:00:00Z"}),
            To("ecr:PutImage", "*", WITH_MFA | {"aws:CurrentTime": "2017-08-01T00:00:00Z"}),
        ],
    ),
    "AWS: not from elsewhere, unless a service calls": Example(
        [
            statement(
                "Deny",
                Condition={"NotIpAddress": {"aws:SourceIp": OFFICE}, "Bool": {"aws:ViaAWSService": "false"}},
            )
        ],
        [
            To("ecs:RunTask", "*", {"aws:SourceIp": "192.0.2.255", "aws:ViaAWSService": "false"}),
            To("ecs:RunTask", "*", {"aws:SourceIp": "198.51.100.1", "aws:ViaAWSService": "true"}),
        ],
        [
            To("ecs:RunTask", "*", {"aws:SourceIp": "192.0.3.0", "aws:ViaAWSService": "false"}),
            To("ecs:RunTask", "*", {"aws:ViaAWSService": "false"}),
        ],
        also=EVERYTHING,
    ),
    "AWS: not in other regions, but for global services": Example(
        [
            statement(
                "Deny",
                None,
                NotAction=["cloudfront:*", "iam:*", "route53:*", "support:*"],
                Condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
            )
        ],
        [
            To("ecs:RunTask", "*", {"aws:RequestedRegion": "eu-west-1"}),
            To("iam:CreateRole", "*", {"aws:RequestedRegion": "us-east-1"}),
        ],
        [To("ecs:RunTask", "*", {"aws:RequestedRegion": "us-east-1"})],
        also=EVERYTHING,
    ),
    "AWS: one region for one service": Example(
        [statement(action="ec2:*", Condition={"StringEquals": {"ec2:Region": "us-east-2"}})],
        [To("ec2:RunInstances", INSTANCE, {"ec2:Region": "us-east-2"})],
        [To("ec2:RunInstances", INSTANCE, {"ec2:Region": "us-east-1"}), To("ec2:RunInstances", INSTANCE)],
    ),
    "AWS: not outside the account, but for what a service fetches": Example(
        [
            statement(
                "Deny",
                None,
                NotAction=["s3:GetObject", "s3:PutObject"],
                Condition={"StringNotEquals": {"aws:ResourceAccount": [ACCOUNT]}},
            ),
            statement(
                "Deny",
                ["s3:GetObject", "s3:PutObject"],
                Condition={
                    "StringNotEquals": {"aws:ResourceAccount": [ACCOUNT]},
                    "ForAllValues:StringNotEquals": {"aws:CalledVia": ["dataexchange.amazonaws.com"]},
                },
            ),
        ],
        [
            To("ecs:RunTask", "*", {"aws:ResourceAccount": ACCOUNT}),
            To("s3:GetObject", "arn:aws:s3:::b/k", {"aws:ResourceAccount": ACCOUNT}),
            To(
                "s3:GetObject",
                "arn:aws:s3:::b/k",
                {"aws:ResourceAccount": "999999999999", "aws:CalledVia": ("dataexchange.amazonaws.com",)},
            ),
        ],
        [
            To("ecs:RunTask", "*", {"aws:ResourceAccount": "999999999999"}),
            To("s3:GetObject", "arn:aws:s3:::b/k", {"aws:ResourceAccount": "999999999999"}),
            To(
                "s3:PutObject",
                "arn:aws:s3:::b/k",
                {"aws:ResourceAccount": "999999999999", "aws:CalledVia": ("athena.amazonaws.com",)},
            ),
        ],
        also=EVERYTHING,
    ),
    "DynamoDB: some columns alone": Example(
        [
            statement(
                action=["dynamodb:GetItem", "dynamodb:Query"],
                resource="arn:aws:dynamodb:*:*:table/books",
                Condition={
                    "ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "title", "author"]},
                    "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
                },
            )
        ],
        [
            To("dynamodb:GetItem", TABLE, {"dynamodb:Attributes": ("id", "title")}),
            To(
                "dynamodb:Query",
                TABLE,
                {"dynamodb:Attributes": ("id",), "dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            ),
        ],
        [
            To("dynamodb:GetItem", TABLE, {"dynamodb:Attributes": ("id", "price")}),
            To(
                "dynamodb:Query", TABLE, {"dynamodb:Attributes": ("id",), "dynamodb:Select": "ALL_ATTRIBUTES"}
            ),
            To("dynamodb:PutItem", TABLE, {"dynamodb:Attributes": ("id",)}),
        ],
    ),
    "DynamoDB: rows of one's own": Example(
        [
            statement(
                action="dynamodb:GetItem",
                resource="arn:aws:dynamodb:*:*:table/books",
                Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${id.example.com:sub}"]}},
            )
        ],
        [To("dynamodb:GetItem", TABLE, {"id.example.com:sub": "7", "dynamodb:LeadingKeys": ("7",)})],
        [
            To("dynamodb:GetItem", TABLE, {"id.example.com:sub": "7", "dynamodb:LeadingKeys": ("7", "8")}),
            To("dynamodb:GetItem", TABLE, {"dynamodb:LeadingKeys": ("7",)}),
        ],
    ),
    "EC2: volumes of one's own at instances of one's department": Example(
        [
            statement(
                action=["ec2:AttachVolume", "ec2:DetachVolume"],
                resource="arn:aws:ec2:*:*:instance/*",
                Condition={"StringEquals": {"aws:ResourceTag/Department": "Development"}},
            ),
            statement(
                action=["ec2:AttachVolume", "ec2:DetachVolume"],
                resource="arn:aws:ec2:*:*:volume/*",
                Condition={"StringEquals": {"aws:ResourceTag/VolumeUser": "${aws:username}"}},
            ),
        ],
        [
            To("ec2:AttachVolume", INSTANCE, {"aws:ResourceTag/Department": "Development"}),
            To("ec2:AttachVolume", VOLUME, ANN | {"aws:ResourceTag/VolumeUser": "ann"}),
        ],
        [
            To("ec2:AttachVolume", VOLUME, ANN | {"aws:ResourceTag/VolumeUser": "bob"}),
            To("ec2:AttachVolume", VOLUME, {"aws:ResourceTag/Department": "Development"}),
            To("ec2:AttachVolume", INSTANCE, ANN | {"aws:ResourceTag/VolumeUser": "ann"}),
        ],
    ),
    "EC2: launch in one subnet": Example(
        [
            statement(action=["ec2:Describe*", "ec2:GetConsole*"]),
            statement(
                action="ec2:RunInstances",
                resource=[
                    "arn:aws:ec2:*:*:subnet/subnet-1",
                    "arn:aws:ec2:*:*:network-interface/*",
                    "arn:aws:ec2:*:*:instance/*",
                    "arn:aws:ec2:*::image/ami-*",
                ],
            ),
        ],
        [
            To("ec2:RunInstances", f"{EC2}:subnet/subnet-1"),
            To("ec2:RunInstances", "arn:aws:ec2:us-east-1::image/ami-7"),
            To("ec2:GetConsoleOutput"),
        ],
        [
            To("ec2:RunInstances", f"{EC2}:subnet/subnet-2"),
            To("ec2:RunInstances", f"{EC2}:image/ami-7"),
            To("ec2:RunInstances", f"{EC2}:security-group/sg-1"),
        ],
    ),
    "EC2: stop only with MFA": Example(
        [
            statement(action="ec2:*"),
            statement(
                "Deny",
                ["ec2:StopInstances", "ec2:TerminateInstances"],
                Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": False}},
            ),
        ],
        [To("ec2:StopInstances", INSTANCE, WITH_MFA), To("ec2:StartInstances", INSTANCE)],
        [To("ec2:StopInstances", INSTANCE, WITHOUT_MFA), To("ec2:StopInstances", INSTANCE)],
    ),
    "EC2: volumes by one instance alone": Example(
        [
            statement(
                action="ec2:AttachVolume",
                resource=["arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:*:*:instance/*"],
                Condition={"ArnEquals": {"ec2:SourceInstanceARN": "arn:aws:ec2:*:*:instance/i-1"}},
            )
        ],
        [To("ec2:AttachVolume", VOLUME, {"ec2:SourceInstanceARN": INSTANCE})],
        [
            To("ec2:AttachVolume", VOLUME, {"ec2:SourceInstanceARN": f"{EC2}:instance/i-12"}),
            To("ec2:AttachVolume", VOLUME),
        ],
    ),
    "EC2: terminate only from the office": Example(
        [
            statement(action="ec2:TerminateInstances"),
            statement("Deny", "ec2:TerminateInstances", Condition={"NotIpAddress": {"aws:SourceIp": OFFICE}}),
        ],
        [To("ec2:TerminateInstances", INSTANCE, {"aws:SourceIp": "203.0.113.1"})],
        [To("ec2:TerminateInstances", INSTANCE, {"aws:SourceIp": "203.0.114.1"})],
    ),
    "IAM: one's own keys and password, all else with MFA": Example(
        [
            statement(
                action=["iam:ChangePassword", "iam:GetUser"], resource="arn:aws:iam::*:user/${aws:username}"
            ),
            statement(action="iam:*AccessKey*", resource="arn:aws:iam::*:user/${aws:username}"),
            statement("Deny", None, NotAction=["iam:GetUser"], Condition={"BoolIfExists": WITHOUT_MFA}),
        ],
        [
            To("iam:CreateAccessKey", ME, ANN | WITH_MFA),
            To("iam:UpdateAccessKey", ME, ANN | WITH_MFA),
            To("iam:GetUser", ME, ANN | WITHOUT_MFA),
        ],
        [
            To("iam:CreateAccessKey", ME, ANN | WITHOUT_MFA),
            To("iam:CreateAccessKey", ME, ANN),
            To("iam:CreateAccessKey", BOB, ANN | WITH_MFA),
            To("iam:CreateAccessKey", ME, WITH_MFA),
            To("iam:DeleteUser", ME, ANN | WITH_MFA),
        ],
    ),
    "IAM: two policies to attach": Example(
        [
            statement(
                action=["iam:AttachUserPolicy", "iam:DetachUserPolicy"],
                Condition={
                    "ArnEquals": {"iam:PolicyARN": ["arn:aws:iam::*:policy/one", "arn:aws:iam::*:policy/two"]}
                },
            )
        ],
        [To("iam:AttachUserPolicy", BOB, {"iam:PolicyARN": f"{IAM}:policy/two"})],
        [
            To("iam:AttachUserPolicy", BOB, {"iam:PolicyARN": f"{IAM}:policy/three"}),
            To("iam:AttachUserPolicy", BOB, {"iam:PolicyARN": "arn:aws:iam::aws:policy/path/two"}),
            To("iam:AttachUserPolicy", BOB),
        ],
    ),
    "IAM: a group that three people manage": Example(
        [
            statement(action="iam:*Group*", resource="arn:aws:iam::*:group/all"),
            statement(
                "Deny",
                ["iam:AddUserToGroup", "iam:DeleteGroup"],
                "arn:aws:iam::*:group/all",
                Condition={"StringNotEquals": {"aws:username": ["ann", "cid", "eve"]}},
            ),
        ],
        [
            To("iam:AddUserToGroup", f"{IAM}:group/all", ANN),
            To("iam:GetGroup", f"{IAM}:group/all", {"aws:username": "bob"}),
        ],
        [
            To("iam:AddUserToGroup", f"{IAM}:group/all", {"aws:username": "bob"}),
            To("iam:AddUserToGroup", f"{IAM}:group/all"),
            To("iam:AddUserToGroup", f"{IAM}:group/admins", ANN),
        ],
    ),
    "IAM: pass roles to one service": Example(
        [
            statement(
                action="iam:PassRole",
                Condition={"StringEquals": {"iam:PassedToService": "cloudwatch.amazonaws.com"}},
            )
        ],
        [To("iam:PassRole", f"{IAM}:role/x", {"iam:PassedToService": "cloudwatch.amazonaws.com"})],
        [
            To("iam:PassRole", f"{IAM}:role/x", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
            To("iam:PassRole", f"{IAM}:role/x"),
        ],
    ),
    "IAM: simulate below one path": Example(
        [
            statement(
                action="iam:SimulatePrincipalPolicy", resource="arn:aws:iam::*:user/Department/Development/*"
            )
        ],
        [To("iam:SimulatePrincipalPolicy", f"{IAM}:user/Department/Development/team/bob")],
        [
            To("iam:SimulatePrincipalPolicy", f"{IAM}:user/Department/bob"),
            To("iam:SimulatePrincipalPolicy", f"{IAM}:role/Department/Development/bob"),
        ],
    ),
    "IAM: read all but reports": Example(
        [statement(action=["iam:Get*", "iam:List*"]), statement("Deny", "iam:*Report")],
        [To("iam:GetRole", f"{IAM}:role/x"), To("iam:ListUsers")],
        [To("iam:GetCredentialReport"), To("iam:CreateRole"), To("iam:GenerateCredentialReport")],
    ),
    "RDS: what one owns, in any case": Example(
        [
            statement(action=["rds:Describe*", "rds:List*"]),
            statement(
                action=["rds:DeleteDBInstance", "rds:RebootDBInstance"],
                Condition={"StringEqualsIgnoreCase": {"rds:db-tag/Owner": "${aws:username}"}},
            ),
        ],
        [
            To("rds:RebootDBInstance", DATABASE, ANN | {"rds:db-tag/Owner": "Ann"}),
            To("rds:DescribeDBInstances"),
        ],
        [
            To("rds:RebootDBInstance", DATABASE, ANN | {"rds:db-tag/Owner": "anna"}),
            To("rds:RebootDBInstance", DATABASE, ANN),
        ],
    ),
    "RDS: one region": Example(
        [statement(action="rds:*", resource="arn:aws:rds:us-east-1:*:*")],
        [To("rds:DeleteDBInstance", DATABASE)],
        [To("rds:DeleteDBInstance", f"arn:aws:rds:us-east-2:{ACCOUNT}:db:shop"), To("rds:DescribeEvents")],
    ),
}
