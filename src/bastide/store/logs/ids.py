"""What the records of log groups and streams say to the storage of their events: ids, and how long to keep.

A group or a stream from before there were ids has one made of its key.
"""

import hashlib
import secrets

from bastide.store.logs.values import DAY_MS
from bastide.store.records import Record
from bastide.store.txn import Txn

LOG_GROUP = "log-group"
LOG_STREAM = "log-stream"
DELETED_STREAM = "log-stream-deleted"
_ID_BYTES = 8


def new_group_id() -> str:
    """An id no group has had."""
    return secrets.token_hex(_ID_BYTES)


def new_stream_id() -> int:
    """An id no stream has had; 63 bits."""
    return secrets.randbits(63)


def group_id(group: Record) -> str:
    """What the group's events are stored under."""
    return str(group.document.get("id") or _digest(group).hex())


def stream_id(stream: Record) -> int:
    """What the stream's events are stored under."""
    known = stream.document.get("id")
    return int(known) if known is not None else int.from_bytes(_digest(stream)) >> 1


def stream_key(group: Record, name: str) -> str:
    """The key of a stream's record: its ARN."""
    return f"{group.key}:log-stream:{name}"


def oldest_kept_ms(group: Record, now_ms: int) -> int | None:
    """Events before this have expired; None where events never do."""
    days = group.document["logGroup"].get("retentionInDays")
    return None if days is None else now_ms - days * DAY_MS


def dead_streams(txn: Txn, group: Record) -> frozenset[int]:
    """Deleted streams whose events are not swept out yet."""
    return frozenset(one.document["id"] for one in txn.find(DELETED_STREAM, parent=group.key))


def bury_stream(txn: Txn, group: Record, stream: Record) -> None:
    """The stream goes; its events are seen no more and swept out later."""
    txn.delete(stream)
    buried = stream_id(stream)
    key = f"{group_id(group)}/{buried}"
    txn.put(Record(DELETED_STREAM, key, group.scope, {"id": buried}, parent=group.key))


def _digest(record: Record) -> bytes:
    return hashlib.blake2b(record.key.encode(), digest_size=_ID_BYTES).digest()
