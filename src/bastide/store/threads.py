"""The store's threads: each drains its queue and runs everything it found in one transaction.

A thread owns its connection, opens it when first needed and again when it broke, and never dies of what a
job or the database does. Jobs come from the event loop and their results go back to it, once a batch.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from bastide.model.faults import Unavailable
from bastide.store.backends import Backend
from bastide.store.records import Change
from bastide.store.statements import Statements
from bastide.store.txn import Pending, Txn

BATCH_OF_VIEWS = 8  # share a snapshot; more would make a quick one wait for slow ones
BATCH_OF_UPDATES = 256  # share a sync
ATTEMPTS = 5  # at one transaction the database asked to run again
CHANGES_KEPT = 100_000  # beyond that a watch with an old `since` is told Lost
PRUNE_EVERY = 4_096

UNDO = ("ROLLBACK TO SAVEPOINT closure", "RELEASE SAVEPOINT closure")
KEEP = "RELEASE SAVEPOINT closure"

log = logging.getLogger(__name__)


class Uncertain(Exception):
    """Nobody knows whether the transaction was committed, so it must not be run again."""


class Job:
    """A closure and the future its caller waits for."""

    __slots__ = ("error", "fn", "future", "result")

    def __init__(self, fn: Callable[[Txn], Any], future: asyncio.Future[Any]) -> None:
        self.fn = fn
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, txn: Txn) -> None:
        """Keep what the closure returned or raised."""
        self.error = None
        try:
            self.result = self.fn(txn)
        except StopIteration as error:  # a future refuses to carry it
            self.error = RuntimeError("a closure raised StopIteration")
            self.error.__cause__ = error
        except BaseException as error:
            self.error = error
        finally:
            txn.end()

    def settle(self) -> None:
        """On the event loop: wake the caller, if it still waits."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


Settle = Callable[[list[Job], list[Change]], None]  # called on the thread


class Views:
    """Runs views; several may run side by side on one queue."""

    batch = BATCH_OF_VIEWS
    name = "store-view"

    def __init__(
        self, backend: Backend, statements: Statements, jobs: "queue.SimpleQueue[Job | None]"
    ) -> None:
        self._backend = backend
        self._statements = statements
        self._jobs = jobs
        self._connection: Any = None
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._settle: Settle

    def start(self, settle: Settle) -> None:
        """Begin; `settle` is called on the thread with jobs that are done and what they changed."""
        self._settle = settle
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, which None in the queue brings after all jobs before it."""
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs, is_last = [job], False
            while len(jobs) < self.batch and not is_last:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    is_last = True
                else:
                    jobs.append(more)
            self._settle(jobs, self._run(jobs))
            if is_last:
                break
        self._disconnect()

    def _run(self, jobs: list[Job]) -> list[Change]:
        """Run the jobs in one transaction; where the database fails them, one by one."""
        for attempt in range(ATTEMPTS):
            try:
                return self._transact(self._connected(), jobs)
            except self._backend.errors as error:
                self._give_up(error)
                if self._backend.is_passing(error) and attempt + 1 < ATTEMPTS:
                    continue
                if len(jobs) > 1:
                    return [change for job in jobs for change in self._run([job])]
                log.warning("the store failed a transaction: %s", error)
                jobs[0].error = self._backend.fault_of(error)
                return []
            except Exception as error:
                log.exception("a transaction of the store failed")
                self._give_up(error)
                for job in jobs:
                    job.error = Unavailable("store", why=f"The store failed: {error}.")
                return []
        raise AssertionError("unreachable")

    def _transact(self, connection: Any, jobs: list[Job]) -> list[Change]:
        cursor = connection.cursor()
        for statement in self._backend.begin_view:
            cursor.execute(statement)
        for job in jobs:
            job.run(Txn(cursor, self._statements))
            if isinstance(job.error, self._backend.errors):
                raise job.error
        self._commit(cursor)
        return []

    def _commit(self, cursor: Any) -> None:
        try:
            cursor.execute("COMMIT")
        except self._backend.errors as error:
            if self._backend.is_broken(self._connection):
                raise Uncertain(
                    "the connection was lost while committing: it may or may not be stored"
                ) from error
            raise

    def _connected(self) -> Any:
        if self._connection is not None and self._backend.is_broken(self._connection):
            self._disconnect()
        if self._connection is None:
            self._connection = self._backend.connect()
        return self._connection

    def _give_up(self, error: Exception) -> None:
        """End the transaction, if the database has not; a connection that cannot even do that is dropped."""
        if self._connection is None:
            return
        try:
            if self._is_inside_transaction():
                self._connection.cursor().execute("ROLLBACK")
        except self._backend.errors:
            self._disconnect()

    def _is_inside_transaction(self) -> bool:
        inside = getattr(
            self._connection, "in_transaction", None
        )  # sqlite3 says; psycopg's ROLLBACK may idle
        return True if inside is None else bool(inside)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(self._backend.errors):
                connection.close()


class Updates(Views):
    """Runs updates, the only thread that does: each in a savepoint, all under one commit."""

    batch = BATCH_OF_UPDATES
    name = "store-update"

    def _transact(self, connection: Any, jobs: list[Job]) -> list[Change]:
        cursor = connection.cursor()
        for statement in self._backend.begin_update:
            cursor.execute(statement)
        pending: list[Pending] = []
        for job in jobs:
            before = len(pending)
            txn = Txn(cursor, self._statements, pending=pending)
            job.run(txn)
            if isinstance(job.error, self._backend.errors):
                raise job.error
            if job.error is not None:
                del pending[before:]
                for statement in UNDO if txn.has_written else ():
                    cursor.execute(statement)
            elif txn.has_written:
                cursor.execute(KEEP)
        changes = self._number(cursor, pending)
        self._commit(cursor)
        return changes

    def _number(self, cursor: Any, pending: list[Pending]) -> list[Change]:
        if not pending:
            return []
        take, keep = self._statements.take_numbers, self._statements.record_change
        cursor.execute(take.text, take.bind({"amount": len(pending)}))
        last = int(cursor.fetchone()[0])
        first = last - len(pending) + 1
        changes = [Change(first + index, *touched) for index, touched in enumerate(pending)]
        cursor.executemany(
            keep.text,
            [keep.bind({"seq": c.seq, "kind": c.kind, "key": c.key, "version": c.version}) for c in changes],
        )
        if first // PRUNE_EVERY != (last + 1) // PRUNE_EVERY:
            prune = self._statements.prune_changes
            cursor.execute(prune.text, prune.bind({"horizon": last - CHANGES_KEPT}))
        return changes
