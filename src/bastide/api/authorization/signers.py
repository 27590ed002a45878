"""Who signs with a key: the installation's admin, a user's access key, or a session's."""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from bastide.api.authorization.remembered import Remembered
from bastide.api.iam.identities.access_keys import ACTIVE, open_secret
from bastide.api.iam.identities.entities import USER
from bastide.api.iam.identities.users import ACCESS_KEY
from bastide.api.iam.identities.uses import KEY_USE, STEP_S, note_role_use, note_use
from bastide.api.operation import Caller, Context
from bastide.api.sts.sessions import PREFIX, Session, open_session, secret_of
from bastide.api.vault import Vault
from bastide.permissions import PrincipalKind
from bastide.store import Store, Txn
from bastide.wire.sigv4 import Secret

KINDS = (ACCESS_KEY, USER.kind)
STEP = timedelta(seconds=STEP_S)


class Signer(NamedTuple):
    """What a signature is checked against, and who made it (in no region yet)."""

    secret: Secret
    caller: Caller


class Signers:
    """Users by their access keys, kept until one of them changes; sessions by their tokens, kept nowhere."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._users: Remembered[str, Signer | None] = Remembered(store, KINDS)
        self._noted: dict[str, datetime] = {}

    async def find(self, access_key_id: str, token: str | None) -> Signer | None:
        """Who has a key; None for a key nobody has, and for one that is switched off."""
        if access_key_id.startswith(PREFIX):
            return self._session(access_key_id, token)
        return await self._users.get(access_key_id, lambda txn: self._user(txn, access_key_id))

    async def note_use(self, access_key_id: str, service: str, ctx: Context) -> None:
        """Remember what a user's key last signed, or when a role's session last did."""
        caller = ctx.caller
        if caller.kind is PrincipalKind.ROLE:
            if self._is_due(caller.entity, ctx.now):
                await self._store.update(lambda txn: note_role_use(txn, caller, ctx.now))
        elif (
            caller.kind is PrincipalKind.USER
            and not caller.is_temporary
            and self._is_due(access_key_id, ctx.now)
        ):
            used = {"LastUsedDate": ctx.now_s, "ServiceName": service, "Region": caller.region}
            await self._store.update(
                lambda txn: note_use(txn, KEY_USE, txn.get(ACCESS_KEY, access_key_id), used)
            )

    def _is_due(self, key: str, now: datetime) -> bool:
        """Whether a use is worth a look into the store, and from now on not for a while."""
        noted = self._noted.get(key)
        if noted is not None and now - noted < STEP:
            return False
        self._noted[key] = now
        return True

    def _session(self, access_key_id: str, token: str | None) -> Signer | None:
        session = open_session(self._vault, token) if token else None
        if session is None or token is None or session.access_key_id != access_key_id:
            return None
        return Signer(secret_of(session, token), _session_caller(session))

    def _user(self, txn: Txn, access_key_id: str) -> Signer | None:
        key = txn.get(ACCESS_KEY, access_key_id)
        user = None if key is None else txn.get(USER.kind, key.parent)
        if key is None or user is None or key.status != ACTIVE:
            return None
        members = user.document["members"]
        caller = Caller(
            account=user.scope.partition("/")[0],
            region="",
            principal_arn=members["Arn"],
            user_id=user.key,
            kind=PrincipalKind.USER,
            entity=user.key,
            access_key_id=access_key_id,
        )
        return Signer(Secret(open_secret(self._vault, key)), caller)


def _session_caller(session: Session) -> Caller:
    return Caller(
        account=session.account,
        region="",
        principal_arn=session.arn,
        user_id=session.user_id,
        kind=session.kind,
        entity=session.entity,
        issued_at=session.issued_at,
        has_policies=session.has_policies,
        policies=session.policies,
        policy_arns=session.policy_arns,
        tags=session.tags,
        transitive_keys=session.transitive_keys,
        source_identity=session.source_identity,
        issuer_arn=session.issuer_arn,
    )


def in_region(caller: Caller, region: str) -> Caller:
    """The caller where the signature was made for."""
    return msgspec.structs.replace(caller, region=region)
