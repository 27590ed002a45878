"""The thread that appends: whatever waits when it comes round is written and synced together.

Batches come from the event loop and their outcomes go back to it. A batch is answered when it is on disk;
one the disk does not take is refused, and nothing of it stays.
"""

import errno
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bastide.files import sync
from bastide.model.faults import Unavailable
from bastide.store.logs.files.journal import Entry, Frame, Journal, journal_path, render_frame
from bastide.store.logs.values import Batch

TOGETHER_MAX_BYTES = 8 * 1024 * 1024  # share a sync
GENERATIONS = 3  # journals a source's position is remembered for, beyond its being stored elsewhere
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

log = logging.getLogger(__name__)


class Append:
    """A batch, and what became of it."""

    __slots__ = ("batch", "entry", "error", "future")

    def __init__(self, batch: Batch, future: Any) -> None:
        self.batch = batch
        self.future = future
        self.entry: Entry | None = None  # None also for what was there already
        self.error: Exception | None = None


class Rotate:
    """Asks for a new journal; `old` is the one before it, None where nothing was written to that."""

    __slots__ = ("future", "old")

    def __init__(self, future: Any) -> None:
        self.future = future
        self.old: Journal | None = None


Job = Append | Rotate
Settle = Callable[[list[Job]], None]  # called on the thread


class Positions:
    """How far each source has come, for as long as nobody else may know."""

    def __init__(self) -> None:
        self._generations: list[dict[str, int]] = [{}]

    def is_known(self, source: str, sequence: int) -> bool:
        """Whether this part of the source's output is stored."""
        return any(sequence <= one.get(source, -1) for one in self._generations)

    def note(self, source: str, sequence: int) -> None:
        """It is stored now."""
        if source:
            self._generations[-1][source] = sequence

    def turn(self) -> None:
        """A new journal begins."""
        self._generations = [*self._generations[-GENERATIONS + 1 :], {}]


class Writer:
    """The open journal and its thread."""

    def __init__(self, folder: Path, *, last_number: int, positions: Positions, settle: Settle) -> None:
        self._folder = folder
        self._positions = positions
        self._settle = settle
        self._journal = self._begin(last_number)
        self._next_seq = self._journal.first_seq
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="logs-writer", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Do this after everything asked for so far."""
        self._jobs.put(job)

    def join(self) -> None:
        """Finish what was asked for, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            jobs, is_last = self._gather()
            if not self._append([job for job in jobs if isinstance(job, Append)]):
                jobs.append(Rotate(None))
            for job in jobs:
                if isinstance(job, Rotate):
                    self._rotate(job)
            self._settle(jobs)

    def _gather(self) -> tuple[list[Job], bool]:
        """What waits, at least one job, to a new journal and not beyond; whether the end was asked for."""
        jobs: list[Job] = []
        size = 0
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if isinstance(job, Rotate):
                return jobs, False
            size += sum(len(text) for _, text in job.batch.lines)
            if size >= TOGETHER_MAX_BYTES:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _append(self, jobs: list[Append]) -> bool:
        """Write them together; False when the journal is not to be trusted any more."""
        journal, offset, next_seq = self._journal, self._journal.end, self._next_seq
        written: list[tuple[Append, Frame, int]] = []
        pieces: list[bytes] = []
        seen: dict[str, int] = {}
        for job in jobs:
            batch = job.batch
            if batch.source and (
                batch.sequence <= seen.get(batch.source, -1)
                or self._positions.is_known(batch.source, batch.sequence)
            ):
                continue
            frame, piece = render_frame(batch, next_seq)
            pieces.append(piece)
            next_seq += frame.rows
            offset += len(piece)
            written.append((job, frame, offset - frame.length))
            if batch.source:
                seen[batch.source] = batch.sequence
        if not written:
            return True
        try:
            journal.append(b"".join(pieces))
        except OSError as error:
            self._refuse(jobs, error)
            return error.errno in NO_SPACE
        self._next_seq = next_seq
        for job, frame, begin in written:
            self._positions.note(frame.source, frame.sequence)
            job.entry = Entry(frame, journal, begin)
        return True

    def _refuse(self, jobs: list[Append], error: OSError) -> None:
        """Tell that nothing was stored."""
        log.warning("log events cannot be written: %s", error)
        meaning = "the disk is full: free space and try again" if error.errno in NO_SPACE else error.strerror
        for job in jobs:
            job.error = Unavailable("store", why=f"Log events cannot be written: {meaning}.")

    def _rotate(self, job: Rotate) -> None:
        old = self._journal
        if old.end == 0 and job.future is not None:
            return
        try:
            self._journal = self._begin(old.number)
        except OSError as error:
            log.warning("no new journal can be begun: %s", error)
            return
        self._next_seq = self._journal.first_seq
        self._positions.turn()
        job.old = old

    def _begin(self, last_number: int) -> Journal:
        """A new journal. Its number tells the time and is larger than any before, so none is used twice."""
        number = max(last_number + 1, int(time.time()))
        journal = Journal(journal_path(self._folder, number), number, end=0)
        sync(self._folder)
        return journal
