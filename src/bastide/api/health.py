"""How the installation is: the answer of `/_bastide/health`, and the numbers behind it.

Unsigned, so it tells nothing of what runs, only how much. The counts are kept for a
second, so that asking often costs nothing.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from bastide import __version__
from bastide.config import Settings
from bastide.model.status import TaskStatus
from bastide.store import Store
from bastide.store.txn import Txn

KEPT_S = 1.0


class Health:
    """Reads the state of one server."""

    def __init__(self, store: Store, settings: Settings, agents_connected: Callable[[], int]) -> None:
        self._store = store
        self._instance = settings.instance
        self._agents_connected = agents_connected
        self._started_at = time.monotonic()
        self._reading = asyncio.Lock()
        self._tasks: Mapping[str, int] = {}
        self._read_at = float("-inf")

    @property
    def agents(self) -> int:
        """Agents with an open session."""
        return self._agents_connected()

    async def tasks(self) -> Mapping[str, int]:
        """How many tasks there are of each last status; at most a second old."""
        async with self._reading:
            if time.monotonic() - self._read_at > KEPT_S:
                self._tasks = await self._store.view(_count_tasks)
                self._read_at = time.monotonic()
            return self._tasks

    async def read(self) -> dict[str, Any]:
        """What `/_bastide/health` says; raises when the store cannot be read."""
        return {
            "status": "ok" if self.agents else "degraded",
            "version": __version__,
            "instance": self._instance,
            "uptime_s": round(time.monotonic() - self._started_at, 3),
            "agents_connected": self.agents,
            "tasks": dict(await self.tasks()),
        }


def _count_tasks(txn: Txn) -> Mapping[str, int]:
    counts = {status.name: txn.count("task", state=status.name) for status in TaskStatus}
    return {name: count for name, count in counts.items() if count}
