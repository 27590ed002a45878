"""What a request says of its own signature, taken apart but not yet believed.

Knows the header form and the presigned one; says what is missing or out of shape, never whether it is true.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NoReturn
from urllib.parse import unquote_to_bytes

import msgspec

from bastide.wire.http import Request, tellable

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
PRESIGNED_MAX_S = 604800  # seven days, same source
PRESIGNED_DEFAULT_S = 3600

_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_REQUIRED = ("Credential", "Signature", "SignedHeaders")
_FIELDS = re.compile(r"(?<![^,\s])(Credential|SignedHeaders|Signature)=([^,\s]*)")
_HEX_64 = re.compile(r"[0-9a-f]{64}")


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
        self.message = tellable(message)


class Claim(msgspec.Struct, frozen=True):
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


def refuse(reason: RefusedReason, message: str) -> NoReturn:
    """Ends the verification."""
    raise Refused(reason, message)


def header_claim(request: Request) -> Claim:
    """The claim in the Authorization header."""
    header = request.headers.get("authorization", "")
    if not header:
        refuse(RefusedReason.MISSING, "Request is missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        refuse(RefusedReason.INCOMPLETE, f"Authorization header must use the algorithm {ALGORITHM}.")
    fields = dict(_FIELDS.findall(rest))
    time = request.headers.get("x-amz-date") or _http_date(request.headers.get("date", ""))
    missing = [
        f"Authorization header requires '{name}' parameter." for name in _REQUIRED if not fields.get(name)
    ]
    if not time:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        refuse(RefusedReason.INCOMPLETE, " ".join(missing))
    return _claim(fields, time, request.headers.get("x-amz-security-token"), request.query, None)


def presigned_claim(request: Request) -> Claim:
    """The claim in a presigned URL."""
    fields: dict[str, str] = {}
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        if fields.setdefault(_decode(name), _decode(value)) != _decode(value) and name.startswith("X-Amz-"):
            refuse(RefusedReason.INCOMPLETE, f"Query string has {name[:64]} twice.")
    if fields.get("X-Amz-Algorithm") != ALGORITHM:
        refuse(RefusedReason.INCOMPLETE, f"X-Amz-Algorithm must be {ALGORITHM}.")
    lifetime = fields.get("X-Amz-Expires", str(PRESIGNED_DEFAULT_S))
    if not re.fullmatch("[0-9]{1,6}", lifetime) or not 1 <= int(lifetime) <= PRESIGNED_MAX_S:
        refuse(RefusedReason.INCOMPLETE, f"X-Amz-Expires must be between 1 and {PRESIGNED_MAX_S} seconds.")
    for name in ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date"):
        if not fields.get(name):
            refuse(RefusedReason.INCOMPLETE, f"Query string requires '{name}' parameter.")
    named = {name.removeprefix("X-Amz-"): value for name, value in fields.items()}
    query = "&".join(part for part in request.query.split("&") if not part.startswith("X-Amz-Signature="))
    return _claim(named, named["Date"], named.get("Security-Token"), query, int(lifetime))


def _claim(
    fields: Mapping[str, str], time: str, token: str | None, query: str, lifetime_s: int | None
) -> Claim:
    parts = fields["Credential"].split("/")
    if len(parts) != 5:
        refuse(
            RefusedReason.INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got '" + fields["Credential"][:128] + "'",
        )
    key_id, date, region, service, terminator = parts
    if terminator != TERMINATOR:
        refuse(
            RefusedReason.BAD_SCOPE, f"Credential should be scoped with a valid terminator: '{TERMINATOR}'."
        )
    if not (key_id and region and service):
        refuse(RefusedReason.BAD_SCOPE, "Credential should be scoped to a valid region.")
    if not _TIME.fullmatch(time):
        refuse(RefusedReason.INCOMPLETE, "Date must be in ISO-8601 'basic format', such as 20250102T030405Z.")
    if date != time[:8]:
        refuse(
            RefusedReason.BAD_SCOPE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date[:16]}' != '{time[:8]}', from '{time}'.",
        )
    if not _HEX_64.fullmatch(fields["Signature"]):
        refuse(RefusedReason.MISMATCH, "The signature is not 64 hexadecimal digits.")
    headers = tuple(fields["SignedHeaders"].lower().split(";"))
    return Claim(
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


def _decode(text: str) -> str:
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
