"""ListObjectsV2, against what a listing written down plainly would give."""

import random
from itertools import product
from typing import Any

import pytest

from tests.unit.api.s3.conftest import Objects, refusal

KEYS = ["a", "a/1", "a/2/x", "a/2/y", "b", "b//c", "dir/", "dir/z", "é", "zz/a/b/c"]


@pytest.fixture
async def filled(objects: Objects) -> Objects:
    for key in KEYS:
        await objects.put(key)
    return objects


def expected(keys: list[str], prefix: str, delimiter: str) -> list[str]:
    """Keys and common prefixes in the order of a listing."""
    shown: list[str] = []
    for key in sorted(key for key in keys if key.startswith(prefix)):
        inside, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        entry = f"{prefix}{inside}{delimiter}" if found else key
        if entry not in shown:
            shown.append(entry)
    return shown


async def listing(objects: Objects, **params: Any) -> list[str]:
    """All pages put together."""
    shown: list[str] = []
    while True:
        page = await objects.call("ListObjectsV2", **params)
        entries = [each["Key"] for each in page["Contents"]]
        entries += [each["Prefix"] for each in page["CommonPrefixes"]]
        assert page["KeyCount"] == len(entries)
        shown += sorted(entries)
        if not page["IsTruncated"]:
            assert "NextContinuationToken" not in page
            return shown
        params["ContinuationToken"] = page["NextContinuationToken"]


async def test_any_page_size_gives_the_whole(filled: Objects) -> None:
    prefixes = ("", "a", "a/", "b", "dir/", "nothing", "zz/a/")
    for prefix, delimiter, size in product(prefixes, ("", "/", "2/"), (1, 2, 3, 1000)):
        params = {"Prefix": prefix or None, "Delimiter": delimiter or None, "MaxKeys": size}
        shown = await listing(filled, **params)
        assert shown == expected(KEYS, prefix, delimiter), (prefix, delimiter, size)


async def test_drawn_keys_give_the_whole(objects: Objects) -> None:
    drawn = random.Random(4)
    keys = list({"/".join(drawn.choice("abc") for _ in range(drawn.randint(1, 4))) for _ in range(60)})
    for key in keys:
        await objects.put(key)
    for prefix in ("", "a", "a/", "a/b/"):
        shown = await listing(objects, Prefix=prefix or None, Delimiter="/", MaxKeys=2)
        assert shown == expected(keys, prefix, "/")


async def test_start_after_and_encoding(filled: Objects) -> None:
    assert await listing(filled, StartAfter="dir/z") == ["zz/a/b/c", "é"]
    encoded = await filled.call("ListObjectsV2", StartAfter="zz", EncodingType="url")
    assert [each["Key"] for each in encoded["Contents"]] == ["zz/a/b/c", "%C3%A9"]


async def test_a_page_of_none_is_empty(filled: Objects) -> None:
    page = await filled.call("ListObjectsV2", MaxKeys=0)
    assert (page["Contents"], page["IsTruncated"]) == ([], False)
    assert (await refusal(filled.call("ListObjectsV2", MaxKeys=-1)))[0] == "InvalidArgument"
    assert (await refusal(filled.call("ListObjectsV2", ContinuationToken="x")))[0] == "InvalidArgument"
