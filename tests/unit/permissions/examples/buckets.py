"""S3: S3 user guide ("Bucket policy examples", "Condition key examples"), IAM user guide ("Example … S3")."""

from bastide.permissions import Principal, PrincipalKind
from tests.unit.permissions.asking import ACCOUNT, ROLE_ARN, SESSION, USER, statement
from tests.unit.permissions.examples.example import EVERYTHING, IAM, Example, Examples, To, at

BUCKET = "arn:aws:s3:::bucket"
OBJECTS, BOTH = f"{BUCKET}/*", [BUCKET, f"{BUCKET}/*"]
ONE = f"{BUCKET}/one"
TAXES = f"{BUCKET}/taxes/2030"
BOB = Principal(kind=PrincipalKind.USER, arn=f"{IAM}:user/bob", account=ACCOUNT)
LOGGING = Principal(kind=PrincipalKind.SERVICE, arn="logging.s3.amazonaws.com", account=ACCOUNT)
ANN = {"aws:username": "ann"}
KEY = f"arn:aws:kms:us-east-2:{ACCOUNT}:key/k"

EXAMPLES: Examples = {
    "only sealed, by a key of ours": Example(
        [],
        [To("s3:PutObject", ONE, {"s3:x-amz-server-side-encryption-aws-kms-key-id": KEY})],
        [
            To("s3:PutObject", ONE),
            To("s3:PutObject", ONE, {"s3:x-amz-server-side-encryption-aws-kms-key-id": f"{KEY}2"}),
        ],
        also=EVERYTHING,
        resource=[
            at(
                "Deny",
                "*",
                "s3:PutObject",
                OBJECTS,
                Condition={"Null": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "true"}},
            ),
            at(
                "Deny",
                "*",
                "s3:PutObject",
                OBJECTS,
                Condition={"ArnNotEqualsIfExists": {"s3:x-amz-server-side-encryption-aws-kms-key-id": KEY}},
            ),
        ],
    ),
    "uploads that everybody may read": Example(
        [statement(action="s3:PutObject")],
        [To("s3:PutObject", ONE, {"s3:x-amz-acl": "public-read"})],
        [To("s3:PutObject", ONE, {"s3:x-amz-acl": "private"}), To("s3:PutObject", ONE)],
        resource=[
            at("Allow", {"AWS": [f"{IAM}:root", "arn:aws:iam::444455556666:root"]}, "s3:PutObject", OBJECTS),
            at(
                "Deny",
                {"AWS": ACCOUNT},
                "s3:PutObject",
                OBJECTS,
                Condition={"StringNotEquals": {"s3:x-amz-acl": ["public-read"]}},
            ),
        ],
    ),
    "a role reads what is tagged": Example(
        [],
        [To("s3:GetObject", ONE, {"s3:ExistingObjectTag/environment": "production"}, SESSION)],
        [
            To("s3:GetObject", ONE, {"s3:ExistingObjectTag/environment": "test"}, SESSION),
            To("s3:GetObject", ONE, {}, SESSION),
            To("s3:GetObject", ONE, {"s3:ExistingObjectTag/environment": "production"}),
        ],
        resource=[
            at(
                "Allow",
                {"AWS": ROLE_ARN},
                ["s3:GetObject", "s3:GetObjectVersion"],
                OBJECTS,
                Condition={"StringEquals": {"s3:ExistingObjectTag/environment": "production"}},
            )
        ],
    ),
    "a role puts on one of two tags": Example(
        [],
        [To("s3:PutObjectTagging", ONE, {"s3:RequestObjectTagKeys": ("x", "Owner")}, SESSION)],
        [
            To("s3:PutObjectTagging", ONE, {"s3:RequestObjectTagKeys": ("x",)}, SESSION),
            To("s3:PutObjectTagging", ONE, {}, SESSION),
        ],
        resource=[
            at(
                "Allow",
                {"AWS": [ROLE_ARN]},
                ["s3:PutObjectTagging"],
                [OBJECTS],
                Condition={
                    "ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": ["Owner", "CreationDate"]}
                },
            )
        ],
    ),
    "access logs, and nothing but them": Example(
        [],
        [
            To(
                "s3:PutObject",
                ONE,
                {
                    "aws:SourceAccount": ACCOUNT,
                    "aws:SourceArn": "arn:aws:s3:::source",
                    "aws:PrincipalServiceNamesList": ("logging.s3.amazonaws.com", "x.amazonaws.com"),
                },
                LOGGING,
            )
        ],
        [
            To("s3:PutObject", ONE),
            To("s3:PutObject", ONE, {"aws:PrincipalServiceNamesList": ("x.amazonaws.com",)}),
            To(
                "s3:PutObject",
                ONE,
                {
                    "aws:SourceAccount": ACCOUNT,
                    "aws:SourceArn": "arn:aws:s3:::other",
                    "aws:PrincipalServiceNamesList": ("logging.s3.amazonaws.com",),
                },
                LOGGING,
            ),
        ],
        resource=[
            at(
                "Allow",
                {"Service": "logging.s3.amazonaws.com"},
                "s3:PutObject",
                OBJECTS,
                Condition={
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                    "ArnLike": {"aws:SourceArn": "arn:aws:s3:::source"},
                },
            ),
            at("Allow", {"AWS": USER.arn}, "s3:PutObject", OBJECTS),
            at(
                "Deny",
                "*",
                "s3:PutObject",
                OBJECTS,
                Condition={
                    "ForAllValues:StringNotEquals": {
                        "aws:PrincipalServiceNamesList": "logging.s3.amazonaws.com"
                    }
                },
            ),
        ],
    ),
    "an organisation reads": Example(
        [],
        [To("s3:GetObject", ONE, {"aws:PrincipalOrgID": "o-1"})],
        [To("s3:GetObject", ONE, {"aws:PrincipalOrgID": "o-2"}), To("s3:GetObject", ONE)],
        resource=[
            at(
                "Allow",
                {"AWS": "*"},
                "s3:GetObject",
                OBJECTS,
                Condition={"StringEquals": {"aws:PrincipalOrgID": ["o-1"]}},
            )
        ],
    ),
    "addresses of both kinds, but for some": Example(
        [],
        [
            To("s3:GetObject", ONE, {"aws:SourceIp": "192.0.2.7"}),
            To("s3:ListBucket", BUCKET, {"aws:SourceIp": "2001:db8:1234:5678::1"}),
        ],
        [
            To("s3:GetObject", ONE, {"aws:SourceIp": "192.0.2.128"}),
            To("s3:GetObject", ONE, {"aws:SourceIp": "198.51.100.1"}),
            To("s3:GetObject", ONE, {"aws:SourceIp": "2001:db8:1234:5678:abcd::1"}),
            To("s3:GetObject", ONE, {"aws:SourceIp": "2001:db8:1234:5679::1"}),
            To("s3:GetObject", ONE),
        ],
        resource=[
            at(
                "Allow",
                "*",
                "s3:*",
                BOTH,
                Condition={
                    "IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:DB8:1234:5678::/64"]},
                    "NotIpAddress": {"aws:SourceIp": ["192.0.2.128/30", "2001:DB8:1234:5678:ABCD::/80"]},
                },
            )
        ],
    ),
    "over TLS alone, of a version": Example(
        [],
        [To("s3:PutObject", ONE, {"aws:SecureTransport": "true", "s3:TlsVersion": "1.2"})],
        [
            To("s3:PutObject", ONE, {"aws:SecureTransport": "false", "s3:TlsVersion": "1.2"}),
            To("s3:PutObject", ONE, {"aws:SecureTransport": "true", "s3:TlsVersion": "1.1"}),
        ],
        also=EVERYTHING,
        resource=[
            at("Deny", "*", "s3:*", BOTH, Condition={"Bool": {"aws:SecureTransport": "false"}}),
            at("Deny", "*", "s3:PutObject", BOTH, Condition={"NumericLessThan": {"s3:TlsVersion": 1.2}}),
        ],
    ),
    "pages that link here": Example(
        [],
        [To("s3:GetObject", ONE, {"aws:Referer": "http://www.example.com/a"})],
        [To("s3:GetObject", ONE, {"aws:Referer": "http://www.example.org/a"}), To("s3:GetObject", ONE)],
        resource=[
            at(
                "Allow",
                "*",
                ["s3:GetObject", "s3:GetObjectVersion"],
                OBJECTS,
                Sid="Allow only GET requests from www.example.com and example.com.",
                Condition={
                    "StringLike": {"aws:Referer": ["http://www.example.com/*", "http://example.com/*"]}
                },
            )
        ],
    ),
    "a folder of one's own": Example(
        [],
        [
            To("s3:ListBucket", BUCKET, {"s3:prefix": "", "s3:delimiter": "/"}),
            To("s3:ListBucket", BUCKET, {"s3:prefix": "home/ann/deep"}),
            To("s3:DeleteObject", f"{BUCKET}/home/ann/x"),
        ],
        [
            To("s3:ListBucket", BUCKET, {"s3:prefix": ""}),
            To("s3:ListBucket", BUCKET, {"s3:prefix": "home/bob/", "s3:delimiter": "/"}),
            To("s3:DeleteObject", f"{BUCKET}/home/bob/x"),
            To("s3:DeleteObject", f"{BUCKET}/home/ann/x", {}, BOB),
        ],
        resource=[
            at(
                "Allow",
                {"AWS": [USER.arn]},
                ["s3:ListBucket"],
                [BUCKET],
                Condition={"StringEquals": {"s3:prefix": ["", "home/", "home/ann"], "s3:delimiter": ["/"]}},
            ),
            at(
                "Allow",
                {"AWS": [USER.arn]},
                "s3:ListBucket",
                BUCKET,
                Condition={"StringLike": {"s3:prefix": ["home/ann/*"]}},
            ),
            at("Allow", {"AWS": [USER.arn]}, "s3:*", [f"{BUCKET}/home/ann/*"]),
        ],
    ),
    "taxes with MFA of the last hour": Example(
        [],
        [To("s3:GetObject", TAXES, {"aws:MultiFactorAuthAge": "3600"}), To("s3:GetObject", ONE)],
        [To("s3:GetObject", TAXES), To("s3:GetObject", TAXES, {"aws:MultiFactorAuthAge": "3601"})],
        resource=[
            at(
                "Deny", "*", "s3:*", f"{BUCKET}/taxes/*", Condition={"Null": {"aws:MultiFactorAuthAge": True}}
            ),
            at(
                "Deny",
                "*",
                "s3:*",
                f"{BUCKET}/taxes/*",
                Condition={"NumericGreaterThan": {"aws:MultiFactorAuthAge": 3600}},
            ),
            at("Allow", "*", ["s3:GetObject"], OBJECTS),
        ],
    ),
    "copies of what is public": Example(
        [],
        [To("s3:PutObject", ONE, {"s3:x-amz-copy-source": "bucket/public/a"})],
        [To("s3:PutObject", ONE, {"s3:x-amz-copy-source": "bucket/private/a"}), To("s3:PutObject", ONE)],
        resource=[
            at("Allow", {"AWS": USER.arn}, "s3:PutObject", OBJECTS),
            at(
                "Deny",
                {"AWS": USER.arn},
                "s3:PutObject",
                OBJECTS,
                Condition={"StringNotLike": {"s3:x-amz-copy-source": "bucket/public/*"}},
            ),
        ],
    ),
    "everybody but one is kept out": Example(
        [],
        [To("s3:GetObject", ONE, {"aws:PrincipalArn": USER.arn})],
        [To("s3:GetObject", ONE, {"aws:PrincipalArn": BOB.arn}, BOB), To("s3:GetObject", ONE)],
        also=EVERYTHING,
        resource=[at("Deny", "*", "s3:*", BOTH, Condition={"ArnNotEquals": {"aws:PrincipalArn": USER.arn}})],
    ),
    "NotPrincipal: a session, its role and its account": Example(
        [],
        [To("s3:GetObject", ONE, {}, SESSION)],
        [To("s3:GetObject", ONE), To("s3:GetObject", ONE, {}, BOB)],
        also=EVERYTHING,
        resource=[
            {
                "Effect": "Deny",
                "NotPrincipal": {"AWS": [SESSION.arn, ROLE_ARN, f"{IAM}:root"]},
                "Action": "s3:*",
                "Resource": BOTH,
            }
        ],
    ),
    "a home of one's own, by id": Example(
        [
            statement(action="s3:ListAllMyBuckets"),
            statement(
                action="s3:ListBucket",
                resource=BUCKET,
                Condition={"StringLike": {"s3:prefix": ["", "home/", "home/${aws:userid}/*"]}},
            ),
            statement(
                action="s3:*", resource=[f"{BUCKET}/home/${{aws:userid}}", f"{BUCKET}/home/${{aws:userid}}/*"]
            ),
        ],
        [
            To("s3:ListBucket", BUCKET, {"aws:userid": "AROA:ci", "s3:prefix": "home/AROA:ci/a"}, SESSION),
            To("s3:PutObject", f"{BUCKET}/home/AROA:ci/a", {"aws:userid": "AROA:ci"}, SESSION),
        ],
        [
            To("s3:ListBucket", BUCKET, {"aws:userid": "AROA:ci", "s3:prefix": "home/AROA:cd/a"}, SESSION),
            To("s3:PutObject", f"{BUCKET}/home/AROA:cd/a", {"aws:userid": "AROA:ci"}, SESSION),
            To("s3:PutObject", f"{BUCKET}/home/AROA:ci2", {"aws:userid": "AROA:ci"}, SESSION),
        ],
    ),
    "one bucket and nothing else at all": Example(
        [
            statement(action="s3:*", resource=BOTH),
            {"Effect": "Deny", "NotAction": "s3:*", "NotResource": BOTH},
        ],
        [To("s3:GetObject", ONE), To("sqs:SendMessage", ONE)],
        [To("ecs:ListClusters"), To("s3:GetObject", "arn:aws:s3:::other/k")],
        also=[statement(action=["sqs:*", "ecs:*"])],
    ),
    "everything but production without recent MFA": Example(
        [
            statement(action=["s3:ListBucket"], resource="arn:aws:s3:::*"),
            statement(action=["s3:PutObject", "s3:GetObject"], resource="arn:aws:s3:::*/*"),
            statement(
                "Deny",
                "s3:*",
                ["arn:aws:s3:::Production/*", "arn:aws:s3:::Production"],
                Condition={"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "1800"}},
            ),
        ],
        [
            To("s3:GetObject", ONE),
            To("s3:GetObject", "arn:aws:s3:::Production/x", {"aws:MultiFactorAuthAge": "1800"}),
        ],
        [
            To("s3:GetObject", "arn:aws:s3:::Production/x"),
            To("s3:ListBucket", "arn:aws:s3:::Production", {"aws:MultiFactorAuthAge": "1801"}),
            To("s3:DeleteObject", ONE),
        ],
    ),
    "read and write in one bucket": Example(
        [
            statement(action=["s3:ListBucket"], resource=[BUCKET]),
            statement(action="s3:*Object", resource=[OBJECTS]),
        ],
        [To("s3:ListBucket", BUCKET), To("s3:GetObject", ONE), To("s3:DeleteObject", f"{BUCKET}/a/b")],
        [To("s3:GetObject", BUCKET), To("s3:GetObjectAcl", ONE), To("s3:ListBucket", f"{BUCKET}2")],
    ),
    "stars reach over slashes": Example(
        [statement(action="s3:GetObject", resource=f"{BUCKET}/*/test/*")],
        [
            To("s3:GetObject", f"{BUCKET}/1/test/object.jpg"),
            To("s3:GetObject", f"{BUCKET}/1/2/3/test/4/object.jpg"),
            To("s3:GetObject", f"{BUCKET}/1///test///object.jpg"),
            To("s3:GetObject", f"{BUCKET}//test/object.jpg"),
            To("s3:GetObject", f"{BUCKET}/1/test/"),
        ],
        [
            To("s3:GetObject", f"{BUCKET}/1-test/object.jpg"),
            To("s3:GetObject", f"{BUCKET}/test/object.jpg"),
            To("s3:GetObject", f"{BUCKET}/1/2/test.jpg"),
        ],
    ),
}
