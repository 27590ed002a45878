"""When a key is looked at again; never what happens to it.

A key is never reconciled twice at once; wakes during a pass fold into exactly one more; a pass that
raises is tried again with back-off. One timer per key, so that wakes do not multiply timers.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

BACKOFF_EXPONENT_MAX = 5  # 32 s at most between two looks at a key that keeps failing

log = logging.getLogger(__name__)


class Loop(Generic[Key]):
    """Decides when a key is looked at again; everything runs on the event loop that called `run`."""

    def __init__(self, reconcile: Callable[[Key], Awaitable[float | None]], *, workers: int = 4) -> None:
        self._reconcile = reconcile
        self._workers = workers
        self._due: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._busy: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: Counter[Key] = Counter()

    def wake(self, key: Key) -> None:
        """Look at the key soon; folds with every other wake that has not been served yet."""
        if key not in self._waiting:
            self._waiting.add(key)
            if key not in self._busy:
                self._due.put_nowait(key)

    async def run(self, *beside: Coroutine[Any, Any, None]) -> None:
        """Serve wakes until cancelled, with what wakes it running `beside`."""
        try:
            async with asyncio.TaskGroup() as group:
                for waker in beside:
                    group.create_task(waker)
                for _ in range(self._workers):
                    group.create_task(self._work())
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _work(self) -> None:
        while True:
            key = await self._due.get()
            self._waiting.discard(key)
            self._busy.add(key)
            if timer := self._timers.pop(key, None):
                timer.cancel()
            again_s = await self._look(key)
            self._busy.discard(key)
            if key in self._waiting:
                self._due.put_nowait(key)
            elif again_s is not None:
                later = asyncio.get_running_loop().call_later
                self._timers[key] = later(again_s, self.wake, key)

    async def _look(self, key: Key) -> float | None:
        try:
            again_s = await self._reconcile(key)
        except Exception:
            self._failures[key] += 1
            log.exception("reconcile failed", extra={"key": key})
            exponent = min(self._failures[key] - 1, BACKOFF_EXPONENT_MAX)
            return random.uniform(0.5, 1.0) * 2.0**exponent
        del self._failures[key]
        return again_s
