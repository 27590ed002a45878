"""Bodies in chunks: put together, and every signature of theirs checked."""

import hashlib
import hmac

import pytest

from bastide.wire.chunked import read_chunks
from bastide.wire.http import Request
from bastide.wire.malformed import Malformed
from bastide.wire.sigv4 import ChunkSeed, Refused

TIME, SCOPE, KEY, FIRST = "20250102T030405Z", "20250102/us-east-1/s3/aws4_request", b"k" * 32, "a" * 64
EMPTY = hashlib.sha256(b"").hexdigest()


def seed(*, is_signed: bool = True, has_trailer: bool = False) -> ChunkSeed:
    return ChunkSeed(KEY, TIME, SCOPE, FIRST, is_signed, has_trailer)


def signed(*parts: str) -> str:
    return hmac.new(KEY, "\n".join(parts).encode(), "sha256").hexdigest()


def in_chunks(*chunks: bytes, trailers: str = "") -> bytes:
    """As a client sends them: signed one after another, an empty one last, then the trailing headers."""
    body, previous = b"", FIRST
    for chunk in (*chunks, b""):
        digest = hashlib.sha256(chunk).hexdigest()
        previous = signed("AWS4-HMAC-SHA256-PAYLOAD", TIME, SCOPE, previous, EMPTY, digest)
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk
        body += b"\r\n" if chunk else b""
    if trailers:
        lines = trailers.replace("\r\n", "\n")
        digest = hashlib.sha256(lines.encode()).hexdigest()
        signature = signed("AWS4-HMAC-SHA256-TRAILER", TIME, SCOPE, previous, digest)
        body += f"{trailers}x-amz-trailer-signature:{signature}\r\n".encode()
    return body + b"\r\n"


def request(body: bytes, **headers: str) -> Request:
    return Request("PUT", "/b/k", "", {"content-encoding": "aws-chunked", **headers}, body)


def test_signed_chunks_become_one_body() -> None:
    whole = read_chunks(
        request(in_chunks(b"a" * 70000, b"bc"), **{"x-amz-decoded-content-length": "70002"}), seed()
    )
    assert whole.body == b"a" * 70000 + b"bc"
    assert whole.headers == {"content-length": "70002"}


def test_a_trailer_becomes_a_header() -> None:
    body = in_chunks(b"x", trailers="x-amz-checksum-crc32:AAAAAA==\r\n")
    headers = {"x-amz-trailer": "x-amz-checksum-crc32", "content-encoding": "aws-chunked,gzip"}
    whole = read_chunks(request(body, **headers), seed(has_trailer=True))
    assert whole.headers["x-amz-checksum-crc32"] == "AAAAAA=="
    assert whole.headers["content-encoding"] == "gzip"


def test_unsigned_chunks_with_a_trailer() -> None:
    body = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    whole = read_chunks(
        request(body, **{"x-amz-trailer": "x-amz-checksum-crc32"}), seed(is_signed=False, has_trailer=True)
    )
    assert (whole.body, whole.headers["x-amz-checksum-crc32"]) == (b"abc", "AAAAAA==")


@pytest.mark.parametrize("place", ["data", "signature", "trailer"])
def test_a_change_anywhere_is_refused(place: str) -> None:
    body = in_chunks(b"hello", trailers="x-amz-checksum-crc32:AAAAAA==\r\n")
    found = {"data": b"hello", "signature": b"chunk-signature=", "trailer": b"AAAAAA=="}[place]
    at = body.index(found) + len(found) - 1
    at += place == "signature"
    changed = body[:at] + (b"1" if body[at : at + 1] != b"1" else b"2") + body[at + 1 :]
    with pytest.raises(Refused):
        read_chunks(request(changed, **{"x-amz-trailer": "x-amz-checksum-crc32"}), seed(has_trailer=True))


def test_chunks_left_out_or_moved_are_refused() -> None:
    body = in_chunks(b"one", b"two")
    first, second = body.index(b"3;"), body.index(b"3;", 10)
    last = body.index(b"0;")
    for wrong in (
        body[:first] + body[second:],
        body[second:last] + body[first:second] + body[last:],
        body[:second] + body[last:],
    ):
        with pytest.raises(Refused):
            read_chunks(request(wrong), seed())


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"\r\n",
            b"plain",
            b"zz\r\n",
            b"-1\r\n",
            b"5\r\nabc",
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"3\r\nabc\r\n",
        ),
        *(b"ffffffffff\r\nabc", b"0\r\nname:value\r\n\r\n", b"0\r\n" + b"x" * 20000, b"0\r\n\xff:x\r\n"),
    ],
)
def test_what_is_not_in_chunks_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_chunks(request(body), seed(is_signed=False))


def test_a_length_that_is_wrong_is_malformed() -> None:
    with pytest.raises(Malformed, match="x-amz-decoded-content-length"):
        read_chunks(request(in_chunks(b"abc"), **{"x-amz-decoded-content-length": "4"}), seed())


def test_no_key_is_in_a_repr() -> None:
    assert "kkkk" not in repr(seed())
