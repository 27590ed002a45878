"""AWS Signature Version 4: who signed a request, or why that can't be said.

Knows header and presigned forms. Whatever decides what a request does must be signed: host, date, target,
token; the body by its hash. Only services signed the S3 way may leave the body unsigned or stream it.
Invariants: signatures and tokens are compared in constant time; no secret reaches a message.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

import msgspec

from bastide.wire.codec.canonical import S3_LIKE, as_sent, canonical_path, canonical_query, folded
from bastide.wire.codec.claims import (
    ALGORITHM,
    TERMINATOR,
    Claim,
    Refused,
    RefusedReason,
    header_claim,
    presigned_claim,
    refuse,
)
from bastide.wire.http import Request

WINDOW = timedelta(minutes=15)  # IAM User Guide, "Signature Version 4 request elements"
EMPTY_HASH = sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
ALGORITHM_STREAMED = "STREAMING-AWS4-HMAC-SHA256"
STREAMING = frozenset(
    {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }
)
CONTENT_HASH = "x-amz-content-sha256"
MUST_BE_SIGNED = ("x-amz-date", "x-amz-target", "x-amz-security-token")  # beside host

__all__ = [
    "ChunkSeed",
    "Identity",
    "PayloadKind",
    "Refused",
    "RefusedReason",
    "Secret",
    "claim_of",
    "verify",
]


class PayloadKind(StrEnum):
    """What the signature says of the body."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    STREAMING = "streaming"  # in chunks, each signed for itself: `chunked` reads and checks them


class ChunkSeed(msgspec.Struct, frozen=True):
    """What the signatures of a body's chunks go on from."""

    key: bytes
    time: str
    scope: str
    signature: str
    is_signed: bool
    has_trailer: bool

    def __repr__(self) -> str:
        return f"ChunkSeed({self.scope!r})"


class Identity(msgspec.Struct, frozen=True):
    """What a valid signature vouches for."""

    access_key_id: str
    region: str
    service: str
    signed_at: datetime
    payload: PayloadKind = PayloadKind.SIGNED
    chunks: ChunkSeed | None = None  # where payload is STREAMING


class Secret(msgspec.Struct, frozen=True):
    """An access key's secret half, and the session it belongs to, if any."""

    secret_access_key: str
    session_token: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Secret(expires_at={self.expires_at!r})"


def verify(
    request: Request,
    find_secret: Callable[[str], Secret | None],
    *,
    now: datetime,
    window: timedelta = WINDOW,
    claim: Claim | None = None,
) -> Identity:
    """Who signed `request`; its claim may have been read. Raises Refused, keeps nothing but derived keys."""
    claim = claim or claim_of(request)
    signed_at = _check_time(claim, now, window)
    _check_signed_headers(claim, request.headers)
    secret = find_secret(claim.access_key_id)
    if secret is None:
        refuse(RefusedReason.UNKNOWN_KEY, "The security token included in the request is invalid.")
    payload_hash, payload = _payload(claim, request)
    expected = _signature(claim, request, payload_hash, secret.secret_access_key)
    if not hmac.compare_digest(expected, claim.signature):
        refuse(
            RefusedReason.MISMATCH,
            "The request signature we calculated does not match the signature you provided. Check your AWS "
            "Secret Access Key and signing method. Consult the service documentation for details.",
        )
    _check_session(claim, secret, now)
    chunks = None
    if payload is PayloadKind.STREAMING:
        key = _signing_key(secret.secret_access_key, claim.date, claim.region, claim.service)
        is_signed, has_trailer = payload_hash.startswith(ALGORITHM_STREAMED), payload_hash.endswith("TRAILER")
        chunks = ChunkSeed(key, claim.time, claim.scope, expected, is_signed, has_trailer)
    return Identity(claim.access_key_id, claim.region, claim.service, signed_at, payload, chunks)


def claim_of(request: Request) -> Claim:
    """What a request says of its signature; raises Refused, and believes none of it."""
    is_presigned = "X-Amz-Signature=" in request.query and "authorization" not in request.headers
    return presigned_claim(request) if is_presigned else header_claim(request)


