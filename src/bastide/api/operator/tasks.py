"""Tasks as an operator sees them: everything DescribeTasks shows, and what it does not."""

from bastide.api.operator.finding import find_cluster, find_task
from bastide.api.operator.operation import Context, Reads
from bastide.model.messages.asked import LIST_TASKS, SHOW_TASK, TaskAsked, TaskList, TasksAsked, TaskShown
from bastide.model.status import TaskStatus
from bastide.store import Record, Txn

EVENTS_SHOWN = 100


def list_tasks(txn: Txn, ctx: Context, asked: TasksAsked) -> TaskList:
    """Every task there is."""
    cluster = find_cluster(txn, asked.cluster).key if asked.cluster else None
    found = [
        record.document["task"]
        for record in txn.find("task", parent=cluster)
        if asked.with_stopped or record.state != TaskStatus.STOPPED.name
    ]
    return TaskList(sorted(found, key=lambda task: (task["createdAt"], task["taskArn"])))


def show_task(txn: Txn, ctx: Context, asked: TaskAsked) -> TaskShown:
    """One task and its events."""
    return shown_task(txn, find_task(txn, asked.task))


def shown_task(txn: Txn, record: Record) -> TaskShown:
    """What an operator is shown of a task."""
    retirement = txn.get("retirement", record.key)
    newest = txn.read_events(subject=record.key, limit=EVENTS_SHOWN, descending=True)
    return TaskShown(
        task=record.document["task"],
        tags=record.document["tags"],
        host=record.document["host"],
        health=record.document.get("health", {}),
        pulls=record.document.get("pulls", {}) if record.state == TaskStatus.PENDING.name else {},
        restarts=record.document.get("restartCounts", {}),
        retirement=retirement.document if retirement else None,
        events=[event.document for event in reversed(newest)],
    )


OPERATIONS = (Reads(LIST_TASKS, list_tasks), Reads(SHOW_TASK, show_task))
