"""Policies of buckets."""

from typing import Any

import pytest

from tests.unit.api.authorization.world import policy
from tests.unit.api.s3.conftest import BUCKET, Objects, refusal

STATEMENT = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}
TEXT = policy(STATEMENT)


async def test_a_policy_is_kept_shown_and_taken_away(objects: Objects) -> None:
    missing = ("NoSuchBucketPolicy", "The bucket policy does not exist")
    assert await refusal(objects.call("GetBucketPolicy")) == missing
    await objects.call("PutBucketPolicy", Policy=TEXT)
    assert await objects.call("GetBucketPolicy") == {"Policy": TEXT}
    for _ in range(2):
        await objects.call("DeleteBucketPolicy")
    assert await refusal(objects.call("GetBucketPolicy")) == missing


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ({"Resource": "arn:aws:s3:::other/*"}, "Policy has invalid resource"),
        ({"Resource": f"arn:aws:s3:::{BUCKET}2"}, "Policy has invalid resource"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": "ecs:RunTask"}, "Policy has invalid action"),
        (
            {"Principal": {"AWS": "ann"}},
            'Invalid principal in policy: "AWS":"ann"',
        ),
    ],
)
async def test_what_is_no_policy_of_this_bucket(
    objects: Objects, statement: dict[str, Any], told: str
) -> None:
    given = {name: value for name, value in {**STATEMENT, **statement}.items() if value is not None}
    refused = await refusal(objects.call("PutBucketPolicy", Policy=policy(given)))
    assert refused == ("MalformedPolicy", told)


async def test_what_is_no_json_or_too_much(objects: Objects) -> None:
    refused = await refusal(objects.call("PutBucketPolicy", Policy=f"[{TEXT}]"))
    assert refused == ("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    large = policy(STATEMENT | {"Sid": "a" * 20_480})
    assert (await refusal(objects.call("PutBucketPolicy", Policy=large)))[0] == "PolicyTooLarge"
    wrong = await refusal(objects.call("PutBucketPolicy", Policy=TEXT, ChecksumCRC32="AAAAAA=="))
    assert wrong[0] == "BadDigest"