def _check_time(claim: Claim, now: datetime, window: timedelta) -> datetime:
    try:
        signed_at = datetime.fromisoformat(claim.time)  # a tenth of what strptime takes
    except ValueError:
        refuse(RefusedReason.INCOMPLETE, f"Date is not a date: {claim.time}")
    minutes = int(window.total_seconds() // 60)
    if signed_at > now + window:
        refuse(
            RefusedReason.NOT_YET,
            f"Signature not yet current: {claim.time} is still later than {_stamp(now + window)} "
            f"({_stamp(now)} + {minutes} min.)",
        )
    lifetime = window if claim.lifetime_s is None else timedelta(seconds=claim.lifetime_s)
    if signed_at < now - lifetime:
        span = f"{minutes} min." if claim.lifetime_s is None else f"{claim.lifetime_s} s"
        refuse(
            RefusedReason.EXPIRED,
            f"Signature expired: {claim.time} is now earlier than {_stamp(now - lifetime)} "
            f"({_stamp(now)} - {span})",
        )
    return signed_at


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _check_signed_headers(claim: Claim, headers: Mapping[str, str]) -> None:
    signed = claim.signed_headers
    wanted: Iterable[str] = MUST_BE_SIGNED
    if claim.service in S3_LIKE:  # acts on headers by dozens; the hash of the body is signed as such
        wanted = (name for name in headers if name.startswith("x-amz-") and name != CONTENT_HASH)
    unsigned = [name for name in wanted if name in headers and name not in signed]
    if claim.lifetime_s is None and "x-amz-date" not in headers and "date" not in signed:
        unsigned.append("date")
    if "host" not in signed:
        unsigned.insert(0, "host")
    if unsigned:
        names = ", ".join(f"'{name}'" for name in unsigned)
        refuse(RefusedReason.MISMATCH, f"{names} must be a 'SignedHeader' in the AWS Authorization.")
    absent = [name for name in signed if name not in headers]
    if absent:
        refuse(RefusedReason.MISMATCH, f"Signed header '{absent[0][:64]}' is not in the request.")


def _payload(claim: Claim, request: Request) -> tuple[str, PayloadKind]:
    """The payload hash that was signed, and what it says of the body."""
    is_s3 = claim.service in S3_LIKE
    stated = request.headers.get(CONTENT_HASH)
    if stated is None and claim.lifetime_s is not None and is_s3:
        stated = UNSIGNED
    if stated is None:
        return (sha256(request.body).hexdigest() if request.body else EMPTY_HASH), PayloadKind.SIGNED
    if stated == UNSIGNED or stated in STREAMING:
        if not is_s3:
            refuse(RefusedReason.UNSUPPORTED_PAYLOAD, "This service takes no unsigned or streamed payload.")
        return stated, PayloadKind.UNSIGNED if stated == UNSIGNED else PayloadKind.STREAMING
    if not hmac.compare_digest(as_sent(stated), sha256(request.body).hexdigest().encode()):
        refuse(RefusedReason.BODY_HASH, "The provided 'x-amz-content-sha256' header does not match the body.")
    return stated, PayloadKind.SIGNED


def _check_session(claim: Claim, secret: Secret, now: datetime) -> None:
    wanted, given = secret.session_token, claim.token
    if (wanted or given) and not hmac.compare_digest(as_sent(wanted or ""), as_sent(given or "")):
        refuse(RefusedReason.BAD_TOKEN, "The security token included in the request is invalid.")
    if secret.expires_at is not None and secret.expires_at <= now:
        refuse(RefusedReason.EXPIRED_TOKEN, "The security token included in the request is expired")


def _signature(claim: Claim, request: Request, payload_hash: str, secret: str) -> str:
    headers = request.headers
    lines = "".join(f"{name}:{folded(headers[name])}\n" for name in sorted(claim.signed_headers))
    canonical = (
        f"{request.method}\n{canonical_path(request.path, claim.service)}\n{canonical_query(claim.query)}\n"
        f"{lines}\n{';'.join(claim.signed_headers)}\n{payload_hash}"
    )
    digest = sha256(as_sent(canonical)).hexdigest()
    to_sign = f"{ALGORITHM}\n{claim.time}\n{claim.scope}\n{digest}"
    signing = _signing(secret, claim.date, claim.region, claim.service).copy()
    signing.update(as_sent(to_sign))
    return signing.hexdigest()


@lru_cache(maxsize=1024)
def _signing(secret: str, date: str, region: str, service: str) -> hmac.HMAC:
    """With its key in place, to be copied: that costs a third of beginning with the key."""
    return hmac.new(_signing_key(secret, date, region, service), digestmod="sha256")


def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, as_sent(part), "sha256")
    return key
