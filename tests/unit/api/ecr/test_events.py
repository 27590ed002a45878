"""Every push and deletion of an image is an event, in the transaction that makes it."""

from typing import Any

import pytest

from bastide.model.faults import AlreadyExists
from tests.unit.api.conftest import ACCOUNT, REGION
from tests.unit.api.ecr.conftest import Ecr

REPOSITORY = "team/app"


async def actions(ecr: Ecr) -> list[tuple[Any, ...]]:
    events = await ecr.api.store.view(lambda txn: txn.read_events(limit=100))
    details = [event.document["detail"] for event in events]
    return [(one["action-type"], one["image-digest"], one.get("image-tag")) for one in details]


async def test_pushes_and_deletions_are_told(ecr: Ecr) -> None:
    digest = await ecr.put(REPOSITORY, "one", "v1", "v2")
    await ecr.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    await ecr.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    assert await actions(ecr) == [
        ("PUSH", digest, "v1"),
        ("PUSH", digest, "v2"),
        ("DELETE", digest, "v1"),
        ("DELETE", digest, "v2"),
    ]


async def test_an_event_has_eventbridges_envelope(ecr: Ecr) -> None:
    await ecr.put(REPOSITORY, "one")
    (event,) = await ecr.api.store.view(lambda txn: txn.read_events(limit=100))
    document = event.document
    assert (document["source"], document["detail-type"]) == ("aws.ecr", "ECR Image Action")
    assert (document["account"], document["region"]) == (ACCOUNT, REGION)
    assert document["time"] == "2030-01-02T03:04:05Z"
    assert document["detail"]["result"] == "SUCCESS"
    assert document["detail"]["repository-name"] == REPOSITORY
    assert "image-tag" not in document["detail"]


async def test_what_was_refused_is_not_told(ecr: Ecr) -> None:
    await ecr.call("PutImageTagMutability", repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    first = await ecr.put(REPOSITORY, "one", "v1")
    with pytest.raises(AlreadyExists):
        await ecr.put(REPOSITORY, "two", "v1")
    assert await actions(ecr) == [("PUSH", first, "v1")]
