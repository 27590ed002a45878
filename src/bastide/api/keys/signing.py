"""The keys a signature is checked against: the installation's admin's, and IAM's users' and sessions'."""

import logging
from pathlib import Path

import msgspec

from bastide.api.authorization.signers import Signer, Signers
from bastide.api.keys.admin import AdminKey, read_admin_key
from bastide.api.operation import Caller, Context
from bastide.api.vault import Vault
from bastide.model.arn import render_arn
from bastide.model.faults import Fault
from bastide.store import Store
from bastide.wire.sigv4 import Secret

log = logging.getLogger(__name__)


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

    async def has_gone(self, caller: Caller) -> bool:
        """Whether the long-term key that somebody signed with signs nothing any more."""
        key = caller.access_key_id
        return bool(key) and await self.find(key, None) is None

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
        caller = msgspec.structs.replace(self._root, access_key_id=key.access_key_id)
        return key.access_key_id, Signer(Secret(key.secret_access_key), caller)

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
