"""Temporary credentials: a session token holds everything, sealed by the installation's key.

Nothing of it is stored: who has the token and the secret has the session until it ends. What its principal
may do is asked anew on every call, so a role that changes or goes changes its sessions; all of them that are
older than a moment are revoked by a policy on `aws:TokenIssueTime`.
"""

import base64
import binascii
import secrets
import zlib
from datetime import UTC, datetime, timedelta

import msgspec

from bastide.api.iam.identities.entities import draw_id
from bastide.api.operation import Caller, Context, Document, Params
from bastide.api.vault import Vault
from bastide.model.faults import Invalid, LimitExceeded
from bastide.permissions import PrincipalKind
from bastide.wire.sigv4 import Secret

PREFIX, RANDOM_CHARS, SECRET_BYTES = "ASIA", 16, 30
POLICY_MAX = 2048  # characters of a session policy and its tags: API reference, AssumeRole
TOKEN_MAX = 8192  # of a header we are sent
_SEALED_FOR = "sts-session"


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says.

    `entity` is the key of the user's or role's record, `issuer_arn` the user whose federated session it is.
    """

    access_key_id: str
    secret_access_key: str
    kind: PrincipalKind
    account: str
    arn: str
    user_id: str
    entity: str
    issued_at: datetime
    expires_at: datetime
    has_policies: bool = False
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive_keys: tuple[str, ...] = ()
    source_identity: str = ""
    issuer_arn: str = ""
    padding: bytes = b""

    def __repr__(self) -> str:
        return f"Session({self.arn!r})"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Session).decode


def new_session(ctx: Context, caller: Caller, *, entity: str, seconds: int, **more: object) -> Session:
    """A session that begins now, for whoever `caller` describes."""
    issued_at = ctx.now.replace(microsecond=0)
    said = {
        "access_key_id": draw_id(PREFIX, RANDOM_CHARS),
        "secret_access_key": secrets.token_urlsafe(SECRET_BYTES),
        "kind": caller.kind,
        "account": caller.account,
        "arn": caller.principal_arn,
        "user_id": caller.user_id,
        "entity": entity,
        "issued_at": issued_at,
        "expires_at": issued_at + timedelta(seconds=seconds),
    }
    return Session(**said, **more)  # type: ignore[arg-type]


def seal_session(vault: Vault, session: Session) -> str:
    """The token."""
    packed = zlib.compress(_encode(session), 9)
    return base64.b64encode(vault.seal(packed, _SEALED_FOR)).decode()


def open_session(vault: Vault, token: str) -> Session | None:
    """The session in a token; None for a token that this installation did not seal."""
    if len(token) > TOKEN_MAX:
        return None
    try:
        sealed = base64.b64decode(token, validate=True)
        return _decode(zlib.decompress(vault.open(sealed, _SEALED_FOR)))
    except (binascii.Error, ValueError, zlib.error, msgspec.MsgspecError, Invalid):
        return None


def secret_of(session: Session, token: str) -> Secret:
    """What a request of the session is signed with."""
    return Secret(session.secret_access_key, token, session.expires_at)


def credentials(vault: Vault, session: Session, params: Params | None = None) -> Document:
    """What the caller is told, once; with a token of the size that the request asks for at least."""
    token = seal_session(vault, session)
    missing = (params or {}).get("MinimumSessionTokenSize", 0) - len(token)
    if missing > 0:
        token = seal_session(vault, msgspec.structs.replace(session, padding=secrets.token_bytes(missing)))
    if len(token) > TOKEN_MAX:
        raise LimitExceeded("packed policy", why="The session policy and tags are too large together.")
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": token,
        "Expiration": session.expires_at.astimezone(UTC).timestamp(),
    }
