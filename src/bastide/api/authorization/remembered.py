"""What was read from the store, kept until records of some kinds change.

A commit is heard of before whoever made it goes on, so whoever asks afterwards gets what was committed.
Concurrency: used on the event loop; follows the store for as long as it is open.
"""

import asyncio
from collections.abc import Callable, Collection, Hashable
from typing import Generic, TypeVar

from bastide.store import Store, Txn

ENTRIES_MAX = 1024

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by key."""

    def __init__(self, store: Store, kinds: Collection[str]) -> None:
        self._store = store
        self._kinds = kinds
        self._values: dict[K, V] = {}
        self._changes_seen = 0
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def get(self, key: K, load: Callable[[Txn], V]) -> V:
        """The value, loaded if it is not known."""
        if key in self._values:
            return self._values[key]
        seen = self._changes_seen
        value = await self._store.view(load)
        if seen == self._changes_seen:  # else it may be old already
            if len(self._values) >= ENTRIES_MAX:
                self._values.clear()
            self._values[key] = value
        return value

    async def _follow(self) -> None:
        with self._store.watch(kinds=self._kinds) as changes:
            async for _ in changes:
                self._changes_seen += 1
                self._values.clear()
