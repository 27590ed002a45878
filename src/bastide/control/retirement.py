"""Stops a task that is to be retired when its notice is over; then what was decided is forgotten.

A retirement is a record of the kind `retirement` (key: the task's ARN), so a server that dies meanwhile
finds it again.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from bastide.loop import Loop
from bastide.model.status import RETIRED, DesiredStatus, StopCode
from bastide.model.task import asked_to_stop
from bastide.store import Store, Txn
from bastide.store.following import follow
from bastide.store.tasks import put_task

LOOK_AGAIN_S = 3600.0  # at the latest: a timer may stand still while the machine sleeps


class Retirement:
    """Every task that is to be retired."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Retire until cancelled."""
        await self._loop.run(
            follow(
                self._store,
                ("retirement",),
                on_all=self._wake_all,
                on_change=lambda change: self._loop.wake(change.key),
            )
        )

    async def reconcile(self, arn: str) -> float | None:
        """Stop the task if its time has come; else when to look again."""
        record = await self._store.view(lambda txn: txn.get("retirement", arn))
        if record is None:
            return None
        left_s = float(record.document["retiresAt"] - self._now().timestamp())
        if left_s > 0:
            return min(left_s, LOOK_AGAIN_S)
        at_s = round(self._now().timestamp(), 3)
        await self._store.update(lambda txn: _retire(txn, arn, at_s))
        return None

    async def _wake_all(self) -> None:
        for record in await self._store.view(lambda txn: txn.find("retirement")):
            self._loop.wake(record.key)


def _retire(txn: Txn, arn: str, at_s: float) -> None:
    retirement = txn.get("retirement", arn)
    if retirement is None or retirement.document["retiresAt"] > at_s:
        return  # put off meanwhile
    txn.delete(retirement)
    task = txn.get("task", arn)
    if task is not None and task.status == DesiredStatus.RUNNING:
        stopped = asked_to_stop(task.document, code=StopCode.TERMINATION_NOTICE, reason=RETIRED)
        put_task(txn, task, stopped, at_s=at_s)
