"""Access keys: who may sign. The installation's admin key is the account's root user; others are IAM's.

The admin's key is random, made at first start and stored so that its owner alone can read it. Its secret
half is in no log, no message and no repr.
"""

import secrets
from pathlib import Path

import msgspec

from bastide.api.authorization.signers import Signer, Signers
from bastide.api.operation import Caller, Context
from bastide.api.vault import Vault
from bastide.api.vault.durable import write_once
from bastide.config import Settings
from bastide.model.arn import render_arn
from bastide.model.faults import Invalid, NotFound
from bastide.store import Store
from bastide.wire.sigv4 import Secret

FILE_NAME = "admin-key.json"
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_RANDOM_CHARS = 16  # after AKIA: 20 in all, as IAM's long-term keys
_SECRET_BYTES = 30  # 40 characters of base64


class AdminKey(msgspec.Struct, frozen=True):
    """The admin's access key."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"AdminKey({self.access_key_id!r})"


def key_file(settings: Settings) -> Path:
    """Where the installation keeps its admin key."""
    return settings.server_folder / FILE_NAME


def read_admin_key(path: Path) -> AdminKey:
    """The key in the file; NotFound when it is not there yet, Invalid when it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=AdminKey)
    except FileNotFoundError as error:
        raise NotFound("admin key", str(path)) from error
    except msgspec.MsgspecError as error:
        why = f"{path} holds no access key. Remove it and a new one is made at the next start."
        raise Invalid("admin key", str(path), why=why) from error


def ensure_admin_key(path: Path) -> AdminKey:
    """The key in the file, made if there is none. Repeatable; of two at once, both get the same key."""
    try:
        return read_admin_key(path)
    except NotFound:
        pass
    identifier = "AKIA" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_RANDOM_CHARS))
    made = AdminKey(identifier, secrets.token_urlsafe(_SECRET_BYTES))
    return made if write_once(path, msgspec.json.encode(made)) else read_admin_key(path)


class Keys:
    """The access keys a signature is checked against, and the principals behind them."""

    def __init__(self, admin: AdminKey, *, account: str, store: Store, vault: Vault) -> None:
        self._admin_id = admin.access_key_id
        # A root user's id is its account's (IAM user guide, "GetCallerIdentity" of a root user).
        root = Caller(
            account=account,
            region="",
            principal_arn=render_arn("iam", "", account, "root"),
            user_id=account,
        )
        self._admin = Signer(Secret(admin.secret_access_key), root)
        self._signers = Signers(store, vault)

    async def find(self, access_key_id: str, token: str | None) -> Signer | None:
        """Who has a key; None for a key nobody has."""
        if access_key_id == self._admin_id:
            return self._admin
        return await self._signers.find(access_key_id, token)

    async def note_use(self, access_key_id: str, service: str, ctx: Context) -> None:
        """Remember what a user's key last signed."""
        await self._signers.note_use(access_key_id, service, ctx)
