"""Whether a role may write what is written with it: a task's its containers' output, a flow log's records.

A task's is asked before a container starts and not line by line: a role that loses the permission keeps its
running tasks logging. A flow log's is asked for each interval.
"""

from collections.abc import Iterator
from datetime import datetime

from bastide.api.authorization.resources.stores import find_stream
from bastide.api.authorization.task_roles import FLOW_LOGS, assume_for_task, check_as
from bastide.api.iam.identities.uses import note_role_use
from bastide.api.operation import Caller
from bastide.model.arn import last_of, log_group_arn, parse_arn, scope_of
from bastide.model.assignment import LogTarget
from bastide.model.faults import Denied
from bastide.model.network import kinds
from bastide.model.task import execution_role_of
from bastide.store import Txn
from bastide.store.logs.ids import LOG_GROUP


def check_may_log(txn: Txn, task_arn: str, target: LogTarget, now: datetime) -> None:
    """Raise Denied unless the role may make what is missing and put events there."""
    role, arn = execution_role(txn, task_arn), parse_arn(task_arn)
    if role is None or arn is None:
        return  # ECS takes no awslogs without a role on Fargate
    caller = assume_for_task(txn, role, task_arn=task_arn, now=now)
    note_role_use(txn, caller, now)
    _check(txn, caller, target, now)


def check_may_deliver(txn: Txn, flow_log_arn: str, target: LogTarget, now: datetime) -> None:
    """Raise Denied unless a flow log's role may do so; which of it is so, DescribeFlowLogs shows."""
    record = txn.get(kinds.FLOW_LOG, last_of(flow_log_arn))
    if record is None:
        return  # deleted, and these are its last records
    role, said = record.document["DeliverLogsPermissionArn"], {"DeliverLogsStatus": "SUCCESS"}
    try:
        caller = assume_for_task(txn, role, task_arn=flow_log_arn, now=now, service=FLOW_LOGS)
        note_role_use(txn, caller, now)
        _check(txn, caller, target, now)
    except Denied:
        said = {"DeliverLogsStatus": "FAILED", "DeliverLogsErrorMessage": "Access error"}
        raise
    finally:
        plain = {k: v for k, v in record.document.items() if k != "DeliverLogsErrorMessage"}
        if record.document != plain | said:
            txn.put(record.changed(document=plain | said))


def execution_role(txn: Txn, task_arn: str) -> str | None:
    """The task's, its overrides first."""
    record = txn.get("task", task_arn)
    if record is None:
        return None
    task = record.document["task"]
    definition = txn.get("task-definition", task["taskDefinitionArn"])
    return execution_role_of(task, definition.document["taskDefinition"] if definition else {})


def _check(txn: Txn, caller: Caller, target: LogTarget, now: datetime) -> None:
    scope = scope_of(caller.account, target.region)
    for action, stream in _needed(txn, log_group_arn(scope, target.group), target):
        check_as(txn, caller, action, find_stream(txn, scope, target.group, stream), now=now)


def _needed(txn: Txn, group: str, target: LogTarget) -> Iterator[tuple[str, str]]:
    """Actions, and the streams they are about."""
    if target.create_group and txn.get(LOG_GROUP, group) is None:
        yield "logs:CreateLogGroup", ""
    yield "logs:CreateLogStream", target.stream
    yield "logs:PutLogEvents", target.stream
