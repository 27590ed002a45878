"""Keeps the files of logs in order: seals journals, merges segments, lets go of what nobody may see any more.

What is done is decided by the records of groups and streams at each look; nothing is remembered between two.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from bastide.model.faults import Fault
from bastide.store import Record, Store, Txn
from bastide.store.logs.ids import DELETED_STREAM, LOG_GROUP, group_id, oldest_kept_ms

EVERY_S = 60.0

log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """What the records say of a group."""

    record: Record
    dead: frozenset[int]


class LogGroups:
    """All groups of all accounts, one look after the other."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now

    async def run(self) -> None:
        """Keep order until cancelled; a look comes early when a journal is due."""
        while True:
            try:
                await self.look()
            except Fault as fault:
                log.warning("the files of logs cannot be kept in order: %s", fault)
            except Exception:
                log.exception("the files of logs could not be kept in order")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._store.logs.is_due.wait()

    async def look(self) -> None:
        """Seal what is due, let go of what has expired or was deleted, merge what is small."""
        logs = self._store.logs
        await logs.seal()
        there = await logs.groups()  # before the records: a group is recorded before anything is in it
        kept = await self._store.view(_read_kept)
        await logs.remove(there - kept.keys())
        now_ms = int(self._now().timestamp() * 1000)
        for group, one in kept.items():
            before_ms = oldest_kept_ms(one.record, now_ms)
            if before_ms is not None and group in there:
                await logs.expire(group, before_ms=before_ms)
        dead = {group: one.dead for group, one in kept.items() if one.dead}
        await logs.merge(dead=dead)
        for group, streams in dead.items():
            gone = streams - (await logs.usages(group)).keys()
            if gone:
                await self._store.update(partial(_forget, group=group, streams=gone))


def _read_kept(txn: Txn) -> dict[str, Kept]:
    dead: dict[str, set[int]] = {}
    for record in txn.find(DELETED_STREAM):
        dead.setdefault(record.parent, set()).add(record.document["id"])
    return {
        group_id(record): Kept(record, frozenset(dead.get(record.key, ()))) for record in txn.find(LOG_GROUP)
    }


def _forget(txn: Txn, *, group: str, streams: frozenset[int]) -> None:
    """Nothing is left of these deleted streams."""
    for stream_id in streams:
        record = txn.get(DELETED_STREAM, f"{group}/{stream_id}")
        if record is not None:
            txn.delete(record)
