"""Tasks as an operator sees them: everything DescribeTasks shows, and what it does not."""

from typing import Any

import msgspec

from bastide.api.operator.finding import find_cluster, find_task
from bastide.api.operator.operation import Context, Reads
from bastide.model.status import TaskStatus
from bastide.store import Record, Txn

EVENTS_SHOWN = 100


class TasksAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks: of one cluster or all; with those that have stopped or without."""

    cluster: str | None = None
    with_stopped: bool = False


class TaskList(msgspec.Struct, frozen=True):
    """In AWS's shape, the newest last."""

    tasks: list[dict[str, Any]]


class TaskAsked(msgspec.Struct, frozen=True):
    """One task, by ARN, id or the beginning of an id."""

    task: str


class TaskShown(msgspec.Struct, frozen=True, kw_only=True):
    """One task whole: in AWS's shape, and beside it what AWS does not show."""

    task: dict[str, Any]
    tags: list[dict[str, str]]
    host: str | None  # None: none yet
    health: dict[str, Any]  # container → the last results of its health check, with their output
    pulls: dict[str, Any]  # container → how far its image's pull is; only while the task is PENDING
    restarts: dict[str, int]  # container → how often its restart policy has run it again
    retirement: dict[str, Any] | None  # None: it is not to be retired
    events: list[dict[str, Any]]  # those still kept, oldest first


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


LIST_TASKS = Reads("list-tasks", TasksAsked, TaskList, list_tasks)
SHOW_TASK = Reads("show-task", TaskAsked, TaskShown, show_task)
OPERATIONS = (LIST_TASKS, SHOW_TASK)
