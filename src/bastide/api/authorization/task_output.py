"""Whether a task's execution role may write its containers' output, asked before a container starts.

Lines are not asked about one by one: a role that loses the permission keeps its running tasks logging.
"""

from collections.abc import Iterator
from datetime import datetime

from bastide.api.authorization.resources.stores import find_stream
from bastide.api.authorization.task_roles import assume_for_task, check_as
from bastide.api.operation import Document
from bastide.model.arn import log_group_arn, parse_arn, scope_of
from bastide.model.assignment import LogTarget
from bastide.store import Txn
from bastide.store.logs.ids import LOG_GROUP


def check_may_log(txn: Txn, task_arn: str, target: LogTarget, now: datetime) -> None:
    """Raise Denied unless the role may make what is missing and put events there."""
    role, arn = execution_role(txn, task_arn), parse_arn(task_arn)
    if role is None or arn is None:
        return  # ECS takes no awslogs without a role on Fargate
    caller = assume_for_task(txn, role, task_arn=task_arn, now=now)
    scope = scope_of(arn.account, target.region)
    for action, stream in _needed(txn, log_group_arn(scope, target.group), target):
        check_as(txn, caller, action, find_stream(txn, scope, target.group, stream), now=now)


def execution_role(txn: Txn, task_arn: str) -> str | None:
    """The task's, its overrides first."""
    record = txn.get("task", task_arn)
    if record is None:
        return None
    task: Document = record.document["task"]
    definition = txn.get("task-definition", task["taskDefinitionArn"])
    registered = definition.document["taskDefinition"] if definition else {}
    role = task.get("overrides", {}).get("executionRoleArn") or registered.get("executionRoleArn")
    return None if role is None else str(role)


def _needed(txn: Txn, group: str, target: LogTarget) -> Iterator[tuple[str, str]]:
    """Actions, and the streams they are about."""
    if target.create_group and txn.get(LOG_GROUP, group) is None:
        yield "logs:CreateLogGroup", ""
    yield "logs:CreateLogStream", target.stream
    yield "logs:PutLogEvents", target.stream
