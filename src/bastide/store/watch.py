"""The feed of changes: every commit tells every watch which records it touched.

All of it runs on the store's event loop; the writer's thread hands over what it committed. A watch keeps
one entry a record (a later change replaces the earlier), so a slow reader costs memory only by the number
of records touched; beyond CAPACITY it is told Lost instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from types import TracebackType

from bastide.store.records import Change, Lost

CAPACITY = 16_384

Replay = Callable[[int], Awaitable[list[Change] | Lost]]


class Watch(AsyncIterator[Change | Lost]):
    """Changes from the moment it was made, in order; for one reader."""

    def __init__(
        self, feed: "Feed", *, kinds: Collection[str] | None, since: int | None, replay: Replay
    ) -> None:
        self._feed = feed
        self._kinds = None if kinds is None else frozenset(kinds)
        self._since = since
        self._replay = replay
        self._pending: dict[tuple[str, str], Change] = {}
        self._lost: Lost | None = None
        self._something = asyncio.Event()
        self._closed = False

    async def __anext__(self) -> Change | Lost:
        if self._since is not None:
            await self._go_back()
        while not self._closed:
            if self._lost is not None:
                lost, self._lost = self._lost, None
                return lost
            if self._pending:
                return self._pending.pop(next(iter(self._pending)))
            self._something.clear()
            await self._something.wait()
        raise StopAsyncIteration

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching; a reader that waits sees the end."""
        self._closed = True
        self._something.set()
        self._feed.leave(self)

    def offer(self, changes: Iterable[Change]) -> None:
        """Called by the feed with what a commit touched."""
        for change in changes:
            if self._kinds is None or change.kind in self._kinds:
                key = (change.kind, change.key)
                self._pending.pop(key, None)  # to the end: what is read keeps the order of `seq`
                self._pending[key] = change
        if len(self._pending) > CAPACITY:
            self.lose(max(change.seq for change in self._pending.values()))
        if self._pending:
            self._something.set()

    def lose(self, seq: int) -> None:
        """Called when changes up to `seq` cannot be given one by one."""
        self._pending.clear()
        self._lost = Lost(seq)
        self._something.set()

    async def _go_back(self) -> None:
        since, self._since = self._since or 0, None
        past = await self._replay(since)
        if isinstance(past, Lost):
            self._lost = past
            return
        newer, self._pending = self._pending, {}
        self.offer(past)
        seen = past[-1].seq if past else since
        self.offer(change for change in newer.values() if change.seq > seen)


class Feed:
    """Those who watch."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()

    def join(self, watch: Watch) -> None:
        """From now on the watch is told."""
        self._watches.add(watch)

    def leave(self, watch: Watch) -> None:
        """No longer. Repeatable."""
        self._watches.discard(watch)

    def publish(self, changes: list[Change]) -> None:
        """Tell every watch."""
        for watch in self._watches:
            watch.offer(changes)

    def lose(self, seq: int) -> None:
        """Tell every watch to look at everything."""
        for watch in self._watches:
            watch.lose(seq)

    def close(self) -> None:
        """End every watch."""
        for watch in list(self._watches):
            watch.close()
