"""Lifecycle policies really applied, and previewed."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bastide.control.repositories import Repositories
from bastide.model.faults import InUse
from bastide.store import Store
from tests.unit.api.conftest import NOW, Api, context
from tests.unit.api.ecr.conftest import Ecr

REPOSITORY = "team/app"


@pytest.fixture
async def ecr(tmp_path: Path) -> AsyncIterator[Ecr]:
    store = await Store.open(f"sqlite:///{tmp_path}/store.db")
    made = Ecr(Api(store))
    await made.call("CreateRepository", repositoryName=REPOSITORY)
    yield made
    await store.close()


def policy(**selection: Any) -> str:
    rule = {"rulePriority": 1, "description": "d" * 60, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


KEEP_ONE = policy(tagStatus="any", countType="imageCountMoreThan", countNumber=1)


async def put_in_turn(ecr: Ecr, *names: str) -> list[str]:
    """Images pushed a minute apart."""
    digests = []
    for minute, name in enumerate(names):
        ecr.api.ctx = context(now=NOW + timedelta(minutes=minute))
        digests.append(await ecr.put(REPOSITORY, name, name))
    return digests


async def reconcile(ecr: Ecr, *, now: datetime = NOW) -> float | None:
    (shown,) = (await ecr.call("DescribeRepositories"))["repositories"]
    return await Repositories(ecr.api.store, now=lambda: now).reconcile(shown["repositoryArn"])


async def tags_left(ecr: Ecr) -> list[str]:
    ids = (await ecr.call("ListImages", repositoryName=REPOSITORY))["imageIds"]
    return sorted(one["imageTag"] for one in ids)


async def test_the_oldest_go_until_so_many_are_left(ecr: Ecr) -> None:
    await put_in_turn(ecr, "a", "b", "c")
    await ecr.call("PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=KEEP_ONE)
    assert await reconcile(ecr) is None
    assert await tags_left(ecr) == ["c"]
    shown = await ecr.call("GetLifecyclePolicy", repositoryName=REPOSITORY)
    assert shown["lifecyclePolicyText"] == KEEP_ONE
    assert shown["lastEvaluatedAt"] == round(NOW.timestamp(), 3)


async def test_an_image_is_looked_at_again_when_it_is_old_enough(ecr: Ecr) -> None:
    await put_in_turn(ecr, "a")
    text = policy(tagStatus="any", countType="sinceImagePushed", countUnit="days", countNumber=2)
    await ecr.call("PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=text)
    assert await reconcile(ecr, now=NOW + timedelta(days=1, hours=20)) == 4 * 3600
    assert await tags_left(ecr) == ["a"]
    await reconcile(ecr, now=NOW + timedelta(days=2))
    assert await tags_left(ecr) == []


async def test_without_a_policy_nothing_goes(ecr: Ecr) -> None:
    await put_in_turn(ecr, "a", "b")
    await ecr.call("PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=KEEP_ONE)
    await ecr.call("DeleteLifecyclePolicy", repositoryName=REPOSITORY)
    assert await reconcile(ecr) is None
    assert await tags_left(ecr) == ["a", "b"]


async def test_images_of_an_index_stay_as_long_as_the_index_does(ecr: Ecr) -> None:
    part, _ = await put_in_turn(ecr, "part", "other")
    ecr.api.ctx = context(now=NOW + timedelta(hours=1))
    await ecr.put_index(REPOSITORY, part, tag="all")
    await ecr.call("PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=KEEP_ONE)
    await reconcile(ecr)
    assert await tags_left(ecr) == ["all", "part"]


async def test_signatures_go_with_what_they_sign(ecr: Ecr) -> None:
    (signed,) = await put_in_turn(ecr, "signed")
    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": signed, "size": 1}
    await ecr.put(REPOSITORY, "signature", subject=subject)
    ecr.api.ctx = context(now=NOW + timedelta(hours=1))
    await ecr.put(REPOSITORY, "newer", "newer")
    await ecr.call("PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=KEEP_ONE)
    await reconcile(ecr)
    ids = (await ecr.call("ListImages", repositoryName=REPOSITORY))["imageIds"]
    assert [one.get("imageTag") for one in ids] == ["newer"]


async def test_a_preview_says_what_would_go_and_nothing_goes(ecr: Ecr) -> None:
    first, _ = await put_in_turn(ecr, "a", "b")
    await ecr.call("StartLifecyclePolicyPreview", repositoryName=REPOSITORY, lifecyclePolicyText=KEEP_ONE)
    with pytest.raises(InUse):
        await ecr.call("StartLifecyclePolicyPreview", repositoryName=REPOSITORY, lifecyclePolicyText=KEEP_ONE)
    await reconcile(ecr)
    shown = await ecr.call("GetLifecyclePolicyPreview", repositoryName=REPOSITORY)
    assert shown["status"] == "COMPLETE"
    assert shown["summary"] == {"expiringImageTotalCount": 1}
    (result,) = shown["previewResults"]
    assert (result["imageDigest"], result["imageTags"], result["appliedRulePriority"]) == (first, ["a"], 1)
    assert await tags_left(ecr) == ["a", "b"]
    await ecr.call("StartLifecyclePolicyPreview", repositoryName=REPOSITORY, lifecyclePolicyText=KEEP_ONE)
