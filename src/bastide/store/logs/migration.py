"""Moves the log events that earlier versions kept as rows of the database, at the first start.

In steps, each repeatable: what was appended is known by its position, as that of a container's output is,
and its rows are deleted when it is on disk.
"""

import logging
from functools import partial

from bastide.model.arn import log_group_arn
from bastide.store.logs.ids import LOG_GROUP, LOG_STREAM, group_id, stream_id, stream_key
from bastide.store.logs.positions import MIGRATION, POSITION, read_position
from bastide.store.logs.values import Batch
from bastide.store.records import LogRow, Record
from bastide.store.store import Store
from bastide.store.txn import Txn

STEP_ROWS = 5_000

log = logging.getLogger(__name__)


async def move_rows(store: Store) -> int:
    """Move them all; how many there were."""
    moved = 0
    while rows := await store.view(_read):
        if not moved:
            log.info("moving log events out of the database")
        batches = await store.view(partial(_batches, rows=rows))
        for batch in batches:
            await store.logs.append(batch)
        await store.update(partial(_delete, through=rows[-1].seq))
        moved += len(rows)
    if moved:
        await store.update(_forget_position)
        log.info("log events moved out of the database", extra={"events": moved})
    return moved


def _read(txn: Txn) -> list[LogRow]:
    return txn.read_log_rows(limit=STEP_ROWS)


def _batches(txn: Txn, rows: list[LogRow]) -> list[Batch]:
    """The rows by stream and time of arrival; those of streams that are gone are left out."""
    known = read_position(txn, MIGRATION)
    places: dict[tuple[str, str, str], tuple[Record, Record] | None] = {}
    found: dict[tuple[str, str, str, int], list[LogRow]] = {}
    for row in rows:
        place = (row.scope, row.group, row.stream)
        if place not in places:
            places[place] = _find(txn, *place)
        found.setdefault((*place, row.ingestion_ms), []).append(row)
    batches = []
    for index, ((*of, ingestion_ms), lines) in enumerate(found.items()):
        there = places[(of[0], of[1], of[2])]
        sequence = rows[0].seq + index
        if there is None or sequence <= known:
            continue
        group, stream = there
        batches.append(
            Batch(
                group=group_id(group),
                stream=stream.name,
                stream_id=stream_id(stream),
                lines=[(one.timestamp_ms, bytes(one.message).decode("utf-8", "replace")) for one in lines],
                ingestion_ms=ingestion_ms,
                source=MIGRATION,
                sequence=sequence,
            )
        )
    return batches


def _find(txn: Txn, scope: str, group_name: str, stream_name: str) -> tuple[Record, Record] | None:
    group = txn.get(LOG_GROUP, log_group_arn(scope, group_name))
    stream = txn.get(LOG_STREAM, stream_key(group, stream_name)) if group else None
    return (group, stream) if group and stream else None


def _delete(txn: Txn, *, through: int) -> None:
    txn.delete_log_rows(through=through)


def _forget_position(txn: Txn) -> None:
    record = txn.get(POSITION, MIGRATION)
    if record is not None:
        txn.delete(record)
