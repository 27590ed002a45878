"""The installation's admin key: the account's root user's, in a file of its own.

It is random, made at first start, replaced by `bastide admin reset-key`, and stored so that its owner alone
can read it. Its secret half is in no log, no message and no repr. Commands read it: nothing heavy is here.
"""

import secrets
from pathlib import Path

import msgspec

from bastide.config import Settings
from bastide.files import write_once, write_whole
from bastide.model.faults import Invalid, NotFound

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
