"""A secret's own policy."""

from tests.unit.api.authorization.world import policy
from tests.unit.api.secretsmanager.conftest import Secrets, refusal

STATEMENT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "secretsmanager:GetSecretValue",
    "Resource": "*",
}
TEXT, PUBLIC = policy(STATEMENT), policy(STATEMENT | {"Principal": "*"})
NARROWED = policy(
    STATEMENT | {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
)


async def test_a_policy_is_kept_shown_and_taken_away(secrets: Secrets) -> None:
    made = await secrets.call("CreateSecret", Name="db")
    named = {"ARN": made["ARN"], "Name": "db"}
    assert await secrets.call("GetResourcePolicy", SecretId="db") == named
    assert await secrets.call("PutResourcePolicy", SecretId="db", ResourcePolicy=TEXT) == named
    shown = await secrets.call("GetResourcePolicy", SecretId=made["ARN"])
    assert shown == named | {"ResourcePolicy": TEXT}
    for _ in range(2):
        assert await secrets.call("DeleteResourcePolicy", SecretId="db") == named
    assert await secrets.call("GetResourcePolicy", SecretId="db") == named


async def test_what_lets_everybody_in_is_kept_unless_that_is_blocked(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db")
    blocking = {"SecretId": "db", "BlockPublicPolicy": True}
    told = "The resource policy did not prevent broad access to the secret."
    refused = await refusal(secrets.call("PutResourcePolicy", ResourcePolicy=PUBLIC, **blocking))
    assert refused == ("PublicPolicyException", told)
    await secrets.call("PutResourcePolicy", ResourcePolicy=NARROWED, **blocking)
    await secrets.call("PutResourcePolicy", SecretId="db", ResourcePolicy=PUBLIC)
    passed = await secrets.call("ValidateResourcePolicy", SecretId="db", ResourcePolicy=TEXT)
    assert passed == {"PolicyValidationPassed": True, "ValidationErrors": []}
    failed = await secrets.call("ValidateResourcePolicy", ResourcePolicy=PUBLIC)
    assert not failed["PolicyValidationPassed"]
    assert failed["ValidationErrors"][0]["ErrorMessage"] == told


async def test_what_is_no_policy_of_a_secret(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db")
    wrong = policy(STATEMENT | {"Action": "ssm:GetParameter"})
    for text in ("{", wrong):
        for operation in ("PutResourcePolicy", "ValidateResourcePolicy"):
            refused = await refusal(secrets.call(operation, SecretId="db", ResourcePolicy=text))
            assert refused[0] == "MalformedPolicyDocumentException"
    other = secrets.call("PutResourcePolicy", SecretId="db", ResourcePolicy=TEXT, PolicyName="mine")
    assert (await refusal(other))[0] == "InvalidParameterException"
    gone = secrets.call("GetResourcePolicy", SecretId="db", PolicyName="mine")
    assert (await refusal(gone))[0] == "ResourceNotFoundException"
