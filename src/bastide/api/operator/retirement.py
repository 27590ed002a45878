"""Retires a task after a notice, as AWS does before it maintains what a task runs on.

What is decided is a record of the kind `retirement` (key: the task's ARN); `control/retirement` acts on it.
"""

from bastide.api.ecs.account_settings import RETIREMENT_WAIT_DAYS, account_value
from bastide.api.operator.finding import find_task
from bastide.api.operator.operation import Context, Writes
from bastide.api.operator.tasks import shown_task
from bastide.model.faults import Conflict, Invalid
from bastide.model.messages.asked import RETIRE_TASK, RetirementAsked, TaskShown
from bastide.model.status import DesiredStatus
from bastide.store import Record, Txn

RETIREMENT = "retirement"
DAY_S = 24 * 3600


def retire_task(txn: Txn, ctx: Context, asked: RetirementAsked) -> TaskShown:
    """To be stopped when the notice is over; a later notice takes the place of an earlier one."""
    task = find_task(txn, asked.task)
    if task.status != DesiredStatus.RUNNING:
        told = task.document["task"].get("stoppedReason", "")
        raise Conflict("task", task.name, why=f"It stops, or has stopped, already: {told}")
    notice_s = asked.notice_s
    if notice_s is None:
        notice_s = int(account_value(txn, task.scope, RETIREMENT_WAIT_DAYS)) * DAY_S
    if notice_s < 0:
        raise Invalid("notice", why="A notice is a number of seconds, 0 or more.")
    document = {"noticedAt": ctx.now_s, "retiresAt": round(ctx.now_s + notice_s, 3)}
    record = txn.get(RETIREMENT, task.key) or Record(
        RETIREMENT, task.key, task.scope, {}, parent=task.parent, name=task.name
    )
    txn.put(record.changed(document=document))
    return shown_task(txn, task)


OPERATIONS = (Writes(RETIRE_TASK, retire_task),)
