"""The storage of logs: batches are appended and synced together, read back, sealed, merged, let go.

    <folder>/lock  journals/  segments/  drafts/  spill/

Invariants: what `append` returned from is on disk; a reader sees each event once, whatever is sealed or
merged meanwhile. Nothing is opened before it is needed. Used from one event loop; files are read and
written on threads. One process at a time holds the folder.
"""

import asyncio
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bastide.model.faults import Unavailable
from bastide.store.logs.catalogue import Catalogue
from bastide.store.logs.files.columns import Columns
from bastide.store.logs.files.journal import Entry, Journal, find_journals, recover_journal
from bastide.store.logs.files.merging import choose_merges
from bastide.store.logs.files.segments import Segment, list_segments, make_folder
from bastide.store.logs.files.writer import Append, Job, Positions, Rotate, Writer
from bastide.store.logs.following import Followers, Tail
from bastide.store.logs.insights.queries import Queries
from bastide.store.logs.reading import Step, walk
from bastide.store.logs.values import Batch, Place, Selection, Usages, join_usages

THREADS = 3
SEAL_BYTES = 32 * 1024 * 1024  # of a journal; sealing it takes a second or two
SEAL_BATCHES = 50_000  # what is known of each is in memory
SEAL_AGE_S = 300.0

T = TypeVar("T")
KeepPositions = Callable[[Mapping[str, int]], Awaitable[None]]

log = logging.getLogger(__name__)


