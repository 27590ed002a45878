"""Where the bytes of objects are: one sealed file each, in a folder of its bucket.

Files are named at random and never written twice; which of them is an object's content is in its record. So
a name from a request never becomes a path, and a crash leaves at worst a file that nobody speaks of, which
a later start removes.
"""

import asyncio
import logging
import secrets
import time
from pathlib import Path

from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.files import write_once
from bastide.model.faults import Invalid
from bastide.store import Store

FOLDER = "objects"
WRITING_S = 3600.0  # no put takes that long
_NAME_BYTES = 16

log = logging.getLogger(__name__)


class ObjectFiles:
    """The files of this installation; all of it blocks, so it is called on threads."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._root = settings.server_folder / FOLDER
        self._vault = vault

    def write(self, bucket: str, content: bytes) -> str:
        """Put the content on disk; the name of its file."""
        name = secrets.token_hex(_NAME_BYTES)
        write_once(self._path(bucket, name), self._vault.seal(content, _identity(bucket, name)))
        return name

    def read(self, bucket: str, name: str) -> bytes | None:
        """The content; None when the file is gone. Raises Invalid of `sealed value`."""
        try:
            sealed = self._path(bucket, name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            why = f"The object's content cannot be read: {error.strerror}."
            raise Invalid("sealed value", why=why) from error
        return self._vault.open(sealed, _identity(bucket, name))

    def remove(self, bucket: str, name: str) -> None:
        """Let go of a file. Repeatable."""
        self._path(bucket, name).unlink(missing_ok=True)

    def read_old_names(self) -> set[tuple[str, str]]:
        """Bucket and name of every file that nobody can be in the middle of writing."""
        before = time.time() - WRITING_S
        paths = [path for path in self._root.glob("*/*") if path.stat().st_mtime < before]
        return {(path.parent.name, path.name) for path in paths}

    def _path(self, bucket: str, name: str) -> Path:
        return self._root / bucket / name


async def sweep_objects(store: Store, files: ObjectFiles) -> None:
    """Remove files that no object speaks of; at start, when this server writes none. Another one might."""
    found = await asyncio.to_thread(files.read_old_names)
    if not found:
        return
    records = await store.view(lambda txn: txn.find("object"))
    held = {(record.parent, record.document["file"]) for record in records}
    for bucket, name in found - held:
        log.info("removing a file of no object", extra={"bucket": bucket})
        files.remove(bucket, name)


def _identity(bucket: str, name: str) -> str:
    return f"{FOLDER}/{bucket}/{name}"
