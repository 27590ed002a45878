"""Repositories: created, described page by page, deleted; rules, policies and tags they carry."""

import json

import pytest

from bastide.model.faults import AlreadyExists, InUse, Invalid, LimitExceeded, NotFound
from tests.unit.api.conftest import ACCOUNT, NOW, REGION
from tests.unit.api.ecr.conftest import Ecr

ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app"


async def test_a_repository_is_shown_as_it_was_made(ecr: Ecr) -> None:
    shown = (await ecr.call("DescribeRepositories"))["repositories"]
    assert shown == [
        {
            "repositoryArn": ARN,
            "registryId": ACCOUNT,
            "repositoryName": "team/app",
            "repositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.localhost:4566/team/app",
            "createdAt": round(NOW.timestamp(), 3),
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": False},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }
    ]


async def test_the_same_name_again_is_refused_in_ecrs_words(ecr: Ecr) -> None:
    with pytest.raises(AlreadyExists) as refused:
        await ecr.call("CreateRepository", repositoryName="team/app")
    assert refused.value.why == (
        f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'"
    )


async def test_a_repository_that_is_not_there_is_named(ecr: Ecr) -> None:
    with pytest.raises(NotFound) as refused:
        await ecr.call("DescribeRepositories", repositoryNames=["team/app", "nobody"])
    assert refused.value.why == (
        f"The repository with name 'nobody' does not exist in the registry with id '{ACCOUNT}'"
    )
    with pytest.raises(NotFound, match="id '222233334444'"):
        await ecr.call("DescribeRepositories", repositoryNames=["team/app"], registryId="222233334444")


async def test_repositories_come_page_by_page(ecr: Ecr) -> None:
    for name in ("b", "a1", "c"):
        await ecr.call("CreateRepository", repositoryName=name)
    first = await ecr.call("DescribeRepositories", maxResults=3)
    second = await ecr.call("DescribeRepositories", maxResults=3, nextToken=first["nextToken"])
    names = [one["repositoryName"] for page in (first, second) for one in page["repositories"]]
    assert names == ["a1", "b", "c", "team/app"]
    assert "nextToken" not in second


async def test_one_with_images_goes_only_by_force(ecr: Ecr) -> None:
    await ecr.put("team/app", "one", "v1")
    with pytest.raises(InUse, match="because it still contains images"):
        await ecr.call("DeleteRepository", repositoryName="team/app")
    await ecr.call("DeleteRepository", repositoryName="team/app", force=True)
    assert (await ecr.call("DescribeRepositories"))["repositories"] == []
    await ecr.call("CreateRepository", repositoryName="team/app")
    assert (await ecr.call("ListImages", repositoryName="team/app"))["imageIds"] == []


async def test_exclusion_filters_go_with_a_mutability_that_has_them(ecr: Ecr) -> None:
    one = {"filterType": "WILDCARD", "filter": "dev-*"}
    with pytest.raises(Invalid):
        await ecr.call(
            "PutImageTagMutability",
            repositoryName="team/app",
            imageTagMutability="IMMUTABLE",
            imageTagMutabilityExclusionFilters=[one],
        )
    with pytest.raises(Invalid):
        await ecr.call(
            "PutImageTagMutability",
            repositoryName="team/app",
            imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=[{**one, "filter": "*a*b*"}],
        )
    answer = await ecr.call(
        "PutImageTagMutability",
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[one],
    )
    assert answer["imageTagMutabilityExclusionFilters"] == [one]
    await ecr.call("PutImageTagMutability", repositoryName="team/app", imageTagMutability="MUTABLE")
    (shown,) = (await ecr.call("DescribeRepositories"))["repositories"]
    assert "imageTagMutabilityExclusionFilters" not in shown


async def test_a_key_nobody_has_is_refused(ecr: Ecr) -> None:
    with pytest.raises(Invalid) as refused:
        await ecr.call(
            "CreateRepository", repositoryName="x1", encryptionConfiguration={"encryptionType": "KMS"}
        )
    assert refused.value.noun == "kms key"


async def test_scanning_is_recorded(ecr: Ecr) -> None:
    wanted = {"scanOnPush": True}
    await ecr.call(
        "PutImageScanningConfiguration", repositoryName="team/app", imageScanningConfiguration=wanted
    )
    (shown,) = (await ecr.call("DescribeRepositories"))["repositories"]
    assert shown["imageScanningConfiguration"] == wanted


async def test_tags_are_added_replaced_and_taken_away(ecr: Ecr) -> None:
    await ecr.call(
        "TagResource", resourceArn=ARN, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    )
    await ecr.call("TagResource", resourceArn=ARN, tags=[{"Key": "a", "Value": "2"}])
    await ecr.call("UntagResource", resourceArn=ARN, tagKeys=["b", "nothing"])
    assert (await ecr.call("ListTagsForResource", resourceArn=ARN))["tags"] == [{"Key": "a", "Value": "2"}]
    with pytest.raises(LimitExceeded):
        many = [{"Key": f"k{index}", "Value": ""} for index in range(50)]
        await ecr.call("TagResource", resourceArn=ARN, tags=many)
    with pytest.raises(Invalid):
        await ecr.call("TagResource", resourceArn=ARN, tags=[{"Key": "aws:x", "Value": ""}])
    with pytest.raises(Invalid):
        await ecr.call("TagResource", resourceArn="nonsense", tags=[])
    with pytest.raises(NotFound):
        await ecr.call("ListTagsForResource", resourceArn=ARN.replace(ACCOUNT, "222233334444"))


ALLOW = {"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}


async def test_a_policy_is_kept_to_the_letter(ecr: Ecr) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]}, indent=3)
    with pytest.raises(NotFound, match="Repository policy does not exist"):
        await ecr.call("GetRepositoryPolicy", repositoryName="team/app")
    await ecr.call("SetRepositoryPolicy", repositoryName="team/app", policyText=text)
    assert (await ecr.call("GetRepositoryPolicy", repositoryName="team/app"))["policyText"] == text
    await ecr.call("DeleteRepositoryPolicy", repositoryName="team/app")
    with pytest.raises(NotFound):
        await ecr.call("GetRepositoryPolicy", repositoryName="team/app")


@pytest.mark.parametrize(
    "statement",
    [
        None,
        ALLOW | {"Resource": "*"},
        ALLOW | {"Effect": "Maybe"},
        ALLOW | {"Action": "s3:GetObject"},
        ALLOW | {"NotPrincipal": "*"},
        {"Effect": "Allow", "Principal": "*"},
    ],
)
async def test_what_is_no_policy_is_refused(ecr: Ecr, statement: object) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    with pytest.raises(Invalid, match="Invalid repository policy"):
        await ecr.call("SetRepositoryPolicy", repositoryName="team/app", policyText=text)


async def test_the_registry_is_the_account(ecr: Ecr) -> None:
    assert (await ecr.call("DescribeRegistry"))["registryId"] == ACCOUNT
