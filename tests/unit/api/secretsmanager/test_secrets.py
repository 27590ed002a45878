"""Secrets: made, described, changed, deleted and taken back."""

from typing import Any

import pytest

from tests.unit.api.secretsmanager.conftest import Secrets, refusal

TOKEN = "t" * 32
GONE = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


async def test_create_secret_gives_an_arn_with_a_suffix_and_a_version(secrets: Secrets) -> None:
    made = await secrets.call("CreateSecret", Name="prod/db", SecretString="hunter2")
    start, _, suffix = made["ARN"].rpartition("-")
    assert start == "arn:aws:secretsmanager:eu-test-1:111122223333:secret:prod/db"
    assert len(suffix) == 6
    assert suffix.isalnum()
    for identifier in ("prod/db", made["ARN"], start):
        found = await secrets.call("GetSecretValue", SecretId=identifier)
        assert found["SecretString"] == "hunter2"
        assert found["VersionId"] == made["VersionId"]
        assert found["VersionStages"] == ["AWSCURRENT"]


async def test_a_binary_value_comes_back_as_it_was(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db", SecretBinary=bytes(range(256)))
    found = await secrets.call("GetSecretValue", SecretId="db")
    assert found["SecretBinary"] == bytes(range(256))
    assert "SecretString" not in found


async def test_describe_secret_shows_everything_but_the_value(secrets: Secrets) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    made = await secrets.call("CreateSecret", Name="db", SecretString="hunter2", Description="d", Tags=tags)
    shown = await secrets.call("DescribeSecret", SecretId="db")
    assert shown["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert (shown["Description"], shown["Tags"]) == ("d", tags)
    assert "hunter2" not in str(shown)
    listed = await secrets.call("ListSecrets")
    assert listed["SecretList"][0]["SecretVersionsToStages"] == shown["VersionIdsToStages"]
    assert "hunter2" not in str(listed)


async def test_one_token_makes_one_secret(secrets: Secrets) -> None:
    first = await secrets.call("CreateSecret", Name="db", SecretString="a", ClientRequestToken=TOKEN)
    again = await secrets.call("CreateSecret", Name="db", SecretString="a", ClientRequestToken=TOKEN)
    assert first == again
    assert first["VersionId"] == TOKEN
    exists = ("ResourceExistsException", "The operation failed because the secret db already exists.")
    other = secrets.call("CreateSecret", Name="db", SecretString="b", ClientRequestToken=TOKEN)
    assert await refusal(other) == exists
    assert await refusal(secrets.call("CreateSecret", Name="db", SecretString="a")) == exists


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"Name": "a b"}, "ValidationException", "Invalid name. Must be a valid name"),
        ({"SecretString": "a", "SecretBinary": b"b"}, "InvalidParameterException", "both a binary"),
        ({"KmsKeyId": "alias/mine"}, "EncryptionFailure", "can't encrypt"),
        ({"AddReplicaRegions": [{"Region": "us-east-1"}]}, "InvalidRequestException", "isn't supported here"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "InvalidParameterException", "aws:"),
        ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "LimitExceededException", "50"),
    ],
)
async def test_what_cannot_be_is_refused(
    secrets: Secrets, params: dict[str, Any], code: str, message: str
) -> None:
    got_code, got_message = await refusal(secrets.call("CreateSecret", **({"Name": "db"} | params)))
    assert got_code == code
    assert message in got_message


