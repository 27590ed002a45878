"""Says of each task whether its host is heard of: `connectivity`, once a host has been silent for a while.

A host that comes back within DISCONNECTED_AFTER_S, as one whose agent is restarted does, changes nothing.
Tasks go on either way; what becomes of them without a host is not decided here.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from bastide.loop import Loop
from bastide.model.task import with_connectivity
from bastide.store import Store, Txn
from bastide.store.following import follow
from bastide.store.tasks import put_task

CONNECTED = "CONNECTED"
DISCONNECTED_AFTER_S = 20.0  # as long as four heartbeats, after which a silent session is given up
TASKS_AT_ONCE = 50  # changed in one transaction, so that other writers wait for a few milliseconds only


class Hosts:
    """Every host there ever was."""

    def __init__(
        self,
        store: Store,
        *,
        patience_s: float = DISCONNECTED_AFTER_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._patience_s = patience_s
        self._now = now
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Keep tasks' connectivity until cancelled."""
        await self._loop.run(
            follow(
                self._store,
                ("host",),
                on_all=self._wake_all,
                on_change=lambda change: self._loop.wake(change.key),
            )
        )

    async def reconcile(self, host_id: str) -> float | None:
        """Mark the host's tasks; when to look again at a host that has only just gone."""
        host = await self._store.view(lambda txn: txn.get("host", host_id))
        if host is None:
            return None
        if host.status != CONNECTED:
            silent_s = self._now().timestamp() - host.document["lastHeartbeatAt"]
            if silent_s < self._patience_s:
                return self._patience_s - float(silent_s)
        arns = await self._store.view(partial(_read_marked_otherwise, host_id=host_id))
        for first in range(0, len(arns), TASKS_AT_ONCE):
            some = arns[first : first + TASKS_AT_ONCE]
            at_s = round(self._now().timestamp(), 3)
            await self._store.update(partial(_mark, host_id=host_id, arns=some, at_s=at_s))
        return None

    async def _wake_all(self) -> None:
        for host in await self._store.view(lambda txn: txn.find("host")):
            self._loop.wake(host.key)


def _read_marked_otherwise(txn: Txn, host_id: str) -> list[str]:
    """The host's tasks that do not say of it what is so."""
    is_connected = _is_connected(txn, host_id)
    placed = [txn.get("task", placement.key) for placement in txn.find("placement", parent=host_id)]
    return [
        task.key
        for task in placed
        if task is not None
        and with_connectivity(task.document, is_connected=is_connected, at_s=0.0) is not task.document
    ]


def _mark(txn: Txn, host_id: str, arns: Sequence[str], at_s: float) -> None:
    """As the host is now: it may have come or gone since it was looked at."""
    is_connected = _is_connected(txn, host_id)
    for arn in arns:
        task = txn.get("task", arn)
        if task is not None:
            document = with_connectivity(task.document, is_connected=is_connected, at_s=at_s)
            if document is not task.document:
                put_task(txn, task, document, at_s=at_s)


def _is_connected(txn: Txn, host_id: str) -> bool:
    host = txn.get("host", host_id)
    return host is not None and host.status == CONNECTED
