"""The store: one writer that commits for everybody at once, a few readers, and a feed of changes.

Invariants: what `update` returned from is on disk; a `view` sees one snapshot, with everything that was
committed when it was asked for; watches hear of each commit before its callers go on.
Used from one event loop; closures run on the store's threads and must not touch the loop.
"""

import asyncio
import contextlib
import logging
import queue
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bastide.model.faults import Fault, Unavailable
from bastide.store.backends import Backend, open_backend
from bastide.store.logs import LogStore
from bastide.store.logs.positions import keep_positions
from bastide.store.records import Change, Lost
from bastide.store.statements import statements_for
from bastide.store.threads import Job, Updates, Views
from bastide.store.txn import ReadOnly, Txn
from bastide.store.watch import Feed, Watch

VIEW_THREADS = 3
POLL_S = 0.25  # how soon we see what another server wrote to a shared database

T = TypeVar("T")

log = logging.getLogger(__name__)


class Store:
    """Records and their changes, in one database; log events, in a folder."""

    def __init__(self, backend: Backend, *, seq: int, log_folder: Path | None) -> None:
        """Use `Store.open`. `seq` is the number of the newest change."""
        self._loop = asyncio.get_running_loop()
        self._statements = statements_for(backend.dialect)
        self._feed = Feed()
        self._seq = seq
        self._closed = False
        self.commits = 0  # transactions since start that changed records
        self.commit_jobs = 0  # closures those transactions held
        self._updates: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._views: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads: list[Views] = [Updates(backend, self._statements, self._updates)]
        self._threads += [Views(backend, self._statements, self._views) for _ in range(VIEW_THREADS)]
        for thread in self._threads:
            thread.start(self._hand_over)
        self._logs = LogStore(log_folder, self._keep_positions) if log_folder else None
        self._poll = self._loop.create_task(self._poll_feed()) if backend.has_other_writers else None

    @classmethod
    async def open(cls, url: str, *, log_folder: Path | None = None) -> "Store":
        """Open the database, migrated to the newest schema; Unavailable or Invalid says why it cannot be.

        Log events are kept in `log_folder`, by default beside SQLite's file.
        """
        backend = open_backend(url)
        seq = await asyncio.to_thread(_prepare, backend)
        if log_folder is None and backend.folder is not None:
            log_folder = backend.folder / "logs"
        return cls(backend, seq=seq, log_folder=log_folder)

    @property
    def logs(self) -> LogStore:
        """The storage of log events, which opens its folder when it is first used."""
        if self._logs is None:
            raise Unavailable("store", why="This store was opened without a folder for logs.")
        return self._logs

    async def view(self, fn: Callable[[Txn], T]) -> T:
        """Run `fn` over one snapshot and return what it returns."""
        return await self._queued(self._views, fn)

    async def update(self, fn: Callable[[Txn], T]) -> T:
        """Run `fn` in one transaction, on disk when this returns; undone when `fn` raises.

        Preconditions: `fn` has no effects but through the transaction: it may be run again.
        """
        return await self._queued(self._updates, fn)

    async def view_or_update(self, fn: Callable[[Txn], T]) -> T:
        """Run `fn` as a view, and once more as an update where it turns out to need a write."""
        with contextlib.suppress(ReadOnly):
            return await self.view(fn)
        return await self.update(fn)

    def watch(self, *, kinds: Collection[str] | None = None, since: int | None = None) -> Watch:
        """Changes from now on, or those after `since` first; of some kinds or of all."""
        watch = Watch(self._feed, kinds=kinds, since=since, replay=self._changes_since)
        self._feed.join(watch)
        return watch

    async def close(self) -> None:
        """Finish what was asked for, then let go of the database. Repeatable."""
        if self._closed:
            return
        if self._logs is not None:
            await self._logs.close()
        self._closed = True
        if self._poll is not None:
            self._poll.cancel()
        self._updates.put(None)
        for _ in range(VIEW_THREADS):
            self._views.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._feed.close()

    async def _queued(self, jobs: "queue.SimpleQueue[Job | None]", fn: Callable[[Txn], T]) -> T:
        if self._closed:
            raise Unavailable("store", why="The store is closed.")
        future: asyncio.Future[T] = self._loop.create_future()
        jobs.put(Job(fn, future))
        return await future

    def _hand_over(self, jobs: list[Job], changes: list[Change]) -> None:
        """On a store thread: give a batch's results to the event loop."""
        try:
            self._loop.call_soon_threadsafe(self._settle, jobs, changes)
        except RuntimeError:
            log.warning("the event loop ended before the store was closed")

    def _settle(self, jobs: list[Job], changes: list[Change]) -> None:
        if changes:
            self.commits += 1
            self.commit_jobs += len(jobs)
            self._publish(changes)
        for job in jobs:
            job.settle()

    def _publish(self, changes: list[Change]) -> None:
        if self._poll is not None and changes[0].seq != self._seq + 1:
            return  # another server wrote in between: the poll brings both, in order
        self._seq = changes[-1].seq
        self._feed.publish(changes)

    async def _keep_positions(self, positions: Mapping[str, int]) -> None:
        await self.update(lambda txn: keep_positions(txn, positions))

    async def _changes_since(self, since: int) -> list[Change] | Lost:
        return await self.view(lambda txn: txn.read_changes(since))

    async def _poll_feed(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                news = await self._changes_since(self._seq)
            except Fault as error:
                log.warning("changes of other servers cannot be read: %s", error)
                continue
            if isinstance(news, Lost):
                self._seq = news.seq
                self._feed.lose(news.seq)
            else:
                newer = [change for change in news if change.seq > self._seq]
                if newer:
                    self._seq = newer[-1].seq
                    self._feed.publish(newer)


def _prepare(backend: Backend) -> int:
    backend.migrate()
    try:
        with contextlib.closing(backend.connect()) as connection:
            cursor: Any = connection.cursor()
            cursor.execute(statements_for(backend.dialect).last_number.text)
            return int(cursor.fetchone()[0])
    except backend.errors as error:
        raise backend.fault_of(error) from error
