"""Stopping every task before `bastide down --stop-tasks` ends the control plane.

Which tasks there are is read from the store, as no API call lists those of all regions; they are stopped
through the API, as any client would, so that their records say so.
"""

import asyncio
import time

from bastide.api.keys.admin import key_file, read_admin_key
from bastide.cli.commands import tell
from bastide.cli.processes.client import call_ecs
from bastide.cli.processes.services import reach
from bastide.config import Settings
from bastide.model.faults import InUse
from bastide.store import Record, Store, Txn

STOP_TIMEOUT_S = 180.0  # beyond Fargate's longest stopTimeout, 120 s
POLL_S = 0.5
SAID_EVERY_S = 5.0
REASON = "The installation was stopped: bastide down --stop-tasks"


def stop_every_task(settings: Settings) -> None:
    """Ask each to stop; wait until all have, and until the agent has cleaned up behind them."""
    key = read_admin_key(key_file(settings))
    tasks = asyncio.run(read_tasks(settings))
    for task in tasks:
        region = task.scope.partition("/")[2]
        asked = {"cluster": task.parent, "task": task.key, "reason": REASON}
        call_ecs(reach(settings), key, region, "StopTask", asked)
    patience = Patience()
    while tasks or is_any_left(settings):
        patience.wait(len(tasks))
        time.sleep(POLL_S)
        tasks = asyncio.run(read_tasks(settings))


class Patience:
    """Says now and then what is waited for, and ends the waiting when it takes too long."""

    def __init__(self) -> None:
        self._began = self._said_at = time.monotonic()

    def wait(self, tasks: int) -> None:
        """So many have not stopped yet. Raises InUse when that has been so for long."""
        now = time.monotonic()
        if now - self._began > STOP_TIMEOUT_S:
            why = f"Tasks have not stopped within {STOP_TIMEOUT_S:g} s; see `bastide logs agent`."
            raise InUse("task", why=why)
        if now - self._said_at > SAID_EVERY_S:
            self._said_at = now
            tell(f"  waiting for tasks to stop: {tasks}")


async def read_tasks(settings: Settings) -> list[Record]:
    """Every task that has not stopped, of all regions."""

    def find(txn: Txn) -> list[Record]:
        return [task for task in txn.find("task") if task.document["task"]["lastStatus"] != "STOPPED"]

    store = await Store.open(settings.database_url)
    try:
        return await store.view(find)
    finally:
        await store.close()


def is_any_left(settings: Settings) -> bool:
    """Whether the agent still has a task's folder, the last thing it removes."""
    folder = settings.agent_folder / "tasks"
    return folder.exists() and any(folder.iterdir())
