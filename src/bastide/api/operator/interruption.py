"""Takes a FARGATE_SPOT task's capacity back, as AWS does: stop signal at once, two minutes, then the end."""

from bastide.api.operator.finding import find_task
from bastide.api.operator.operation import Context, Writes
from bastide.api.operator.tasks import shown_task
from bastide.model.faults import Conflict, Invalid
from bastide.model.messages.asked import INTERRUPT_SPOT, TaskAsked, TaskShown
from bastide.model.status import SPOT_INTERRUPTED, DesiredStatus, StopCode
from bastide.model.task import asked_to_stop
from bastide.store import Txn
from bastide.store.tasks import put_task

SPOT = "FARGATE_SPOT"


def interrupt_spot(txn: Txn, ctx: Context, asked: TaskAsked) -> TaskShown:
    """Wanted STOPPED from now on; how long its containers have is the host's to see to."""
    record = find_task(txn, asked.task)
    task = record.document["task"]
    if task.get("capacityProviderName") != SPOT:
        why = f"Only a task of the capacity provider {SPOT} can be interrupted; this one is none."
        raise Invalid("task", record.name, why=why)
    if record.status != DesiredStatus.RUNNING:
        raise Conflict("task", record.name, why=f"It stops, or has stopped, already: {task['stoppedReason']}")
    stopped = asked_to_stop(record.document, code=StopCode.SPOT_INTERRUPTION, reason=SPOT_INTERRUPTED)
    return shown_task(txn, put_task(txn, record, stopped, at_s=ctx.now_s))


OPERATIONS = (Writes(INTERRUPT_SPOT, interrupt_spot),)
