"""Forgets events once they have been kept for as long as the installation wants them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from bastide.config import Settings
from bastide.store import Store

LOOK_EVERY_S = 60.0
AT_ONCE = 500  # forgotten in one transaction, so that other writers wait for a few milliseconds only


class Events:
    """Every event there is."""

    def __init__(
        self, store: Store, settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._retention_s = settings.event_retention_s
        self._now = now

    async def run(self) -> None:
        """Forget until cancelled."""
        while True:
            await self.expire()
            await asyncio.sleep(LOOK_EVERY_S)

    async def expire(self) -> None:
        """Forget those whose time is over."""
        before_ms = round((self._now().timestamp() - self._retention_s) * 1000)
        while await self._store.update(lambda txn: txn.expire_events(before_ms=before_ms, limit=AT_ONCE)):
            pass
