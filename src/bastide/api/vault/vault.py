"""Seals values and opens them again: AES-256-GCM, the only place that imports `cryptography`.

What a value belongs to (its record, its version) is sealed along with it: a sealed value moved to another
record does not open. It also carries the first bytes of the key's digest, so that a value of another key is
told from a damaged one. No value and no key reaches a message.
"""

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bastide.model.faults import Invalid

KEY_BYTES = 32
_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12  # NIST SP 800-38D; drawn at random: a key is good for 2^32 values
_HEAD_BYTES = len(_FORMAT) + _KEY_ID_BYTES + _NONCE_BYTES

OTHER_KEY = "The value was sealed with another key than the one in the installation's key file."
DAMAGED = "The stored value is damaged, or belongs to something else."


class Vault:
    """One key; any thread."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(key).digest()[:_KEY_ID_BYTES]

    def __repr__(self) -> str:
        return f"Vault({self.key_id.hex()})"

    def seal(self, value: bytes, identity: str) -> bytes:
        """The value as it may lie on a disk, for the record called `identity`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, value, identity.encode())
        return _FORMAT + self.key_id + nonce + sealed

    def open(self, sealed: bytes, identity: str) -> bytes:
        """What was sealed for that record. Raises Invalid of the noun `sealed value`."""
        head, key_id = sealed[:_HEAD_BYTES], sealed[1 : 1 + _KEY_ID_BYTES]
        if len(head) < _HEAD_BYTES or not head.startswith(_FORMAT):
            raise Invalid("sealed value", why=DAMAGED)
        if key_id != self.key_id:
            raise Invalid("sealed value", why=OTHER_KEY)
        try:
            return self._cipher.decrypt(head[-_NONCE_BYTES:], sealed[_HEAD_BYTES:], identity.encode())
        except InvalidTag as error:
            raise Invalid("sealed value", why=DAMAGED) from error

    def seal_text(self, value: str, identity: str) -> str:
        """The same for text, as a document can hold it."""
        return base64.b64encode(self.seal(value.encode("utf-8", "surrogatepass"), identity)).decode()

    def open_text(self, sealed: str, identity: str) -> str:
        """What `seal_text` was given."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except ValueError as error:
            raise Invalid("sealed value", why=DAMAGED) from error
        return self.open(raw, identity).decode("utf-8", "surrogatepass")
