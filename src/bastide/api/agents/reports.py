"""What hosts say, written into the store: hellos, reports of tasks, lines of containers."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from bastide.api.authorization.task_output import check_may_deliver, check_may_log
from bastide.api.failures import row_for
from bastide.api.logs.groups import epoch_ms
from bastide.api.logs.lines import cut_lines, open_stream
from bastide.api.task_environment.resolution import forget_environment
from bastide.model.arn import last_of, parse_arn, scope_of
from bastide.model.assignment import Report
from bastide.model.container.runs import runtime_id
from bastide.model.faults import Denied, Fault, Unavailable
from bastide.model.frames import Hello, LogBatch, Pulling
from bastide.model.status import TaskStatus
from bastide.model.task import status_of, with_report
from bastide.store import Batch, Record, Store, Txn
from bastide.store.logs.ids import group_id, stream_id
from bastide.store.logs.positions import read_position
from bastide.store.tasks import live_task, put_task

HOST = "host"
CONNECTED, DISCONNECTED = "CONNECTED", "DISCONNECTED"


def store_hello(txn: Txn, hello: Hello, now: datetime) -> None:
    """The host is connected, with this much room."""
    capacity = {"cpuUnits": hello.cpu_units, "memoryMib": hello.memory_mib, "diskMib": hello.disk_mib}
    document = {
        "capacity": capacity,
        "agentVersion": hello.agent_version,
        "connectedAt": now.timestamp(),
        "lastHeartbeatAt": now.timestamp(),
    }
    record = txn.get(HOST, hello.host_id) or Record(HOST, hello.host_id, "", {}, name=hello.host_id)
    txn.put(record.changed(document=document, status=CONNECTED))


def store_disconnected(txn: Txn, host_id: str, now: datetime) -> None:
    """Nobody speaks for the host; its tasks may well go on."""
    record = txn.get(HOST, host_id)
    if record is not None and record.status == CONNECTED:
        document = {**record.document, "lastHeartbeatAt": now.timestamp()}
        txn.put(record.changed(document=document, status=DISCONNECTED))


def store_all_disconnected(txn: Txn, now: datetime) -> None:
    """At start: whoever was connected to an earlier server has to say hello again."""
    for record in txn.find(HOST, status=CONNECTED):
        store_disconnected(txn, record.key, now)


def store_report(txn: Txn, host_id: str, report: Report, now: datetime) -> bool:
    """Fold a report into its task; False when this host has no business with the task any more."""
    record = live_task(txn, report.task_arn, host_id)
    if record is None:
        return False
    task_id = last_of(record.key)
    ids = [runtime_id(task_id, index) for index in range(len(record.document["task"]["containers"]))]
    at_s = round(now.timestamp(), 3)
    document = with_report(record.document, report, at_s=at_s, runtime_ids=ids)
    if document is not record.document:
        put_task(txn, record, document, at_s=at_s)
        if status_of(document) is TaskStatus.STOPPED:
            forget_environment(txn, record.key)
    return True


def store_pulling(txn: Txn, host_id: str, news: Pulling) -> None:
    """Keep how far a pull is, beside the task: no operation of ECS's shows it."""
    record = live_task(txn, news.task_arn, host_id)
    if record is None or status_of(record.document) >= TaskStatus.ACTIVATING:
        return  # it came late
    told = {"what": news.what, "doneBytes": news.done_bytes, "totalBytes": news.total_bytes}
    pulls = record.document.get("pulls", {}) | {news.container: told}
    txn.put(record.changed(document={**record.document, "pulls": pulls}))


async def store_logs(store: Store, batches: Sequence[LogBatch], now: datetime) -> list[Fault | None]:
    """Store batches in their order, each once; for each what the Logs API would say against it.

    Raises Unavailable when they cannot be stored now. A batch without lines only makes its stream.
    """
    # A stream or a group may have to be made.
    placed = await store.view_or_update(partial(_place_all, batches=batches, now=now))
    stored = [one for one in placed if isinstance(one, Batch)]
    await asyncio.gather(*(store.logs.append(batch) for batch in stored))
    return [one if isinstance(one, Fault) else None for one in placed]


def _place_all(txn: Txn, batches: Sequence[LogBatch], now: datetime) -> list[Batch | Fault | None]:
    placed: list[Batch | Fault | None] = []
    for batch in batches:
        try:
            placed.append(place_logs(txn, batch, now))
        except Unavailable:
            raise
        except Fault as fault:
            placed.append(fault)
    return placed


def place_logs(txn: Txn, batch: LogBatch, now: datetime) -> Batch | None:
    """The batch as the storage of logs takes it; None where there is nothing to store."""
    task = parse_arn(batch.task_arn)
    scope = scope_of(task.account, task.region) if task else ""
    if not batch.lines:  # the first word of a container's output, before it starts
        check_may_log(txn, batch.task_arn, batch.target, now)
    if task is not None and task.service == "ec2":
        check_may_deliver(txn, batch.task_arn, batch.target, now)
    group, stream = open_stream(txn, scope, batch.target, now)
    source = f"{batch.task_arn}/{batch.container}/{batch.source}"
    if not batch.lines or batch.sequence <= read_position(txn, source):
        return None
    return Batch(
        group=group_id(group),
        stream=stream.name,
        stream_id=stream_id(stream),
        lines=cut_lines(batch.lines),
        ingestion_ms=epoch_ms(now),
        source=source,
        sequence=batch.sequence,
    )


def render_log_fault(fault: Fault) -> str:
    """Why a batch was refused for good, in the words of the Logs API."""
    if isinstance(fault, Denied) and fault.noun == "permission":
        return f"AccessDeniedException: {fault.why}"
    row = row_for("logs", fault)
    return f"{row.code}: {row.message}" if row else str(fault)
