"""Tasks after RunTask: stop, describe, list.

StopTask records what is wanted and why; the agent does it. What cannot be described is a failure in the
answer, not an error.
"""

import re
from collections.abc import Callable, Mapping

from bastide.api.ecs.clusters import find_cluster
from bastide.api.ecs.identifiers import parse_task_name
from bastide.api.ecs.task_documents import TASK, render_task
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import Cursor, read_page
from bastide.model.arn import task_arn
from bastide.model.faults import Invalid, NotFound
from bastide.model.status import STOPPED_BY_USER, DesiredStatus, StopCode
from bastide.model.task import asked_to_stop
from bastide.store.records import Record
from bastide.store.tasks import put_task
from bastide.store.txn import Txn

DESCRIBE_MAX = 100
TASK_ID_LENGTHS = (32, 36)  # today's, and the UUIDs of before 2021
FILTERS = ("containerInstance", "family", "serviceName", "desiredStatus", "launchType", "daemonName")
_TASK_ID = re.compile(r"[A-Za-z0-9-]+")
_SCAN = 200  # records looked at in one go; the filters but desiredStatus have no column

Test = Callable[[Document], bool]


def stop_task(txn: Txn, ctx: Context, params: Params) -> Result:
    """StopTask: wanted STOPPED from now on. One that is asked to stop already is shown as it is."""
    cluster = find_cluster(txn, ctx, params.get("cluster"))
    arn = parse_task(ctx, params["task"], cluster)
    record = txn.get(TASK, arn)
    if record is None or record.parent != cluster.key:
        raise NotFound("task", params["task"])
    if record.status == DesiredStatus.RUNNING:
        reason = params.get("reason") or STOPPED_BY_USER
        stopped = asked_to_stop(record.document, code=StopCode.USER_INITIATED, reason=reason)
        record = put_task(txn, record, {**stopped, "tags": []}, at_s=ctx.now_s)
    return {"task": render_task(record, tags=[])}


def describe_tasks(txn: Txn, ctx: Context, params: Params) -> Result:
    """DescribeTasks: up to a hundred, each once."""
    identifiers = params["tasks"]
    if not identifiers:
        raise Invalid("parameter", why="Tasks cannot be empty.")
    if len(identifiers) > DESCRIBE_MAX:
        raise Invalid("parameter", why=f"Tasks cannot have more than {DESCRIBE_MAX} elements.")
    cluster = find_cluster(txn, ctx, params.get("cluster"))
    with_tags = "TAGS" in params.get("include", ())
    tasks: list[Document] = []
    failures: list[Document] = []
    for arn in dict.fromkeys(parse_task(ctx, identifier, cluster) for identifier in identifiers):
        record = txn.get(TASK, arn)
        if record is None or record.parent != cluster.key:
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            tasks.append(render_task(record, tags=record.document["tags"] if with_tags else None))
    return {"tasks": tasks, "failures": failures}


def list_tasks(txn: Txn, ctx: Context, params: Params) -> Result:
    """ListTasks: those wanted RUNNING unless asked otherwise; filters combine, but for `startedBy`."""
    cluster = find_cluster(txn, ctx, params.get("cluster"))
    asked = {name: params[name] for name in (*FILTERS, "startedBy") if params.get(name) is not None}
    if "startedBy" in asked and len(asked) > 1:
        raise Invalid("parameter", why="startedBy must be the only filter specified.")
    if service := asked.get("serviceName"):
        _check_service(txn, cluster, service)
    wanted = asked.get("desiredStatus", DesiredStatus.RUNNING.value)
    fits = _test_for(ctx, asked)

    def find(after: Cursor | None, limit: int) -> list[Record]:
        found: list[Record] = []
        while len(found) < limit:
            batch = txn.find(TASK, parent=cluster.key, status=wanted, after=after, limit=_SCAN)
            found += [record for record in batch if fits(record.document["task"])]
            if len(batch) < _SCAN:
                break
            after = (batch[-1].name, batch[-1].key)
        return found[:limit]

    query = ("ListTasks", cluster.key, asked)
    records, token = read_page(find, params, *query)
    return {"taskArns": [record.key for record in records], "nextToken": token}


def parse_task(ctx: Context, identifier: str, cluster: Record) -> str:
    """The task's ARN out of an ARN, `cluster/id` or an id, which then is of this cluster."""
    named, task_id = parse_task_name(ctx, identifier, cluster.document["clusterName"])
    if identifier.startswith("arn:"):
        return identifier
    if len(task_id) not in TASK_ID_LENGTHS:
        lengths = ",".join(str(length) for length in TASK_ID_LENGTHS)
        raise Invalid("parameter", why=f"taskId length should be one of [{lengths}]")
    if not _TASK_ID.fullmatch(task_id):
        raise Invalid("parameter", why="taskId contains invalid characters")
    return task_arn(ctx.scope, named, task_id)


def _check_service(txn: Txn, cluster: Record, service: str) -> None:
    name = service.rsplit("/", 1)[-1]
    if not txn.find("service", parent=cluster.key, name=name, limit=1):
        raise NotFound("service", name)


def _test_for(ctx: Context, asked: Document) -> Test:
    """A test for the filters that have no column."""
    wanted: list[tuple[str, str]] = []
    if "startedBy" in asked:
        wanted.append(("startedBy", asked["startedBy"]))
    if "launchType" in asked:
        wanted.append(("launchType", asked["launchType"]))
    if "serviceName" in asked:
        wanted.append(("group", f"service:{asked['serviceName'].rsplit('/', 1)[-1]}"))
    if "containerInstance" in asked:
        wanted.append(("containerInstanceArn", asked["containerInstance"]))
    if "daemonName" in asked:
        wanted.append(("group", f"daemon:{asked['daemonName']}"))
    family = f":task-definition/{asked['family']}:" if "family" in asked else ""

    def fits(task: Document) -> bool:
        return family in task["taskDefinitionArn"] and all(task.get(name) == value for name, value in wanted)

    return fits


OPERATIONS: Mapping[str, Operation] = {
    "DescribeTasks": Reads(describe_tasks),
    "ListTasks": Reads(list_tasks),
    "StopTask": Writes(stop_task),
}
