"""The installation's key file: made at first start, never replaced, checked against the store at every one.

The store keeps a mark that is sealed with the key. A key that is gone while the mark is there is not made
anew in silence: every value would be lost without anybody having been told. A key that does not open the
mark is used, and said so: old values answer an error, new ones work.
"""

import binascii
import logging
import os
from pathlib import Path

from bastide.api.vault.vault import KEY_BYTES, Vault
from bastide.config import Settings
from bastide.files import write_once
from bastide.model.faults import Invalid, NotFound
from bastide.store import Record, Store, Txn

FILE_NAME = "vault.key"
KIND, KEY = "vault", "mark"
MARK = "bastide"

log = logging.getLogger(__name__)


def vault_file(settings: Settings) -> Path:
    """Where the key is: the server's own folder."""
    return settings.server_folder / FILE_NAME


async def ensure_vault(store: Store, path: Path) -> Vault:
    """The vault of the key in the file, which is made if nothing has been sealed yet.

    Raises NotFound when the key is gone though the store has its mark, Invalid when the file holds none.
    """
    mark = await store.view(lambda txn: txn.get(KIND, KEY))
    if mark is not None and not path.exists():
        why = (
            f"The key file {path} is gone, and with it every secret, parameter and object sealed by it. Put "
            "it back from a backup; or, to go on without those values, write 64 random hexadecimal digits "
            "there."
        )
        raise NotFound("vault key", str(path), why=why)
    write_once(path, binascii.hexlify(os.urandom(KEY_BYTES)) + b"\n")
    vault = Vault(_read_key(path))
    if not await store.update(lambda txn: _fits(txn, vault)):
        log.error(
            "the key in %s is not the one that earlier values were sealed with: they cannot be read", path
        )
    return vault


def _read_key(path: Path) -> bytes:
    try:
        text = path.read_bytes().strip()
    except OSError as error:
        why = f"{path} cannot be read: {error.strerror}. It belongs to the server's user, with mode 0600."
        raise Invalid("vault key", str(path), why=why) from error
    try:
        key = binascii.unhexlify(text)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        why = f"{path} does not hold a key: it must be {2 * KEY_BYTES} hexadecimal digits."
        raise Invalid("vault key", str(path), why=why)
    return key


def _fits(txn: Txn, vault: Vault) -> bool:
    """Whether the store's mark opens; it is put there if there is none."""
    record = txn.get(KIND, KEY)
    if record is None:
        txn.put(Record(KIND, KEY, "", {"sealed": vault.seal_text(MARK, f"{KIND}/{KEY}")}))
        return True
    try:
        return vault.open_text(record.document["sealed"], f"{KIND}/{KEY}") == MARK
    except Invalid:
        return False
