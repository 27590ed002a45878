"""Tasks in the store: which ones a host has a say in, and the one way in: record and event, or neither.

A host is told of, and listened to about, its own tasks alone. Whoever writes a task (`api`, `control`, a
host's report) gives the new document; which version it has and whether EventBridge hears of it follow from
what was stored before.
"""

from typing import Any

from bastide.model.events.task import render_task_event, stamped
from bastide.model.status import TaskStatus
from bastide.model.task import status_of
from bastide.store.records import Record
from bastide.store.txn import Txn


def live_task(txn: Txn, task_arn: str, host_id: str) -> Record | None:
    """The task, unless it is another host's, or has STOPPED."""
    record = txn.get("task", task_arn)
    if record is None or record.document["host"] != host_id:
        return None
    return None if status_of(record.document) is TaskStatus.STOPPED else record


def put_task(txn: Txn, record: Record, document: dict[str, Any], *, at_s: float) -> Record:
    """Write `document` in place of the record's own (a new record's own is its first); what is stored now."""
    document, is_news = stamped(record.document if record.version else None, document)
    task = document["task"]
    stored = txn.put(
        record.changed(document=document, status=task["desiredStatus"], state=task["lastStatus"])
    )
    if is_news:
        event = render_task_event(task, at_s=at_s)
        txn.append_event(record.scope, event, subject=record.key, parent=record.parent, at_s=at_s)
    return stored
