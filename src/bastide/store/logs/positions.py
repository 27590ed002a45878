"""How far sources have come, written down when the journal that tells it is let go.

A source is a container's output, named by its task's ARN, container and stream, or the rows of an earlier
version's database. What it has stored before is never stored again.
"""

from collections.abc import Mapping

from bastide.store.records import Record
from bastide.store.txn import Txn

POSITION = "log-position"
MIGRATION = "rows of the database"


def read_position(txn: Txn, source: str) -> int:
    """How far a source is known to have come, when its journal was sealed last; -1 for one never heard of."""
    record = txn.get(POSITION, source)
    return -1 if record is None else int(record.document["sequence"])


def keep_positions(txn: Txn, positions: Mapping[str, int]) -> None:
    """Write down how far sources have come, as long as their tasks are there."""
    for source, sequence in positions.items():
        parent = source.rsplit("/", 2)[0]
        task = txn.get("task", parent)
        if task is None and source != MIGRATION:
            continue
        scope = task.scope if task else ""
        known = txn.get(POSITION, source) or Record(POSITION, source, scope, {}, parent=parent)
        txn.put(known.changed(document={"sequence": sequence}))
