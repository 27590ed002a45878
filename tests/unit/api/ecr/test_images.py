"""Images: put and put again, described, fetched, deleted, each as ECR says it."""

import json
from typing import Any

import pytest

from bastide.model.faults import AlreadyExists, Conflict, Invalid, NotFound
from tests.unit.api.conftest import ACCOUNT, NOW
from tests.unit.api.ecr.conftest import CONFIG_TYPE, LAYER_TYPE, Ecr, digest_of

REPOSITORY = "team/app"


async def describe(ecr: Ecr, **params: Any) -> list[dict[str, object]]:
    answer = await ecr.call("DescribeImages", repositoryName=REPOSITORY, **params)
    details: list[dict[str, object]] = answer["imageDetails"]
    return details


async def test_an_image_is_described_with_its_size_and_tags(ecr: Ecr) -> None:
    digest = await ecr.put(REPOSITORY, "one", "v1", "latest")
    assert await describe(ecr) == [
        {
            "registryId": ACCOUNT,
            "repositoryName": REPOSITORY,
            "imageDigest": digest,
            "imageTags": ["latest", "v1"],
            "imageSizeInBytes": 1000,
            "imagePushedAt": round(NOW.timestamp(), 3),
            "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactMediaType": CONFIG_TYPE,
            "imageStatus": "ACTIVE",
        }
    ]
    assert await describe(ecr, imageIds=[{"imageTag": "v1"}]) == await describe(ecr)
    assert await describe(ecr, filter={"tagStatus": "UNTAGGED"}) == []


async def test_a_tag_moves_and_leaves_the_image_behind(ecr: Ecr) -> None:
    first = await ecr.put(REPOSITORY, "one", "v1")
    second = await ecr.put(REPOSITORY, "two", "v1")
    ids = (await ecr.call("ListImages", repositoryName=REPOSITORY))["imageIds"]
    assert sorted(ids, key=str) == sorted(
        [{"imageDigest": first}, {"imageDigest": second, "imageTag": "v1"}], key=str
    )
    untagged = await ecr.call("ListImages", repositoryName=REPOSITORY, filter={"tagStatus": "UNTAGGED"})
    assert untagged["imageIds"] == [{"imageDigest": first}]


