"""Buckets: names, owners, places."""

from typing import Any

import msgspec
import pytest

from tests.unit.api.s3.conftest import BUCKET, Objects, refusal

PLACE = {"CreateBucketConfiguration": {"LocationConstraint": "eu-test-1"}}


@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "Upper", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.0.1", "../x", "a/b", "é-é"]
)
async def test_a_name_that_cannot_be(objects: Objects, name: str) -> None:
    assert (await refusal(objects.call("CreateBucket", Bucket=name, **PLACE)))[0] == "InvalidBucketName"


async def test_create_bucket_takes_the_name_once(objects: Objects) -> None:
    code, message = await refusal(objects.call("CreateBucket", **PLACE))
    assert code == "BucketAlreadyOwnedByYou"
    assert message.startswith("Your previous request to create the named bucket succeeded")
    caller = msgspec.structs.replace(objects.api.ctx.caller, account="999900009999")
    objects.api.ctx = msgspec.structs.replace(objects.api.ctx, caller=caller)
    assert (await refusal(objects.call("CreateBucket", **PLACE)))[0] == "BucketAlreadyExists"
    assert (await refusal(objects.call("HeadBucket")))[0] == "AccessDenied"


async def test_the_location_is_the_regions(objects: Objects) -> None:
    assert await objects.call("GetBucketLocation") == {"LocationConstraint": "eu-test-1"}
    assert (await objects.call("HeadBucket"))["BucketRegion"] == "eu-test-1"
    code, message = await refusal(objects.call("CreateBucket", Bucket="another"))
    assert code == "IllegalLocationConstraintException"
    assert message.startswith("The unspecified location constraint is incompatible")
    caller = msgspec.structs.replace(objects.api.ctx.caller, region="us-east-1")
    objects.api.ctx = msgspec.structs.replace(objects.api.ctx, caller=caller)
    for _ in range(2):  # made twice: no error in this region alone, as on AWS
        await objects.call("CreateBucket", Bucket="another")
    assert await objects.call("GetBucketLocation", Bucket="another") == {}


async def test_list_buckets_pages(objects: Objects) -> None:
    await objects.call("CreateBucket", Bucket="another", **PLACE)
    first = await objects.call("ListBuckets", Bucket=None, MaxBuckets=1)
    rest = await objects.call("ListBuckets", Bucket=None, ContinuationToken=first["ContinuationToken"])
    names = [each["Name"] for each in (*first["Buckets"], *rest["Buckets"])]
    assert names == ["another", BUCKET]
    assert "ContinuationToken" not in rest
    found = await objects.call("ListBuckets", Bucket=None, Prefix="the")
    assert [each["Name"] for each in found["Buckets"]] == [BUCKET]
    code, _ = await refusal(objects.call("ListBuckets", Bucket=None, ContinuationToken="x"))
    assert code == "InvalidArgument"


async def test_delete_bucket_wants_it_empty(objects: Objects) -> None:
    await objects.put("a")
    code, message = await refusal(objects.call("DeleteBucket"))
    assert (code, message) == ("BucketNotEmpty", "The bucket you tried to delete is not empty")
    await objects.call("DeleteObject", Key="a")
    await objects.call("DeleteBucket")
    for operation, params in (("HeadBucket", {}), ("PutObject", {"Key": "a"}), ("ListObjectsV2", {})):
        code, message = await refusal(objects.call(operation, **params))
        assert (code, message) == ("NoSuchBucket", "The specified bucket does not exist")


@pytest.mark.parametrize(
    "params",
    [
        {"ACL": "public-read"},
        {"ObjectLockEnabledForBucket": True},
        {"ObjectOwnership": "ObjectWriter"},
        {
            "CreateBucketConfiguration": {
                "LocationConstraint": "eu-test-1",
                "Tags": [{"Key": "a", "Value": "b"}],
            }
        },
    ],
)
async def test_what_is_not_kept_is_not_taken(objects: Objects, params: dict[str, Any]) -> None:
    assert (await refusal(objects.call("CreateBucket", Bucket="another", **(PLACE | params))))[0] == (
        "NotImplemented"
    )