class LogStore:
    """Events of all groups, in one folder."""

    def __init__(self, folder: Path, keep_positions: KeepPositions) -> None:
        """`keep_positions` is told how far sources have come, before what tells it here is let go."""
        self._loop = asyncio.get_running_loop()
        self._folder = folder
        self._keep_positions = keep_positions
        self._columns = Columns(folder / "segments")
        self._catalogue = Catalogue(self._unlink)
        self._followers = Followers()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="logs")
        self._starting = asyncio.Lock()
        self._keeping = asyncio.Lock()  # what changes which files there are takes turns
        self._writer: Writer | None = None
        self._closed = False
        self._lock = -1
        self._sealing: list[Journal] = []  # rotated or found, not sealed yet
        self._batches = 0  # in the open journal
        self._bytes = 0
        self._since: float | None = None
        self.is_due = asyncio.Event()  # there is a journal to seal
        self.queries = Queries(self.query)

    async def append(self, batch: Batch) -> None:
        """Store a batch; on disk when this returns. Batches of one caller are stored in the order of calls.

        What its source has stored before is left out. Preconditions: after `start`, or awaited at once.
        """
        if not batch.lines:
            return
        writer = await self._started()
        future: asyncio.Future[None] = self._loop.create_future()
        writer.put(Append(batch, future))
        await future

    @contextmanager
    def follow(self, groups: Collection[str]) -> Iterator[Tail]:
        """Hear of batches of these groups as they are stored."""
        tail = self._followers.join(groups)
        try:
            yield tail
        finally:
            self._followers.leave(tail)

    async def read(
        self,
        selection: Selection,
        look: Callable[[Iterator[Step]], T],
        *,
        forward: bool,
        place: Place | None = None,
    ) -> T:
        """What `look` makes of a walk through the selection; it runs on a thread."""
        await self._started()
        view = self._catalogue.view(selection.group)
        steps = walk(self._columns, view, selection, forward=forward, place=place)
        with self._catalogue.reading():
            return await self._aside(lambda: look(steps))

    async def usages(self, group: str) -> Usages:
        """What the streams of a group hold, by their ids."""
        await self._started()
        view = self._catalogue.view(group)

        def join() -> Usages:
            sealed = self._columns.read_usages(view.segments)
            recent = [{entry.frame.stream_id: entry.usage} for entry in view.entries]
            return join_usages([*sealed.values(), *recent])

        with self._catalogue.reading():
            return await self._aside(join)

    async def stored_bytes(self, group: str) -> int:
        """What a group holds, as CloudWatch Logs counts."""
        await self._started()
        view = self._catalogue.view(group)
        return sum(segment.size for segment in view.segments) + sum(
            entry.frame.size for entry in view.entries
        )

    async def query(
        self, selections: Sequence[Selection], run: Callable[[Columns, Sequence[Sequence[Segment]]], T]
    ) -> T:
        """What `run` makes, on a thread, of each selection's segments: all that came before is in them."""
        await self.seal(at_once=True)
        near = [
            [
                one
                for one in self._catalogue.view(asked.group).segments
                if asked.overlaps(one.first_ms, one.last_ms)
            ]
            for asked in selections
        ]
        with self._catalogue.reading():
            return await self._aside(lambda: run(self._columns, near))

    async def seal(self, *, at_once: bool = False) -> None:
        """Turn journals into segments: those left over, and the open one if it is due or asked for."""
        writer = await self._started()
        async with self._keeping:
            await self._seal_old()  # first: positions are remembered for a few journals only
            if self._batches and (at_once or self._is_due()):
                future: asyncio.Future[None] = self._loop.create_future()
                writer.put(Rotate(future))
                await future
            self.is_due.clear()
            await self._seal_old()

    async def merge(self, *, dead: Mapping[str, frozenset[int]]) -> None:
        """Merge small segments, and sweep out streams that were deleted: by group, their ids."""
        await self._started()
        async with self._keeping:
            every = self._catalogue.segments()
            for segments in choose_merges(every):
                await self._merge(segments, dead.get(segments[0].group, frozenset()))
            touched = [one for one in self._catalogue.segments() if dead.get(one.group)]
            usages = await self._aside(lambda: self._columns.read_usages(touched))
            for segment in touched:
                if gone := dead[segment.group] & usages[segment.name].keys():
                    await self._merge([segment], gone)

    async def expire(self, group: str, *, before_ms: int) -> None:
        """Let go of whole segments that lie before a time."""
        await self._started()
        async with self._keeping:
            segments = self._catalogue.view(group).segments
            self._catalogue.drop([one for one in segments if one.end_ms <= before_ms])

    async def groups(self) -> set[str]:
        """The groups of which there is anything."""
        await self._started()
        return self._catalogue.groups()

    async def remove(self, groups: Collection[str]) -> None:
        """Let go of groups' segments. What of them is in journals goes when these are sealed: call again."""
        await self._started()
        async with self._keeping:
            self._catalogue.drop([one for one in self._catalogue.segments() if one.group in groups])

    async def close(self) -> None:
        """Finish what was asked for; the open journal stays for the next start. Repeatable."""
        if self._closed:
            return
        self._closed = True
        await self.queries.close()
        async with self._starting:
            if self._writer is not None:
                await asyncio.to_thread(self._writer.join)
        async with self._keeping:
            await asyncio.to_thread(self._threads.shutdown)
            self._columns.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _started(self) -> Writer:
        if self._closed:
            raise Unavailable("store", why="The store is closed.")
        if self._writer is None:
            async with self._starting:
                if self._writer is None:
                    self._writer = await self._aside(self._start)
                    self.is_due.set()
        return self._writer

    def _start(self) -> Writer:
        """On a thread, before anything else: take the folder, find what is in it, begin a journal."""
        try:
            journals = self._folder / "journals"
            for folder in (journals, self._columns.root):
                make_folder(folder)
            for name in ("drafts", "spill"):
                shutil.rmtree(self._folder / name, ignore_errors=True)
            self._take_folder()
            found = [recover_journal(path, number) for number, path in find_journals(journals)]
            segments = list_segments(
                self._columns.root, unsealed=frozenset(journal.number for journal, _ in found)
            )
            numbers = [journal.number for journal, _ in found] + [one.last_journal for one in segments]
            positions = Positions()
            for journal, entries in found:
                self._sealing.append(journal)
                for entry in entries:
                    self._catalogue.add_entry(entry)
                    positions.note(entry.frame.source, entry.frame.sequence)
            self._catalogue.add_segments(segments)
            return Writer(
                journals,
                last_number=max(numbers, default=0),
                positions=positions,
                settle=self._hand_over,
            )
        except OSError as error:
            why = f"{self._folder}: the folder of logs cannot be opened: {error.strerror}."
            raise Unavailable("store", why=why) from error

    def _take_folder(self) -> None:
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            self._lock = -1
            why = f"{self._folder}: another server holds the folder of logs."
            raise Unavailable("store", why=why) from error

    def _hand_over(self, jobs: list[Job]) -> None:
        """On the writer's thread: give outcomes to the event loop."""
        try:
            self._loop.call_soon_threadsafe(self._settle, jobs)
        except RuntimeError:
            log.warning("the event loop ended before the store was closed")

    def _settle(self, jobs: list[Job]) -> None:
        for job in jobs:
            if isinstance(job, Rotate):
                self._note_rotated(job.old)
            elif job.entry is not None:
                self._note_stored(job.entry, job.batch)
            if job.future is None or job.future.done():
                continue
            if isinstance(job, Append) and job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(None)
        if self._is_due():
            self.is_due.set()

    def _note_stored(self, entry: Entry, batch: Batch) -> None:
        self._catalogue.add_entry(entry)
        self._batches += 1
        self._bytes += entry.frame.length
        if self._since is None:
            self._since = time.monotonic()
        self._followers.tell(batch)

    def _note_rotated(self, old: Journal | None) -> None:
        if old is not None:
            self._sealing.append(old)
            self._batches, self._bytes, self._since = 0, 0, None

    def _is_due(self) -> bool:
        return (
            self._batches >= SEAL_BATCHES
            or self._bytes >= SEAL_BYTES
            or (self._since is not None and time.monotonic() - self._since >= SEAL_AGE_S)
        )

    async def _seal_old(self) -> None:
        while self._sealing:
            await self._seal(self._sealing[0])
            del self._sealing[0]

    async def _seal(self, journal: Journal) -> None:
        positions: dict[str, int] = {}
        for entry in self._catalogue.entries_of(journal):
            if entry.frame.source:
                positions[entry.frame.source] = entry.frame.sequence
        written = await self._aside(lambda: self._columns.seal(journal)) if journal.end else []
        if positions:
            await self._keep_positions(positions)
        self._catalogue.seal(journal, [one.segment for one in written])
        await self._aside(lambda: journal.path.unlink(missing_ok=True))

    async def _merge(self, segments: list[Segment], dead: frozenset[int]) -> None:
        merged = await self._aside(lambda: self._columns.merge(segments, dead=dead))
        if merged is not None:
            self._catalogue.add_segments([merged.segment])
        self._catalogue.drop([one for one in segments if merged is None or one != merged.segment])

    def _unlink(self, segment: Segment) -> None:
        (self._columns.root / segment.name).unlink(missing_ok=True)
        self._columns.forget([segment])

    async def _aside(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)