async def test_an_immutable_tag_stays(ecr: Ecr) -> None:
    await ecr.call("PutImageTagMutability", repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    await ecr.put(REPOSITORY, "one", "v1")
    with pytest.raises(AlreadyExists) as refused:
        await ecr.put(REPOSITORY, "two", "v1")
    assert refused.value.noun == "image tag"
    assert refused.value.why == (
        "The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because "
        "the tag is immutable."
    )
    assert len(await describe(ecr)) == 1  # nothing of the refused image is left


async def test_the_same_again_is_refused_and_another_tag_is_not(ecr: Ecr) -> None:
    digest = await ecr.put(REPOSITORY, "one", "v1")
    with pytest.raises(AlreadyExists, match=f"Image with digest '{digest}' and tag 'v1' already exists"):
        await ecr.put(REPOSITORY, "one", "v1")
    await ecr.put(REPOSITORY, "one", "v2")
    assert (await describe(ecr))[0]["imageTags"] == ["v1", "v2"]


async def test_layers_have_to_be_there_and_as_large_as_told(ecr: Ecr) -> None:
    config = await ecr.add_layer(REPOSITORY, "config") | {"mediaType": CONFIG_TYPE}
    missing = {"mediaType": LAYER_TYPE, "digest": digest_of("nothing"), "size": 1}
    text = json.dumps({"schemaVersion": 2, "config": config, "layers": [missing]})
    with pytest.raises(NotFound, match="do not exist") as refused:
        await ecr.put_manifest(REPOSITORY, text, "v1")
    assert refused.value.noun == "layers"
    text = json.dumps({"schemaVersion": 2, "config": {**config, "size": 11}, "layers": []})
    with pytest.raises(Invalid, match="has 10 bytes, the manifest says 11"):
        await ecr.put_manifest(REPOSITORY, text, "v1")
    assert await describe(ecr) == []


async def test_bad_manifests_tags_and_digests_are_refused(ecr: Ecr) -> None:
    with pytest.raises(Invalid, match="Invalid parameter at 'ImageManifest'"):
        await ecr.put_manifest(REPOSITORY, "{}", "v1")
    with pytest.raises(Invalid, match="'imageTag'"):
        await ecr.put(REPOSITORY, "one", "no tag")
    config = await ecr.add_layer(REPOSITORY, "config") | {"mediaType": CONFIG_TYPE}
    text = json.dumps({"schemaVersion": 2, "config": config, "layers": []})
    with pytest.raises(Conflict):
        await ecr.call(
            "PutImage", repositoryName=REPOSITORY, imageManifest=text, imageDigest=digest_of("another")
        )


async def test_manifests_come_back_to_the_byte(ecr: Ecr) -> None:
    config = await ecr.add_layer(REPOSITORY, "config") | {"mediaType": CONFIG_TYPE}
    text = json.dumps({"schemaVersion": 2, "config": config, "layers": []}, indent=7) + "\n"
    digest = await ecr.put_manifest(REPOSITORY, text, "v1")
    ids = [{"imageTag": "v1"}, {"imageDigest": digest}, {"imageTag": "v2"}, {}, {"imageDigest": "x"}]
    ids.append({"imageTag": "v1", "imageDigest": digest_of("another")})
    answer = await ecr.call("BatchGetImage", repositoryName=REPOSITORY, imageIds=ids)
    assert [one["imageManifest"] for one in answer["images"]] == [text, text]
    assert [one["failureCode"] for one in answer["failures"]] == [
        "ImageNotFound",
        "MissingDigestAndTag",
        "InvalidImageDigest",
        "ImageTagDoesNotMatchDigest",
    ]
    none = await ecr.call(
        "BatchGetImage", repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=["x/y"]
    )
    assert none["failures"][0]["failureCode"] == "ImageNotFound"


async def test_by_tag_the_last_one_takes_the_image_along(ecr: Ecr) -> None:
    digest = await ecr.put(REPOSITORY, "one", "v1", "v2")
    first = await ecr.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    assert first["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}]
    assert (await describe(ecr))[0]["imageTags"] == ["v2"]
    await ecr.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageTag": "v2"}])
    assert await describe(ecr) == []


async def test_by_digest_all_goes_and_an_index_holds_its_images(ecr: Ecr) -> None:
    digest = await ecr.put(REPOSITORY, "one", "v1", "v2")
    index = await ecr.put_index(REPOSITORY, digest, tag="all")
    answer = await ecr.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    assert answer["failures"][0]["failureCode"] == "ImageReferencedByManifestList"
    assert answer["failures"][0]["failureReason"] == f"Requested image referenced by manifest list: [{index}]"
    await ecr.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageDigest": index}])
    answer = await ecr.call("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    assert len(answer["imageIds"]) == 2
    assert await describe(ecr) == []


async def test_an_image_that_is_not_there_is_named(ecr: Ecr) -> None:
    with pytest.raises(NotFound) as refused:
        await describe(ecr, imageIds=[{"imageTag": "nothing"}])
    assert refused.value.why == (
        "The image with imageId {imageDigest:'null', imageTag:'nothing'} does not exist within the "
        f"repository with name 'team/app' in the registry with id '{ACCOUNT}'"
    )


async def test_images_come_page_by_page(ecr: Ecr) -> None:
    made = {await ecr.put(REPOSITORY, f"image {index}", f"v{index}") for index in range(5)}
    seen: list[object] = []
    token: dict[str, Any] = {}
    while True:
        page = await ecr.call("DescribeImages", repositoryName=REPOSITORY, maxResults=2, **token)
        seen += [one["imageDigest"] for one in page["imageDetails"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(seen) == 5
    assert set(seen) == made


async def test_what_names_an_image_as_its_subject_is_listed(ecr: Ecr) -> None:
    digest = await ecr.put(REPOSITORY, "one", "v1")
    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1}
    referrer = await ecr.put(
        REPOSITORY, "sbom", subject=subject, artifactType="application/x.sbom", annotations={"a": "b"}
    )
    answer = await ecr.call(
        "ListImageReferrers", repositoryName=REPOSITORY, subjectId={"imageDigest": digest}
    )
    assert [(one["digest"], one["artifactType"], one["annotations"]) for one in answer["referrers"]] == [
        (referrer, "application/x.sbom", {"a": "b"})
    ]
    none = await ecr.call(
        "ListImageReferrers",
        repositoryName=REPOSITORY,
        subjectId={"imageDigest": digest},
        filter={"artifactTypes": ["application/other"]},
    )
    assert none["referrers"] == []
