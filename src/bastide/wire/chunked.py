"""Bodies sent in signed or unsigned chunks (`aws-chunked`), as some clients send them to services signed the
S3 way: taken apart, every chunk's signature checked, trailing headers made headers.

Format: S3 API reference, "Signature calculations: transferring a payload in multiple chunks". A body comes
out whole or not at all.
"""

import hmac
import re
from hashlib import sha256

from msgspec.structs import replace

from bastide.wire.http import Request
from bastide.wire.malformed import unreadable
from bastide.wire.sigv4 import ChunkSeed, Refused, RefusedReason

ENCODING = "aws-chunked"
TRAILERS_MAX_BYTES = 16 * 1024
_LINE_END = b"\r\n"
_HEAD = re.compile(rb"([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?")
_EMPTY_HASH = sha256(b"").hexdigest()
_SIGNATURE_TRAILER = "x-amz-trailer-signature"


def read_chunks(request: Request, seed: ChunkSeed) -> Request:
    """The request with its body put together. Raises Malformed, or Refused for a chunk nobody signed."""
    body, at, signature = bytearray(), 0, seed.signature
    while True:
        size, given, at = _read_head(request.body, at)
        data = request.body[at : at + size]
        if len(data) < size:
            raise unreadable("The body ends inside a chunk")
        if seed.is_signed:
            signature = _checked(seed, _chunk_text(seed, signature, data), given)
        at += size
        if size == 0:
            break
        if request.body[at : at + 2] != _LINE_END:
            raise unreadable("A chunk is longer than it says")
        at += 2
        body += data
    trailers = _read_trailers(request.body[at:])
    if seed.is_signed and seed.has_trailer:
        given = trailers.pop(_SIGNATURE_TRAILER, "")
        _checked(seed, _trailer_text(seed, signature, trailers), given)
    return _whole(request, bytes(body), trailers)


def _read_head(body: bytes, at: int) -> tuple[int, str, int]:
    """Size and signature of the chunk that begins here, and where its data begins."""
    end = body.find(_LINE_END, at, at + 128)
    found = _HEAD.fullmatch(body[at:end]) if end >= 0 else None
    if found is None:
        raise unreadable("The body is not in chunks")
    return int(found[1], 16), (found[2] or b"").decode(), end + 2


def _read_trailers(rest: bytes) -> dict[str, str]:
    if len(rest) > TRAILERS_MAX_BYTES:
        raise unreadable("The trailing headers are too long")
    try:
        lines = rest.decode().split("\r\n")
    except UnicodeDecodeError as cause:
        raise unreadable("The trailing headers are not text") from cause
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _whole(request: Request, body: bytes, trailers: dict[str, str]) -> Request:
    headers = dict(request.headers)
    stated = headers.pop("x-amz-decoded-content-length", str(len(body)))
    if stated != str(len(body)):
        raise unreadable("The body does not have the length that x-amz-decoded-content-length says")
    announced = {name.strip().lower() for name in headers.pop("x-amz-trailer", "").split(",") if name.strip()}
    if announced != trailers.keys():
        raise unreadable("The trailing headers are not those that x-amz-trailer says")
    codings = [each.strip() for each in headers.pop("content-encoding", "").split(",")]
    if kept := [each for each in codings if each and each.lower() != ENCODING]:
        headers["content-encoding"] = ",".join(kept)
    headers["content-length"] = str(len(body))
    return replace(request, headers=headers | trailers, body=body)


def _chunk_text(seed: ChunkSeed, previous: str, data: bytes) -> str:
    what = (previous, _EMPTY_HASH, sha256(data).hexdigest())
    return "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", seed.time, seed.scope, *what))


def _trailer_text(seed: ChunkSeed, previous: str, trailers: dict[str, str]) -> str:
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
    what = (previous, sha256(lines.encode()).hexdigest())
    return "\n".join(("AWS4-HMAC-SHA256-TRAILER", seed.time, seed.scope, *what))


def _checked(seed: ChunkSeed, text: str, given: str) -> str:
    expected = hmac.digest(seed.key, text.encode(), "sha256").hex()
    if not hmac.compare_digest(expected, given):
        raise Refused(
            RefusedReason.MISMATCH,
            "The signature of a chunk we calculated does not match the one you provided.",
        )
    return expected
