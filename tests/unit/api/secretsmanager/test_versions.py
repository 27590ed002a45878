"""Versions of a secret and the labels on them."""

from typing import Any

import pytest

from bastide.api.secretsmanager.versions import VERSIONS_MAX
from tests.unit.api.secretsmanager.conftest import Secrets, refusal

ONE, TWO, THREE = ("1" * 32, "2" * 32, "3" * 32)


@pytest.fixture
async def versions(secrets: Secrets) -> Secrets:
    await secrets.call("CreateSecret", Name="db", SecretString="one", ClientRequestToken=ONE)
    return secrets


async def put(secrets: Secrets, token: str, value: str, **params: Any) -> Any:
    return await secrets.call(
        "PutSecretValue", SecretId="db", SecretString=value, ClientRequestToken=token, **params
    )


async def stages(secrets: Secrets) -> dict[str, list[str]]:
    shown = await secrets.call("DescribeSecret", SecretId="db")
    return dict(shown["VersionIdsToStages"])


async def test_put_secret_value_moves_current_and_leaves_previous(versions: Secrets) -> None:
    assert (await put(versions, TWO, "two"))["VersionStages"] == ["AWSCURRENT"]
    assert await stages(versions) == {ONE: ["AWSPREVIOUS"], TWO: ["AWSCURRENT"]}
    await put(versions, THREE, "three")
    assert await stages(versions) == {TWO: ["AWSPREVIOUS"], THREE: ["AWSCURRENT"]}
    assert await versions.value() == "three"
    assert await versions.value(VersionStage="AWSPREVIOUS") == "two"
    assert await versions.value(VersionId=ONE) == "one"


async def test_a_pending_version_is_not_current(versions: Secrets) -> None:
    await put(versions, TWO, "two", VersionStages=["AWSPENDING"])
    assert await versions.value() == "one"
    assert await versions.value(VersionStage="AWSPENDING") == "two"


async def test_the_first_version_is_current_whatever_else(secrets: Secrets) -> None:
    await secrets.call("CreateSecret", Name="db")
    assert await refusal(secrets.value()) == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    )
    await put(secrets, ONE, "one", VersionStages=["MINE"])
    assert await stages(secrets) == {ONE: ["AWSCURRENT", "MINE"]}


async def test_a_token_is_one_version(versions: Secrets) -> None:
    await put(versions, TWO, "two")
    await put(versions, ONE, "one")
    assert await versions.value() == "two"
    code, message = await refusal(put(versions, ONE, "other"))
    assert code == "ResourceExistsException"
    assert message.startswith(f"You can't use ClientRequestToken {ONE} because that value is already in use")
    assert "other" not in message
    code, _ = await refusal(versions.call("PutSecretValue", SecretId="db"))
    assert code == "InvalidRequestException"


async def test_what_is_not_there_is_named(versions: Secrets) -> None:
    for params, message in (
        ({"VersionId": TWO}, f"for VersionId: {TWO}"),
        ({"VersionStage": "X"}, "for staging label: X"),
    ):
        code, text = await refusal(versions.value(**params))
        assert code == "ResourceNotFoundException"
        assert text.endswith(message)
    code, _ = await refusal(versions.value(VersionId=ONE, VersionStage="AWSPREVIOUS"))
    assert code == "InvalidRequestException"


async def test_update_secret_version_stage_moves_a_label(versions: Secrets) -> None:
    await put(versions, TWO, "two", VersionStages=["AWSPENDING"])
    move = {"SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": TWO}
    code, message = await refusal(versions.call("UpdateSecretVersionStage", **move))
    assert code == "InvalidParameterException"
    assert f"currently attached to version {ONE}" in message
    await versions.call("UpdateSecretVersionStage", **move, RemoveFromVersionId=ONE)
    assert await stages(versions) == {ONE: ["AWSPREVIOUS"], TWO: ["AWSCURRENT", "AWSPENDING"]}
    drop = {"SecretId": "db", "VersionStage": "AWSPENDING", "RemoveFromVersionId": TWO}
    await versions.call("UpdateSecretVersionStage", **drop)
    assert (await stages(versions))[TWO] == ["AWSCURRENT"]
    last = {"SecretId": "db", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": TWO}
    assert (await refusal(versions.call("UpdateSecretVersionStage", **last)))[
        0
    ] == "InvalidParameterException"


async def test_list_secret_version_ids_pages_and_hides_what_has_no_label(versions: Secrets) -> None:
    await put(versions, TWO, "two")
    await put(versions, THREE, "three")
    listed = await versions.call("ListSecretVersionIds", SecretId="db")
    assert [each["VersionId"] for each in listed["Versions"]] == [TWO, THREE]
    first = await versions.call("ListSecretVersionIds", SecretId="db", IncludeDeprecated=True, MaxResults=2)
    rest = await versions.call(
        "ListSecretVersionIds", SecretId="db", IncludeDeprecated=True, NextToken=first["NextToken"]
    )
    assert [each["VersionId"] for each in (*first["Versions"], *rest["Versions"])] == [ONE, TWO, THREE]


async def test_beyond_a_hundred_the_oldest_without_a_label_goes(versions: Secrets) -> None:
    for number in range(VERSIONS_MAX + 5):
        versions.later(days=1)
        await put(versions, f"{number:036d}", str(number))
    listed = await versions.call("ListSecretVersionIds", SecretId="db", IncludeDeprecated=True)
    assert len(listed["Versions"]) == VERSIONS_MAX
    assert (await refusal(versions.value(VersionId=ONE)))[0] == "ResourceNotFoundException"


async def test_no_value_is_in_the_store(versions: Secrets) -> None:
    await put(versions, TWO, "correct horse battery")
    records = await versions.api.run(
        lambda txn: [record.document for kind in ("secret", "secret-version") for record in txn.find(kind)]
    )
    assert "correct horse battery" not in str(records)
