"""Removes what is over: tasks some time after they STOPPED, task definitions that nothing runs any more, and
secrets whose recovery window has ended.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from bastide.config import Settings
from bastide.loop import Loop
from bastide.model.status import TaskStatus
from bastide.model.task import status_of
from bastide.store import Record, Store, Txn
from bastide.store.following import follow
from bastide.store.records import Change

DELETE_IN_PROGRESS, DELETED = "DELETE_IN_PROGRESS", "DELETED"
LOOK_AGAIN_S = 6 * 3600.0  # a clock may be set, and a timer of weeks is no promise

Key = tuple[str, str]  # kind, key


class Reaper:
    """Every task, and every task definition and secret that is to be deleted."""

    def __init__(
        self, store: Store, settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._retention_s = settings.stopped_task_retention_s
        self._now = now
        self._deleting: set[str] = set()
        self._loop: Loop[Key] = Loop(self.reconcile)

    async def run(self) -> None:
        """Reap until cancelled."""
        await self._loop.run(
            follow(
                self._store,
                ("task", "task-definition", "secret"),
                on_all=self._wake_all,
                on_change=self._wake_changed,
            )
        )

    async def reconcile(self, key: Key) -> float | None:
        """Remove it if its time has come; else when to look again."""
        kind, name = key
        if kind == "task":
            return await self._reap_task(name)
        if kind == "secret":
            return await self._reap_secret(name)
        await self._reap_definition(name)
        return None

    async def _wake_all(self) -> None:
        for record in await self._store.view(_read_ending):
            self._loop.wake((record.kind, record.key))

    def _wake_changed(self, change: Change) -> None:
        self._loop.wake((change.kind, change.key))

    async def _reap_task(self, arn: str) -> float | None:
        record = await self._store.view(lambda txn: txn.get("task", arn))
        if record is None or status_of(record.document) is not TaskStatus.STOPPED:
            return None
        definition = record.document["task"]["taskDefinitionArn"]
        if definition in self._deleting:
            self._loop.wake(("task-definition", definition))
        ends_s = record.document["task"]["stoppedAt"] + self._retention_s
        left_s: float = ends_s - self._now().timestamp()
        if left_s > 0:
            return left_s
        await self._store.update(lambda txn: _delete_task(txn, arn))
        return None

    async def _reap_secret(self, arn: str) -> float | None:
        record = await self._store.view(lambda txn: txn.get("secret", arn))
        if record is None or record.status != DELETED:
            return None
        left_s: float = record.document["secret"]["DeletedDate"] - self._now().timestamp()
        if left_s > 0:
            return min(left_s, LOOK_AGAIN_S)
        await self._store.update(lambda txn: _delete_secret(txn, arn))
        return None

    async def _reap_definition(self, arn: str) -> None:
        record = await self._store.view(lambda txn: txn.get("task-definition", arn))
        if record is None or record.status != DELETE_IN_PROGRESS:
            self._deleting.discard(arn)
            return
        self._deleting.add(arn)
        if await self._store.update(lambda txn: _delete_definition(txn, arn)):
            self._deleting.discard(arn)


def _read_ending(txn: Txn) -> list[Record]:
    stopped = txn.find("task", state=TaskStatus.STOPPED.name)
    definitions = txn.find("task-definition", status=DELETE_IN_PROGRESS)
    return [*stopped, *definitions, *txn.find("secret", status=DELETED)]


def _delete_task(txn: Txn, arn: str) -> None:
    record = txn.get("task", arn)
    if record is None:
        return
    txn.delete(record)
    for kind in ("log-position", "task-environment"):
        for record_of_it in txn.find(kind, parent=arn):
            txn.delete(record_of_it)
    token = record.document["clientToken"]
    made = txn.get("client-token", f"{record.parent}/RunTask/{token}") if token else None
    if made is not None and not any(txn.get("task", one) for one in made.document["tasks"]):
        txn.delete(made)


def _delete_secret(txn: Txn, arn: str) -> None:
    """With its versions; not if it was restored meanwhile."""
    record = txn.get("secret", arn)
    if record is None or record.status != DELETED:
        return
    for version in txn.find("secret-version", parent=arn):
        txn.delete(version)
    txn.delete(record)


def _delete_definition(txn: Txn, arn: str) -> bool:
    """Whether it is gone: not while a task of it has not STOPPED."""
    record = txn.get("task-definition", arn)
    if record is None or record.status != DELETE_IN_PROGRESS:
        return True
    for task in txn.find("task", scope=record.scope):
        is_of_it = task.document["task"]["taskDefinitionArn"] == arn
        if is_of_it and status_of(task.document) is not TaskStatus.STOPPED:
            return False
    txn.delete(record)
    family = txn.get("family", record.parent)
    if family is not None and not txn.count("task-definition", parent=record.parent):
        txn.put(family.changed(status=DELETED))
    return True
