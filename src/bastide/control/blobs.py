"""Sweeps out what nobody needs any more: layers no image is made of, blobs no repository has, dead uploads.

All of it only after a grace time: a push brings layers long before the manifest that names them, and goes
on with an upload after a pause. A record goes before its file, and a file only if nothing came in under its
name since; a crash between the two leaves a file without a record, which the next sweep finds.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from itertools import islice

from bastide.config import Settings
from bastide.model.faults import Conflict, NotFound
from bastide.store import Store, Txn
from bastide.store.registry.blobs import Blobs, Incoming
from bastide.store.registry.images import used_digests
from bastide.store.registry.repositories import LAYER, REPOSITORY, UPLOAD, is_blob_used

SWEEPS_IN_GRACE = 4  # so that nothing is kept much longer than it was promised
EVERY_MIN_S, EVERY_MAX_S = 1.0, 3600.0
AT_ONCE = 200

log = logging.getLogger(__name__)


class Sweeper:
    """The folder of blobs and the records that name them."""

    def __init__(self, store: Store, settings: Settings, *, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._blobs = Blobs(settings.registry_folder)
        self._grace_s = float(settings.registry_grace_s)
        self._now_s = now_s

    async def run(self) -> None:
        """Sweep now and then until cancelled."""
        every_s = min(max(self._grace_s / SWEEPS_IN_GRACE, EVERY_MIN_S), EVERY_MAX_S)
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("the registry could not be swept")
            await asyncio.sleep(every_s)

    async def sweep(self) -> None:
        """Once through everything. What is under way meanwhile is younger than the grace time."""
        older_than_s = self._now_s() - self._grace_s
        await self._sweep_uploads(older_than_s)
        for repository in await self._store.view(_read_repositories):
            await self._store.update(partial(_forget_layers, arn=repository, older_than_s=older_than_s))
        found = self._blobs.find_blobs(older_than_s=older_than_s)
        while some := await asyncio.to_thread(lambda: list(islice(found, AT_ONCE))):
            unused = await self._store.view(partial(_read_unused, digests=some))
            for digest in unused:
                if await asyncio.to_thread(self._blobs.sweep, digest, older_than_s=older_than_s):
                    log.info("removed the blob %s, which nothing uses", digest)

    async def _sweep_uploads(self, older_than_s: float) -> None:
        stale = await asyncio.to_thread(lambda: list(self._blobs.find_uploads(older_than_s=older_than_s)))
        dead = set(await asyncio.to_thread(self._drop_all, stale))
        for record_id, started_s in await self._store.view(_read_uploads):
            is_gone = record_id in dead or (started_s < older_than_s and not self._is_there(record_id))
            if is_gone:
                await self._store.update(partial(_forget_upload, upload_id=record_id))

    def _drop_all(self, upload_ids: list[str]) -> list[str]:
        """On a thread: drop the uploads nobody is writing to; which these are."""
        dropped = []
        for upload_id in upload_ids:
            try:
                incoming = Incoming(self._blobs.upload_path(upload_id))
            except NotFound:
                continue
            except Conflict:  # somebody has it open, however slow
                continue
            self._blobs.drop(upload_id)
            incoming.close()
            dropped.append(upload_id)
        return dropped

    def _is_there(self, upload_id: str) -> bool:
        return self._blobs.upload_path(upload_id).exists()


def _read_repositories(txn: Txn) -> list[str]:
    return [record.key for record in txn.find(REPOSITORY)]


def _read_uploads(txn: Txn) -> list[tuple[str, float]]:
    return [(record.key, record.document["startedAt"]) for record in txn.find(UPLOAD)]


def _read_unused(txn: Txn, *, digests: list[str]) -> list[str]:
    return [digest for digest in digests if not is_blob_used(txn, digest)]


def _forget_layers(txn: Txn, *, arn: str, older_than_s: float) -> None:
    """Take the layers from a repository that none of its images is made of."""
    repository = txn.get(REPOSITORY, arn)
    if repository is None:
        return
    used = used_digests(txn, repository)
    for layer in txn.find(LAYER, parent=arn):
        if layer.name not in used and layer.document["addedAt"] < older_than_s:
            txn.delete(layer)


def _forget_upload(txn: Txn, *, upload_id: str) -> None:
    record = txn.get(UPLOAD, upload_id)
    if record is not None:
        txn.delete(record)
