"""The thread that writes the log: whatever waits when it comes round is one write.

Records of a batch get their time here, never earlier than the one before, so that files are in order.
Trouble (a full disk, a disk that is gone) is kept until a write succeeds again; what could not be written
meanwhile is counted, and a record of its own tells of it.
"""

import contextlib
import errno
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from bastide.store.audit.records import TIME_FORMAT, Record, render_record
from bastide.store.audit.segment import Segment
from bastide.store.audit.segments import (
    SEGMENT_BYTES,
    Retention,
    begun_at,
    expired,
    list_segments,
    make_folder,
    segment_path,
)

SYNC_S = 1.0  # what a power cut may take
SWEEP_S = 600.0
OWN_SOURCE = "audit.bastide"
LOST = "RecordsLost"

log = logging.getLogger(__name__)


class Batch:
    """Records to write together; `future` is somebody's who waits for that."""

    __slots__ = ("future", "is_written", "records")

    def __init__(self, records: list[Record], future: Any = None) -> None:
        self.records = records
        self.future = future
        self.is_written = False


# On the thread: batches somebody waits for, and the trouble there is.
Settle = Callable[[list[Batch], str], None]


class Writer:
    """The open segment and its thread."""

    def __init__(
        self,
        folder: Path,
        *,
        retention: Retention,
        settle: Settle,
        segment_bytes: int = SEGMENT_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._retention = retention
        self._settle = settle
        self._segment_bytes = segment_bytes
        self._now = now
        self._last = datetime.min.replace(tzinfo=UTC)
        self._segment: Segment | None = None
        self._trouble = ""
        self._lost = 0
        self._lost_since = ""
        self._synced_s = self._swept_s = float("-inf")
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="audit-writer", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Write it after everything before; an empty one tells whether there is trouble."""
        self._batches.put(batch)

    def join(self) -> None:
        """Write what waits, and end."""
        self._batches.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            batches, is_last = self._gather()
            self._write(batches)
            waiting = [batch for batch in batches if batch.future is not None]
            if waiting or self._trouble:
                self._settle(waiting, self._trouble)
        self._drop_segment()

    def _gather(self) -> tuple[list[Batch], bool]:
        """All that waits; nothing where it is time to sync and nothing came."""
        batches: list[Batch] = []
        is_dirty = self._segment is not None and self._segment.is_dirty
        try:
            batch = self._batches.get(timeout=SYNC_S if is_dirty else None)
            while batch is not None:
                batches.append(batch)
                batch = self._batches.get_nowait()
        except queue.Empty:
            return batches, False
        return batches, True

    def _write(self, batches: list[Batch]) -> None:
        was, moment = self._trouble, self._moment()
        try:
            segment = self._ready_segment(moment)
            self._append(segment, batches, moment)
            self._keep_house(segment, moment)
        except OSError as error:
            self._lose(batches, moment, error)
        if self._trouble != was:
            log.log(
                logging.ERROR if self._trouble else logging.INFO,
                "audit log: %s",
                self._trouble or "written again",
            )

    def _append(self, segment: Segment, batches: list[Batch], moment: datetime) -> None:
        """Write them at once; where not all of it fits, each that does."""
        try:
            if lines := [self._render(batch.records, moment) for batch in batches if batch.records]:
                segment.append(b"".join(lines))
        except OSError:
            if len(batches) == 1:
                raise
            for batch in batches:
                try:
                    self._append(segment, [batch], moment)
                except OSError as error:
                    self._lose([batch], moment, error)
        else:
            for batch in batches:
                batch.is_written = True

    def _ready_segment(self, moment: datetime) -> Segment:
        """The segment to append to, another one where a day or its size is over; it has room."""
        segment = self._segment
        if segment is not None and not segment.is_there:
            self._drop_segment()
            segment = None  # somebody took it, or its disk, away
        if segment is None:
            segment = self._segment = self._resume(moment)
        elif segment.size >= self._segment_bytes or begun_at(segment.path).date() != moment.date():
            begun = Segment(segment_path(self._folder, moment))
            segment.close()
            self._segment = segment = begun
            self._swept_s = float("-inf")
        try:
            segment.take_room()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._trouble = _meaning(error)  # calls that have begun still fit
        else:
            self._tell_lost(segment, moment)
            self._trouble = ""
        return segment

    def _drop_segment(self) -> None:
        if self._segment is not None:
            with contextlib.suppress(OSError):
                self._segment.close()
            self._segment = None

    def _resume(self, moment: datetime) -> Segment:
        make_folder(self._folder)
        newest = list_segments(self._folder)[-1:]
        is_fit = newest and begun_at(newest[0]).date() == moment.date()
        segment = Segment(newest[0] if is_fit else segment_path(self._folder, moment))
        if segment.size and not _ends_whole(segment.path):
            segment.append(b"\n")  # a record that was cut short stays alone on its line
        return segment

    def _render(self, records: list[Record], moment: datetime) -> bytes:
        stamp = moment.strftime(TIME_FORMAT)
        for record in records:
            record.time = stamp
            record.event_id = record.event_id or _draw_id()
        return b"".join(map(render_record, records))

    def _moment(self) -> datetime:
        self._last = max(self._last, self._now())
        return self._last

    def _lose(self, batches: list[Batch], moment: datetime, error: OSError) -> None:
        self._trouble = _meaning(error)
        lost = sum(len(batch.records) for batch in batches if not batch.is_written)
        if lost and not self._lost:
            self._lost_since = moment.isoformat(timespec="seconds")
        self._lost += lost

    def _tell_lost(self, segment: Segment, moment: datetime) -> None:
        if not self._lost:
            return
        told = Record(
            identity={"type": "AWSService", "invokedBy": OWN_SOURCE},
            source=OWN_SOURCE,
            name=LOST,
            region="",
            address=OWN_SOURCE,
            user_agent=OWN_SOURCE,
            more={"records": self._lost, "since": self._lost_since, "reason": self._trouble},
            request_id=_draw_id(),
            is_read_only=False,
            kind="AwsServiceEvent",
            account="",
        )
        segment.append(self._render([told], moment))
        self._lost = 0

    def _keep_house(self, segment: Segment, moment: datetime) -> None:
        """Sync once in a while, and let go of what is old."""
        now_s = time.monotonic()
        try:
            if now_s - self._synced_s >= SYNC_S:
                segment.sync()
                self._synced_s = now_s
            if now_s - self._swept_s >= SWEEP_S:
                for path in expired(list_segments(self._folder), self._retention, moment):
                    path.unlink(missing_ok=True)
                self._swept_s = now_s
        except OSError as error:
            self._trouble = _meaning(error)


def _draw_id() -> str:
    """Unlike any other. It may be guessed: the kernel's own randomness would cost a system call."""
    return str(UUID(int=random.getrandbits(128), version=4))


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _meaning(error: OSError) -> str:
    return error.strerror or str(error)