async def test_update_secret_changes_words_and_value(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db", SecretString="old")
    assert "VersionId" not in await secrets.call("UpdateSecret", SecretId="db", Description="new words")
    assert await secrets.value() == "old"
    await secrets.call("UpdateSecret", SecretId="db", SecretString="new")
    assert await secrets.value() == "new"
    assert await secrets.value(VersionStage="AWSPREVIOUS") == "old"
    assert (await secrets.call("DescribeSecret", SecretId="db"))["Description"] == "new words"


async def test_a_deleted_secret_can_be_restored_until_its_time(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db", SecretString="x")
    deleted = await secrets.call("DeleteSecret", SecretId="db", RecoveryWindowInDays=7)
    assert deleted["DeletionDate"] == secrets.api.ctx.now_s + 7 * 86400
    assert await refusal(secrets.value()) == (
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
    code, message = await refusal(secrets.call("CreateSecret", Name="db"))
    assert code == "InvalidRequestException"
    assert message.endswith("a secret with this name is already scheduled for deletion.")
    assert (await secrets.call("ListSecrets"))["SecretList"] == []
    planned = await secrets.call("ListSecrets", IncludePlannedDeletion=True)
    assert planned["SecretList"][0]["DeletedDate"] == deleted["DeletionDate"]
    secrets.later(days=6.9)
    await secrets.call("RestoreSecret", SecretId="db")
    assert await secrets.value() == "x"
    assert "DeletedDate" not in await secrets.call("DescribeSecret", SecretId="db")


async def test_after_its_time_it_is_gone_and_the_name_is_free(secrets: Secrets) -> None:
    first = await secrets.call("CreateSecret", Name="db", SecretString="x")
    await secrets.call("DeleteSecret", SecretId="db")
    secrets.later(days=30)
    for operation in ("DescribeSecret", "RestoreSecret", "GetSecretValue"):
        assert await refusal(secrets.call(operation, SecretId=first["ARN"])) == GONE
    second = await secrets.call("CreateSecret", Name="db", SecretString="y")
    assert second["ARN"] != first["ARN"]
    assert await secrets.value() == "y"
    assert await secrets.api.run(lambda txn: txn.count("secret-version")) == 1


async def test_force_delete_is_at_once_and_can_be_repeated(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db", SecretString="x")
    for _ in range(2):
        await secrets.call("DeleteSecret", SecretId="db", ForceDeleteWithoutRecovery=True)
    assert await refusal(secrets.value()) == GONE
    assert await secrets.api.run(lambda txn: txn.count("secret-version")) == 0
    assert await refusal(secrets.call("DeleteSecret", SecretId="db")) == GONE
    for days in (6, 31):
        code, message = await refusal(secrets.call("DeleteSecret", SecretId="db", RecoveryWindowInDays=days))
        assert (code, "between 7 and 30 days" in message) == ("InvalidParameterException", True)
    both = {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}
    assert (await refusal(secrets.call("DeleteSecret", SecretId="db", **both)))[0] == (
        "InvalidParameterException"
    )


async def test_another_region_has_secrets_of_its_own(secrets: Secrets) -> None:
    made = await secrets.call("CreateSecret", Name="db", SecretString="x")
    elsewhere = made["ARN"].replace("eu-test-1", "us-east-1")
    assert await refusal(secrets.value(elsewhere)) == GONE
    assert (await refusal(secrets.value("arn:aws:s3:::x")))[0] == "InvalidParameterException"


async def test_tag_resource_and_untag_resource(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db", Tags=[{"Key": "a", "Value": "1"}])
    await secrets.call(
        "TagResource", SecretId="db", Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
    )
    await secrets.call("UntagResource", SecretId="db", TagKeys=["b", "nothing"])
    assert (await secrets.call("DescribeSecret", SecretId="db"))["Tags"] == [{"Key": "a", "Value": "2"}]


async def test_list_secrets_filters_orders_and_pages(secrets: Secrets) -> None:
    for name in ("b-one", "a-two", "c-three"):
        await secrets.call("CreateSecret", Name=name, Description=f"the {name[2:]}")
        secrets.later(days=1)

    async def names(**params: Any) -> list[str]:
        found: list[str] = []
        while True:
            page = await secrets.call("ListSecrets", MaxResults=2, **params)
            found += [each["Name"] for each in page["SecretList"]]
            if (token := page.get("NextToken")) is None:
                return found
            params["NextToken"] = token

    assert await names() == ["c-three", "a-two", "b-one"]
    assert await names(SortOrder="asc") == ["b-one", "a-two", "c-three"]
    assert await names(SortBy="name", SortOrder="asc") == ["a-two", "b-one", "c-three"]
    assert await names(Filters=[{"Key": "name", "Values": ["a", "b"]}]) == ["a-two", "b-one"]
    assert await names(Filters=[{"Key": "name", "Values": ["!a"]}]) == ["c-three", "b-one"]
    assert await names(Filters=[{"Key": "description", "Values": ["three"]}]) == ["c-three"]
    assert await names(Filters=[{"Key": "tag-key", "Values": ["x"]}]) == []
    code, _ = await refusal(secrets.call("ListSecrets", NextToken="x"))
    assert code == "InvalidNextTokenException"
