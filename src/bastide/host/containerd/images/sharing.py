"""One piece of work for all who want its outcome at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bastide.host.ports import Progress

T = TypeVar("T")
Work = Callable[[Progress], Awaitable[T]]


class _Running(Generic[T]):
    """Work under way, who waits for it and how far it is."""

    def __init__(self) -> None:
        self.task: asyncio.Task[T] | None = None
        self.listeners: list[Progress] = []
        self.last: dict[str, tuple[int, int]] = {}

    def tell(self, what: str, done: int, total: int) -> None:
        """All who wait."""
        self.last[what] = (done, total)
        for listener in self.listeners:
            listener(what, done, total)


class Sharing(Generic[T]):
    """Who asks for a key while its work runs waits for that; with the last who waits the work ends, too."""

    def __init__(self) -> None:
        self._running: dict[str, _Running[T]] = {}

    async def run(self, key: str, work: Work[T], *, progress: Progress) -> T:
        """The work's outcome, or what it raised."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = _Running()
            running.task = asyncio.ensure_future(self._run(key, running, work))
        assert running.task is not None
        running.listeners.append(progress)
        for what, (done, total) in running.last.items():
            progress(what, done, total)
        try:
            return await asyncio.shield(running.task)
        finally:
            running.listeners.remove(progress)
            if not running.listeners and not running.task.done():
                self._running.pop(key, None)  # who comes now begins anew
                running.task.cancel()
                await asyncio.wait([running.task])

    async def _run(self, key: str, running: _Running[T], work: Work[T]) -> T:
        try:
            return await work(running.tell)
        finally:
            if self._running.get(key) is running:
                del self._running[key]
