"""Objects: bytes in, the same bytes out, files that nobody can name."""

import asyncio
import os
from typing import Any

import pytest

from bastide.api.s3.files import ObjectFiles, sweep_objects
from tests.unit.api.conftest import VAULT
from tests.unit.api.s3.conftest import BUCKET, Objects, refusal


async def test_put_object_and_get_object(objects: Objects) -> None:
    put = await objects.put("app.env", b"A=1\n", ContentType="text/plain", Metadata={"team": "a"})
    assert put["ETag"] == '"7b9ee9647aa60af266c790de3f659403"'
    got = await objects.call("GetObject", Key="app.env")
    assert got["Body"] == b"A=1\n"
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (put["ETag"], "text/plain", {"team": "a"})
    assert (got["ContentLength"], got["ServerSideEncryption"]) == (4, "AES256")
    head = await objects.call("HeadObject", Key="app.env")
    assert head == {name: value for name, value in got.items() if name != "Body"}


async def test_the_file_on_disk_tells_nothing(objects: Objects) -> None:
    await objects.put("secret-name.env", b"PASSWORD=hunter2" * 100)
    [path] = objects.files()
    assert b"hunter2" not in path.read_bytes()
    assert "secret-name" not in str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("key", ["../../x", "/etc/passwd", "a/../../b", "..", "é/☃ +%&", "a" * 1024, "dir/"])
async def test_any_key_is_a_key_and_no_path(objects: Objects, key: str) -> None:
    await objects.put(key, b"x")
    assert await objects.read(key) == b"x"
    assert [path.parent for path in objects.files()] == [objects.root / BUCKET]
    listed = await objects.call("ListObjectsV2")
    assert [each["Key"] for each in listed["Contents"]] == [key]


async def test_a_key_that_cannot_be(objects: Objects) -> None:
    assert (await refusal(objects.put("é" * 513)))[0] == "KeyTooLongError"
    assert (await refusal(objects.put("a\0b")))[0] == "InvalidArgument"


async def test_a_replaced_or_deleted_object_leaves_no_file(objects: Objects) -> None:
    await objects.put("a", b"one")
    await objects.put("a", b"two")
    assert await objects.read("a") == b"two"
    assert len(objects.files()) == 1
    for _ in range(2):
        assert await objects.call("DeleteObject", Key="a") == {}
    assert objects.files() == []
    code, message = await refusal(objects.read("a"))
    assert (code, message) == ("NoSuchKey", "The specified key does not exist.")


async def test_a_put_that_fails_leaves_no_file(objects: Objects) -> None:
    await objects.put("a", b"one")
    assert (await refusal(objects.put("a", b"two", IfNoneMatch="*")))[0] == "PreconditionFailed"
    assert (await refusal(objects.put("a", b"two", IfMatch='"other"')))[0] == "PreconditionFailed"
    assert (await refusal(objects.put("b", b"two", IfMatch="*")))[0] == "NoSuchKey"
    assert len(objects.files()) == 1
    assert await objects.read("a", IfMatch=(await objects.call("HeadObject", Key="a"))["ETag"]) == b"one"


async def test_what_a_crash_left_goes_at_the_next_start(objects: Objects) -> None:
    await objects.put("a", b"one")
    files = ObjectFiles(objects.settings, VAULT)
    left = files.write(BUCKET, b"written, and never told")
    await sweep_objects(objects.api.store, files)
    assert len(objects.files()) == 2  # another server may be about to tell
    for path in objects.files():
        os.utime(path, (0, 0))
    await sweep_objects(objects.api.store, files)
    assert left not in [path.name for path in objects.files()]
    assert len(objects.files()) == 1
    assert await objects.read("a") == b"one"


async def test_many_puts_at_once_leave_one_object_and_one_file(objects: Objects) -> None:
    bodies = [str(number).encode() * 1000 for number in range(20)]
    results = await asyncio.gather(
        *(objects.put("a", body) for body in bodies), objects.read("a"), return_exceptions=True
    )
    assert sum(isinstance(result, dict) for result in results) == 20
    assert await objects.read("a") in bodies
    assert len(objects.files()) == 1


@pytest.mark.parametrize(
    ("asked", "body", "where"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
        ("bytes=-", b"0123456789", None),
        ("items=1-2", b"0123456789", None),
    ],
)
async def test_ranges(objects: Objects, asked: str, body: bytes, where: str | None) -> None:
    await objects.put("a", b"0123456789")
    got = await objects.call("GetObject", Key="a", Range=asked)
    assert (got["Body"], got.get("ContentRange")) == (body, where)
    assert got["ContentLength"] == len(body)


async def test_a_range_beyond_the_end_is_refused(objects: Objects) -> None:
    await objects.put("a", b"0123456789")
    for asked in ("bytes=10-", "bytes=5-4", "bytes=-0"):
        assert (await refusal(objects.read("a", Range=asked)))[0] == "InvalidRange"


CHECKSUMS = {
    "ChecksumCRC32": "y/Q5Jg==",
    "ChecksumCRC32C": "4waSgw==",
    "ChecksumCRC64NVME": "rosUhgp5mIg=",
    "ChecksumMD5": "JfnnlDI7RTiF9RgfG2JNCw==",
    "ChecksumSHA1": "98O8HYCOBHMq32eZZczDTKeuNEE=",
    "ChecksumSHA256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
}


@pytest.mark.parametrize("name", CHECKSUMS)
async def test_checksums_are_computed(objects: Objects, name: str) -> None:
    """Of the text every description of these algorithms gives a result for."""
    put = await objects.put("a", b"123456789", **{name: CHECKSUMS[name]})
    assert put[name] == CHECKSUMS[name]
    assert (await objects.call("HeadObject", Key="a", ChecksumMode="ENABLED"))[name] == CHECKSUMS[name]
    assert name not in await objects.call("HeadObject", Key="a")
    code, message = await refusal(objects.put("b", b"123456780", **{name: CHECKSUMS[name]}))
    assert code == "BadDigest"
    assert "did not match" in message
    assert len(objects.files()) == 1


async def test_content_md5_is_compared(objects: Objects) -> None:
    await objects.put("a", b"123456789", ContentMD5=CHECKSUMS["ChecksumMD5"])
    assert (await refusal(objects.put("a", b"x", ContentMD5=CHECKSUMS["ChecksumMD5"])))[0] == "BadDigest"
    assert (await refusal(objects.put("a", b"x", ContentMD5="é")))[0] == "InvalidDigest"


@pytest.mark.parametrize(
    "params",
    [
        {"ACL": "public-read"},
        {"StorageClass": "GLACIER"},
        {"ServerSideEncryption": "aws:kms"},
        {"SSECustomerKey": "x"},
        {"Tagging": "a=b"},
        {"ObjectLockMode": "GOVERNANCE"},
        {"ChecksumXXHASH64": "x"},
    ],
)
async def test_what_is_not_kept_is_not_taken(objects: Objects, params: dict[str, Any]) -> None:
    assert (await refusal(objects.put("a", **params)))[0] == "NotImplemented"
    assert objects.files() == []
