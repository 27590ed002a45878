"""Why a pull failed, in the words ECS users know: those of the client that AWS's agents pull with.

A `Trouble` is one attempt's; what becomes of it is for `Attempts` to say. `PullFailed` is the end of a pull:
its text is what stands behind `CannotPullContainerError: `. No text holds a credential or a URL's query.
"""

import errno
import socket
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from bastide.model.faults import Invalid

DENIED = "pull access denied, repository does not exist or may require authorization"
NO_CREDENTIALS = "no basic auth credentials"
MESSAGE_MAX_CHARS = 400  # of what a registry says
PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class PullFailed(Invalid):
    """The image cannot be had, and trying again at once would not help."""

    def __init__(self, image: str, *, why: str) -> None:
        super().__init__("image", image, why=why)


class Trouble(Exception):
    """One attempt came to nothing."""

    def __init__(self, why: str, *, is_passing: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.is_passing = is_passing
        self.retry_after_s = retry_after_s


def trouble_with_line(error: Exception, *, method: str, url: str) -> Trouble:
    """From what the HTTP library raised."""
    why, is_passing = _line_words(error, urlsplit(url).netloc)
    return Trouble(f'failed to do request: {method.capitalize()} "{url}": {why}', is_passing=is_passing)


def trouble_with_status(
    status: int, *, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> Trouble:
    """From an answer that is none of the good ones."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    said = registry_message(body)
    why = f"unexpected status from {method} request to {url}: {status} {phrase}".rstrip()
    return Trouble(
        f"{why}: {said}" if said else why,
        is_passing=status in PASSING_STATUSES,
        retry_after_s=_seconds(headers.get("Retry-After", "")),
    )


def registry_message(body: bytes) -> str:
    """What a registry's error document says, on one line; empty when it is none."""
    try:
        document: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    errors = document.get("errors") if isinstance(document, dict) else None
    said = (
        [_error_words(each) for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    )
    return "; ".join(filter(None, said))[:MESSAGE_MAX_CHARS]


def _error_words(error: Mapping[str, Any]) -> str:
    code, message = str(error.get("code") or "").lower(), str(error.get("message") or "")
    return " ".join(": ".join(filter(None, (code, message))).split())


def _seconds(retry_after: str) -> float | None:
    """A Retry-After in seconds; one that names a date is taken as not given."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None


def _line_words(error: Exception, authority: str) -> tuple[str, bool]:
    """What went wrong on the line, and whether it may pass."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    certificate = getattr(error, "certificate_error", cause)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {certificate.verify_message}", False
    if isinstance(cause, ssl.SSLError):
        if cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            return "http: server gave HTTP response to HTTPS client", False
        return f"tls: {(cause.reason or str(cause)).lower().replace('_', ' ')}", False
    where = f"{error.host}:{error.port}" if isinstance(error, aiohttp.ClientConnectorError) else ""
    if isinstance(cause, socket.gaierror):
        return _lookup_words(cause, where.rpartition(":")[0])
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"dial tcp {authority}: i/o timeout", True
    if isinstance(error, TimeoutError):
        return "net/http: timeout awaiting response", True
    if isinstance(cause, OSError) and cause.errno:
        said = errno.errorcode.get(cause.errno, "")
        words = {"ECONNREFUSED": "connection refused", "ECONNRESET": "connection reset by peer"}
        return f"dial tcp {where}: {words.get(said, cause.strerror or said)}".replace(" :", ":"), True
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return "unexpected EOF", True
    return str(error) or type(error).__name__, False


def _lookup_words(error: socket.gaierror, host: str) -> tuple[str, bool]:
    if error.errno == socket.EAI_AGAIN:
        return f"dial tcp: lookup {host}: Temporary failure in name resolution", True
    return f"dial tcp: lookup {host}: no such host", False
