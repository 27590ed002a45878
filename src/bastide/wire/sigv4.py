"""AWS Signature Version 4: who signed a request, or why that can't be said.

Knows header and presigned forms. Whatever decides what a request does must be signed: host, date, target,
token; the body by its hash. Only services signed the S3 way may leave the body unsigned or stream it.
Invariants: signatures and tokens are compared in constant time; no secret reaches a message.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import NoReturn
from urllib.parse import quote, unquote_to_bytes

import msgspec

from bastide.wire.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
WINDOW = timedelta(minutes=15)  # IAM User Guide, "Signature Version 4 request elements"
PRESIGNED_MAX_S = 604800  # seven days, same source
PRESIGNED_DEFAULT_S = 3600
S3_LIKE = frozenset({"s3", "s3express", "s3-outposts", "s3-object-lambda"})  # sign the path once, may stream
EMPTY_HASH = sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = frozenset(
    {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }
)
MUST_BE_SIGNED = ("x-amz-date", "x-amz-target", "x-amz-security-token")  # beside host

_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_SPACES = re.compile(r" {2,}")


class RefusedReason(StrEnum):
    """The ways a signature can fail; the API gives each its code."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    UNKNOWN_KEY = "unknown-key"
    MISMATCH = "mismatch"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    BAD_SCOPE = "bad-scope"
    EXPIRED_TOKEN = "expired-token"
    BAD_TOKEN = "bad-token"
    BODY_HASH = "body-hash"
    UNSUPPORTED_PAYLOAD = "unsupported-payload"


