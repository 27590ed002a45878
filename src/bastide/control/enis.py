"""Takes back what a task held when it has STOPPED: interface, addresses, and its place on the host."""

from bastide.loop import Loop
from bastide.model.network import kinds
from bastide.model.status import TaskStatus
from bastide.model.task import status_of
from bastide.store import Store, Txn
from bastide.store.following import follow
from bastide.store.network.addresses import return_public_address


class Enis:
    """Every placement, until its task is over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Release until cancelled."""
        await self._loop.run(
            follow(
                self._store,
                ("task",),
                on_all=self._wake_all,
                on_change=lambda change: self._loop.wake(change.key),
            )
        )

    async def reconcile(self, arn: str) -> None:
        """Release the task's things if it has STOPPED or is gone."""
        if await self._store.view(lambda txn: _is_over(txn, arn)):
            await self._store.update(lambda txn: _release(txn, arn))

    async def _wake_all(self) -> None:
        for placement in await self._store.view(lambda txn: txn.find("placement")):
            self._loop.wake(placement.key)


def _is_over(txn: Txn, arn: str) -> bool:
    if txn.get("placement", arn) is None:
        return False
    task = txn.get("task", arn)
    return task is None or status_of(task.document) is TaskStatus.STOPPED


def _release(txn: Txn, arn: str) -> None:
    placement = txn.get("placement", arn)
    if placement is None or not _is_over(txn, arn):
        return
    txn.delete(placement)
    eni = txn.get(kinds.NETWORK_INTERFACE, placement.document["eni"])
    if eni is None:
        return
    txn.delete(eni)
    if association := eni.document.get("Association"):
        return_public_address(txn, association["PublicIp"], holder=eni.key)
