"""Who asks the registry, and for which one: tokens of GetAuthorizationToken, and links to single layers.

A token is sealed with the installation's key and holds the caller and its end: nothing is kept of it. What
the caller may do, and whether its long-term key still signs, is asked anew on every request (app.py).
Registry and region are the host's name, or the token's where a client comes by another name.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec

from bastide.api.distribution.errors import UNAUTHORIZED, Refused
from bastide.api.operation import Caller
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.arn import scope_of
from bastide.model.faults import Denied, Invalid
from bastide.model.registry.host_name import parse_registry_host, render_registry_host

USER = "AWS"
LIFETIME = timedelta(hours=12)  # GetAuthorizationToken: "valid for 12 hours"
LINK_LIFETIME = timedelta(hours=1)
_TOKEN, _LINK = "ecr authorization token", "ecr layer link"  # what a sealed text is for


class _Token(msgspec.Struct, frozen=True):
    caller: Caller
    expires_s: float


class Access(msgspec.Struct, frozen=True):
    """A caller the registry knows, and the registry it asked for."""

    caller: Caller
    scope: str


def issue_token(vault: Vault, caller: Caller, *, now: datetime) -> tuple[str, datetime]:
    """A password for the user AWS, and when it ends."""
    expires = now + LIFETIME
    token = _Token(caller, round(expires.timestamp(), 3))
    sealed = vault.seal(msgspec.json.encode(token), _TOKEN)
    return base64.urlsafe_b64encode(sealed).decode(), expires


def registry_host(settings: Settings, account: str, region: str) -> str:
    """What stands before the names of a registry's repositories."""
    return render_registry_host(account, region, settings.registry_domain, settings.port)


def authenticate(vault: Vault, settings: Settings, headers: Mapping[str, str], *, now: datetime) -> Access:
    """Who asks; raises Refused with the challenge, or Denied for somebody else's registry."""
    host = headers.get("host", "")
    found = parse_registry_host(host, settings.registry_domain)
    token = _token_of(vault, headers.get("authorization", ""))
    if token is None or token.expires_s <= now.timestamp():
        why = "Your authorization token has expired. Reauthenticate and try again." if token else ""
        raise unauthorized(headers, why=why)
    caller = token.caller
    account, region = found or (caller.account, caller.region)
    if account != caller.account:
        why = f"User: {caller.principal_arn} is not authorized to use the registry with id '{account}'"
        raise Denied("registry", account, why=why)
    return Access(caller, scope_of(account, region))


def unauthorized(headers: Mapping[str, str], *, why: str = "") -> Refused:
    """What is answered to whoever brings no token that counts: the challenge."""
    host = headers.get("host", "")
    scheme = "https" if not host.startswith("127.") else "http"
    challenge = f'Basic realm="{scheme}://{host or "localhost"}/",service="ecr.amazonaws.com"'
    return Refused(UNAUTHORIZED, why=why, headers={"www-authenticate": challenge})


def sign_link(vault: Vault, repository_arn: str, digest: str, *, now: datetime) -> str:
    """A query that lets whoever has it read one layer for an hour."""
    expires_s = int((now + LINK_LIFETIME).timestamp())
    sealed = vault.seal(f"{expires_s} {repository_arn} {digest}".encode(), _LINK)
    return f"grant={quote(base64.urlsafe_b64encode(sealed).decode())}"


def linked_repository(vault: Vault, grant: str, digest: str, *, now: datetime) -> str | None:
    """The repository's ARN a link is for; None when it is not for this layer, or over."""
    opened = _open(vault, grant, _LINK)
    if opened is None:
        return None
    expires_s, arn, wanted = opened.decode().split(" ")
    return arn if wanted == digest and int(expires_s) > now.timestamp() else None


def now_utc() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def _token_of(vault: Vault, authorization: str) -> _Token | None:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    opened = _open(vault, password, _TOKEN) if user == USER else None
    if opened is None:
        return None
    try:
        return msgspec.json.decode(opened, type=_Token)
    except msgspec.MsgspecError:  # of another version of Bastide
        return None


def _open(vault: Vault, text: str, purpose: str) -> bytes | None:
    try:
        return vault.open(base64.b64decode(text.encode(), altchars=b"-_", validate=True), purpose)
    except (binascii.Error, UnicodeEncodeError, Invalid):
        return None
