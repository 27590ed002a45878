"""Task protection: a service's task that its service leaves alone for a while, until it expires.

Kept under `protection` beside the task (`model/task.protected_until`). It spares a task from its service,
not from StopTask, Spot or retirement. Rules: ECS developer guide, "Protect your Amazon ECS tasks from being
terminated by scale-in events".
"""

from collections.abc import Mapping

from bastide.api.ecs.clusters import find_cluster
from bastide.api.ecs.task_documents import TASK
from bastide.api.ecs.tasks import parse_task
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.model.faults import Invalid
from bastide.model.status import TaskStatus
from bastide.model.task import PROTECTION, is_of_service, protected_until, status_of
from bastide.store.records import Record
from bastide.store.tasks import put_task
from bastide.store.txn import Txn

UPDATED_MAX, SHOWN_MAX = 10, 100  # tasks of one call
MINUTES = (1, 2880)
MINUTES_DEFAULT = 120


def get_task_protection(txn: Txn, ctx: Context, params: Params) -> Result:
    """GetTaskProtection: of the named tasks, or of all that a service runs in the cluster."""
    cluster = find_cluster(txn, ctx, params["cluster"])
    named = params.get("tasks", [])
    if len(named) > SHOWN_MAX:
        raise Invalid("parameter", why=f"Tasks cannot have more than {SHOWN_MAX} elements.")
    if not named:
        found = [record for record in txn.find(TASK, parent=cluster.key) if _is_protectable(record)]
        return {"protectedTasks": [_render(record, ctx) for record in found], "failures": []}
    found, failures = _find(txn, ctx, cluster, named)
    return {"protectedTasks": [_render(record, ctx) for record in found], "failures": failures}


def update_task_protection(txn: Txn, ctx: Context, params: Params) -> Result:
    """UpdateTaskProtection: every task that can be is, the others are failures."""
    cluster = find_cluster(txn, ctx, params["cluster"])
    named = params["tasks"]
    if not named:
        raise Invalid("parameter", why="Tasks cannot be empty.")
    if len(named) > UPDATED_MAX:
        raise Invalid("parameter", why=f"Tasks cannot have more than {UPDATED_MAX} elements.")
    minutes = params.get("expiresInMinutes", MINUTES_DEFAULT)
    least, most = MINUTES
    if not least <= minutes <= most:
        raise Invalid("parameter", why=f"expiresInMinutes must be between {least} and {most}.")
    if "expiresInMinutes" in params and not params["protectionEnabled"]:
        raise Invalid("parameter", why="expiresInMinutes can only be set when protectionEnabled is true.")
    until = ctx.now_s + minutes * 60 if params["protectionEnabled"] else None
    found, failures = _find(txn, ctx, cluster, named)
    changed = [
        put_task(txn, record, {**record.document, PROTECTION: until}, at_s=ctx.now_s) for record in found
    ]
    return {"protectedTasks": [_render(record, ctx) for record in changed], "failures": failures}


def _find(txn: Txn, ctx: Context, cluster: Record, named: list[str]) -> tuple[list[Record], list[Document]]:
    """The tasks that can be protected, each once, and why the others cannot."""
    found: list[Record] = []
    failures: list[Document] = []
    for arn in dict.fromkeys(parse_task(ctx, identifier, cluster) for identifier in named):
        record = txn.get(TASK, arn)
        if record is None or record.parent != cluster.key:
            failures.append({"arn": arn, "reason": "MISSING"})
        elif not _is_protectable(record):
            failures.append({"arn": arn, "reason": "TASK_NOT_VALID"})
        else:
            found.append(record)
    return found, failures


def _is_protectable(record: Record) -> bool:
    return is_of_service(record.document) and status_of(record.document) is TaskStatus.RUNNING


def _render(record: Record, ctx: Context) -> Document:
    until = protected_until(record.document, now_s=ctx.now_s)
    return {"taskArn": record.key, "protectionEnabled": until is not None, "expirationDate": until}


OPERATIONS: Mapping[str, Operation] = {
    "GetTaskProtection": Reads(get_task_protection),
    "UpdateTaskProtection": Writes(update_task_protection),
}
