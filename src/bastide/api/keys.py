"""Access keys: who may sign. The installation's admin key is the account's root user; others are IAM's.

The admin's key is random, made at first start, replaced by `bastide admin reset-key`, and stored so that its
owner alone can read it. Its secret half is in no log, no message and no repr.
"""

import logging
import secrets
from pathlib import Path

import msgspec

from bastide.api.authorization.signers import Signer, Signers
from bastide.api.operation import Caller, Context
from bastide.api.vault import Vault
from bastide.api.vault.durable import write_once, write_whole
from bastide.config import Settings
from bastide.model.arn import render_arn
from bastide.model.faults import Fault, Invalid, NotFound
from bastide.store import Store
from bastide.wire.sigv4 import Secret

FILE_NAME = "admin-key.json"
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_RANDOM_CHARS = 16  # after AKIA: 20 in all, as IAM's long-term keys
_SECRET_BYTES = 30  # 40 characters of base64

log = logging.getLogger(__name__)


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
    made = _draw_key()
    return made if write_once(path, msgspec.json.encode(made)) else read_admin_key(path)


def reset_admin_key(path: Path) -> AdminKey:
    """Another key in place of the one in the file, which a running server takes up at once."""
    made = _draw_key()
    write_whole(path, msgspec.json.encode(made))
    return made


def _draw_key() -> AdminKey:
    identifier = "AKIA" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_RANDOM_CHARS))
    return AdminKey(identifier, secrets.token_urlsafe(_SECRET_BYTES))


class Keys:
    """The access keys a signature is checked against, and the principals behind them.

    Where the admin key's file is given, it is read again when it has been replaced.
    """

    def __init__(
        self, admin: AdminKey, *, account: str, store: Store, vault: Vault, file: Path | None = None
    ) -> None:
        self._file = file
        self._read_as = _stamp_of(file)
        # A root user's id is its account's (IAM user guide, "GetCallerIdentity" of a root user).
        self._root = Caller(
            account=account,
            region="",
            principal_arn=render_arn("iam", "", account, "root"),
            user_id=account,
        )
        self._admin_id, self._admin = self._signing(admin)
        self._signers = Signers(store, vault)
        self.vault = vault

    async def find(self, access_key_id: str, token: str | None) -> Signer | None:
        """Who has a key; None for a key nobody has."""
        stamp = _stamp_of(self._file)
        if stamp != self._read_as:
            self._read_as = stamp
            self._take_up()
        if access_key_id == self._admin_id:
            return self._admin
        return await self._signers.find(access_key_id, token)

    def _take_up(self) -> None:
        """The key in the file counts from here on; one that cannot be read takes nothing away."""
        if self._file is None:
            return
        try:
            self._admin_id, self._admin = self._signing(read_admin_key(self._file))
        except (Fault, OSError):
            log.exception("the admin key's file cannot be read, the key from before still counts")

    def _signing(self, key: AdminKey) -> tuple[str, Signer]:
        return key.access_key_id, Signer(Secret(key.secret_access_key), self._root)

    async def note_use(self, access_key_id: str, service: str, ctx: Context) -> None:
        """Remember what a user's key last signed."""
        await self._signers.note_use(access_key_id, service, ctx)


def _stamp_of(file: Path | None) -> tuple[int, int] | None:
    """What changes when a file is replaced; a look at it costs microseconds, so every call can afford one."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