class Refused(Exception):
    """A request whose signature does not vouch for it."""

    def __init__(self, reason: RefusedReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class PayloadKind(StrEnum):
    """What the signature says of the body."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    STREAMING = "streaming"  # signed chunk by chunk: whoever reads the body must check the chunks


class Identity(msgspec.Struct, frozen=True):
    """What a valid signature vouches for."""

    access_key_id: str
    region: str
    service: str
    signed_at: datetime
    payload: PayloadKind = PayloadKind.SIGNED


class Secret(msgspec.Struct, frozen=True):
    """An access key's secret half, and the session it belongs to, if any."""

    secret_access_key: str
    session_token: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Secret(expires_at={self.expires_at!r})"


class _Claim(msgspec.Struct, frozen=True):
    """What a request says of its own signature, before any of it is believed."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    time: str
    token: str | None
    query: str
    lifetime_s: int | None  # None: signed in the header

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


def verify(
    request: Request,
    find_secret: Callable[[str], Secret | None],
    *,
    now: datetime,
    window: timedelta = WINDOW,
) -> Identity:
    """Who signed `request`. Raises Refused; reads no clock, keeps nothing but derived keys."""
    claim = _presigned_claim(request) if "X-Amz-Signature=" in request.query else _header_claim(request)
    signed_at = _check_time(claim, now, window)
    _check_signed_headers(claim, request.headers)
    secret = find_secret(claim.access_key_id)
    if secret is None:
        _refuse(RefusedReason.UNKNOWN_KEY, "The security token included in the request is invalid.")
    payload_hash, payload = _payload(claim, request)
    expected = _signature(claim, request, payload_hash, secret.secret_access_key)
    if not hmac.compare_digest(expected, claim.signature):
        _refuse(
            RefusedReason.MISMATCH,
            "The request signature we calculated does not match the signature you provided. Check your AWS "
            "Secret Access Key and signing method. Consult the service documentation for details.",
        )
    _check_session(claim, secret, now)
    return Identity(claim.access_key_id, claim.region, claim.service, signed_at, payload)


def _refuse(reason: RefusedReason, message: str) -> NoReturn:
    raise Refused(reason, message)


def _header_claim(request: Request) -> _Claim:
    header = request.headers.get("authorization", "")
    if not header:
        _refuse(RefusedReason.MISSING, "Request is missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        _refuse(RefusedReason.INCOMPLETE, f"Authorization header must use the algorithm {ALGORITHM}.")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    time = request.headers.get("x-amz-date") or _http_date(request.headers.get("date", ""))
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not fields.get(name)
    ]
    if not time:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        _refuse(RefusedReason.INCOMPLETE, " ".join(missing))
    return _claim(fields, time, request.headers.get("x-amz-security-token"), request.query, None)


def _presigned_claim(request: Request) -> _Claim:
    fields: dict[str, str] = {}
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        if fields.setdefault(_decode(name), _decode(value)) != _decode(value) and name.startswith("X-Amz-"):
            _refuse(RefusedReason.INCOMPLETE, f"Query string has {name[:64]} twice.")
    if fields.get("X-Amz-Algorithm") != ALGORITHM:
        _refuse(RefusedReason.INCOMPLETE, f"X-Amz-Algorithm must be {ALGORITHM}.")
    lifetime = fields.get("X-Amz-Expires", str(PRESIGNED_DEFAULT_S))
    if not re.fullmatch("[0-9]{1,6}", lifetime) or not 1 <= int(lifetime) <= PRESIGNED_MAX_S:
        _refuse(RefusedReason.INCOMPLETE, f"X-Amz-Expires must be between 1 and {PRESIGNED_MAX_S} seconds.")
    for name in ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date"):
        if not fields.get(name):
            _refuse(RefusedReason.INCOMPLETE, f"Query string requires '{name}' parameter.")
    named = {name.removeprefix("X-Amz-"): value for name, value in fields.items()}
    query = "&".join(part for part in request.query.split("&") if not part.startswith("X-Amz-Signature="))
    return _claim(named, named["Date"], named.get("Security-Token"), query, int(lifetime))


def _claim(
    fields: Mapping[str, str], time: str, token: str | None, query: str, lifetime_s: int | None
) -> _Claim:
    parts = fields["Credential"].split("/")
    if len(parts) != 5:
        _refuse(
            RefusedReason.INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got '" + fields["Credential"][:128] + "'",
        )
    key_id, date, region, service, terminator = parts
    if terminator != TERMINATOR:
        _refuse(
            RefusedReason.BAD_SCOPE, f"Credential should be scoped with a valid terminator: '{TERMINATOR}'."
        )
    if not (key_id and region and service):
        _refuse(RefusedReason.BAD_SCOPE, "Credential should be scoped to a valid region.")
    if not _TIME.fullmatch(time):
        _refuse(
            RefusedReason.INCOMPLETE, "Date must be in ISO-8601 'basic format', such as 20250102T030405Z."
        )
    if date != time[:8]:
        _refuse(
            RefusedReason.BAD_SCOPE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date[:16]}' != '{time[:8]}', from '{time}'.",
        )
    if not _HEX_64.fullmatch(fields["Signature"]):
        _refuse(RefusedReason.MISMATCH, "The signature is not 64 hexadecimal digits.")
    headers = tuple(fields["SignedHeaders"].lower().split(";"))
    return _Claim(
        key_id, date, region, service, headers, fields["Signature"], time, token or None, query, lifetime_s
    )


def _http_date(text: str) -> str:
    """A Date header in the form that is signed; empty when it can't be read."""
    if _TIME.fullmatch(text):
        return text
    try:
        return datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").strftime("%Y%m%dT%H%M%SZ")
    except ValueError:
        return ""


def _check_time(claim: _Claim, now: datetime, window: timedelta) -> datetime:
    try:
        signed_at = datetime.strptime(claim.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        _refuse(RefusedReason.INCOMPLETE, f"Date is not a date: {claim.time}")
    minutes = int(window.total_seconds() // 60)
    if signed_at > now + window:
        _refuse(
            RefusedReason.NOT_YET,
            f"Signature not yet current: {claim.time} is still later than {_stamp(now + window)} "
            f"({_stamp(now)} + {minutes} min.)",
        )
    lifetime = window if claim.lifetime_s is None else timedelta(seconds=claim.lifetime_s)
    if signed_at < now - lifetime:
        span = f"{minutes} min." if claim.lifetime_s is None else f"{claim.lifetime_s} s"
        _refuse(
            RefusedReason.EXPIRED,
            f"Signature expired: {claim.time} is now earlier than {_stamp(now - lifetime)} "
            f"({_stamp(now)} - {span})",
        )
    return signed_at


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _check_signed_headers(claim: _Claim, headers: Mapping[str, str]) -> None:
    signed = claim.signed_headers
    unsigned = [name for name in MUST_BE_SIGNED if name in headers and name not in signed]
    if claim.lifetime_s is None and "x-amz-date" not in headers and "date" not in signed:
        unsigned.append("date")
    if "host" not in signed:
        unsigned.insert(0, "host")
    if unsigned:
        names = ", ".join(f"'{name}'" for name in unsigned)
        _refuse(RefusedReason.MISMATCH, f"{names} must be a 'SignedHeader' in the AWS Authorization.")
    absent = [name for name in signed if name not in headers]
    if absent:
        _refuse(RefusedReason.MISMATCH, f"Signed header '{absent[0][:64]}' is not in the request.")


def _payload(claim: _Claim, request: Request) -> tuple[str, PayloadKind]:
    """The payload hash that was signed, and what it says of the body."""
    is_s3 = claim.service in S3_LIKE
    stated = request.headers.get("x-amz-content-sha256")
    if stated is None and claim.lifetime_s is not None and is_s3:
        stated = UNSIGNED
    if stated is None:
        return (sha256(request.body).hexdigest() if request.body else EMPTY_HASH), PayloadKind.SIGNED
    if stated == UNSIGNED or stated in STREAMING:
        if not is_s3:
            _refuse(RefusedReason.UNSUPPORTED_PAYLOAD, "This service takes no unsigned or streamed payload.")
        return stated, PayloadKind.UNSIGNED if stated == UNSIGNED else PayloadKind.STREAMING
    if not hmac.compare_digest(_bytes(stated), sha256(request.body).hexdigest().encode()):
        _refuse(
            RefusedReason.BODY_HASH, "The provided 'x-amz-content-sha256' header does not match the body."
        )
    return stated, PayloadKind.SIGNED


def _check_session(claim: _Claim, secret: Secret, now: datetime) -> None:
    wanted, given = secret.session_token, claim.token
    if not hmac.compare_digest(_bytes(wanted or ""), _bytes(given or "")):
        _refuse(RefusedReason.BAD_TOKEN, "The security token included in the request is invalid.")
    if secret.expires_at is not None and secret.expires_at <= now:
        _refuse(RefusedReason.EXPIRED_TOKEN, "The security token included in the request is expired")


def _signature(claim: _Claim, request: Request, payload_hash: str, secret: str) -> str:
    headers = request.headers
    lines = "".join(f"{name}:{_folded(headers[name])}\n" for name in sorted(claim.signed_headers))
    canonical = (
        f"{request.method}\n{_canonical_path(request.path, claim.service)}\n{_canonical_query(claim.query)}\n"
        f"{lines}\n{';'.join(claim.signed_headers)}\n{payload_hash}"
    )
    digest = sha256(_bytes(canonical)).hexdigest()
    to_sign = f"{ALGORITHM}\n{claim.time}\n{claim.scope}\n{digest}"
    key = _signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.digest(key, _bytes(to_sign), "sha256").hex()


def _bytes(text: str) -> bytes:
    """The bytes the client sent; see `http`."""
    return text.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, _bytes(part), "sha256")
    return key


def _folded(value: str) -> str:
    value = value.strip()
    return _SPACES.sub(" ", value) if "  " in value else value


def _canonical_path(path: str, service: str) -> str:
    if path in ("", "/"):
        return "/"
    if service in S3_LIKE:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + tail, safe="/~", errors="surrogateescape")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = (part.partition("=")[::2] for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, v in pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(_bytes(text)), safe="-_.~")


def _decode(text: str) -> str:
    return unquote_to_bytes(_bytes(text)).decode("utf-8", "replace")
