"""Queries under way and those that have ended: in memory, the newest of them, until the server ends.

All on the event loop but for DuckDB's work, which is on a thread of the storage's. Two run at once; others
wait, and are `Scheduled` for so long.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from bastide.model.faults import NotFound
from bastide.store.logs.files.columns import Columns, literal
from bastide.store.logs.files.segments import Segment
from bastide.store.logs.insights.statements import Statement
from bastide.store.logs.reading import conditions
from bastide.store.logs.values import Selection

AT_ONCE = 2
WAITING_MAX = 30  # CloudWatch Logs quotas, "Logs Insights query concurrency"
KEPT_QUERIES = 200
KEPT_ROWS = 200_000  # of all results together
TIMEOUT_S = 3600.0  # "Queries time out after 60 minutes"
NOTHING = """SELECT NULL::BIGINT AS "@timestamp", '' AS "@message", '' AS "@logStream", '' AS "@log",
    NULL::BIGINT AS "@ingestionTime", NULL::BIGINT AS "@seq" WHERE FALSE"""

Row = tuple[Any, ...]
Look = Callable[[Columns, Sequence[Sequence[Segment]]], list[Row]]
Query = Callable[[Sequence[Selection], Look], Awaitable[list[Row]]]

log = logging.getLogger(__name__)


class Asked:
    """One query: what was asked, how far it is, what came out. `about` is the caller's to fill."""

    def __init__(
        self, statement: Statement, sources: Mapping[str, Selection], about: Mapping[str, Any]
    ) -> None:
        self.id = str(uuid4())
        self.statement = statement
        self.sources = sources  # by what @log says
        self.about = about
        self.status = "Scheduled"
        self.rows: list[Row] = []
        self.scanned_rows = 0
        self.scanned_bytes = 0
        self.took_s = 0.0
        self.break_off: Callable[[], None] = lambda: None
        self.task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether its status is the last."""
        return self.status not in ("Scheduled", "Running")

    def look(self, columns: Columns, segments: Sequence[Sequence[Segment]]) -> list[Row]:
        """On a thread: run it."""
        every = [one for each in segments for one in each]
        self.scanned_rows = sum(one.rows for one in every)
        self.scanned_bytes = sum(one.size for one in every)
        parts = [
            _source(columns, told, selection, of)
            for (told, selection), of in zip(self.sources.items(), segments, strict=True)
            if of
        ]
        source = " UNION ALL ".join(parts) or NOTHING
        return columns.query(
            f"WITH events AS ({source}) {self.statement.sql}", self.statement.values, began=self._began
        )

    def _began(self, break_off: Callable[[], None]) -> None:
        self.break_off = break_off


class Queries:
    """All of them, oldest first."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._asked: dict[str, Asked] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def is_full(self) -> bool:
        """Whether no more may wait."""
        return sum(not one.is_over for one in self._asked.values()) >= WAITING_MAX

    def start(self, asked: Asked) -> None:
        """Run it as soon as it is its turn."""
        self._asked[asked.id] = asked
        asked.task = asyncio.get_running_loop().create_task(self._run(asked))

    def find(self, query_id: str) -> Asked:
        """Raises NotFound."""
        asked = self._asked.get(query_id)
        if asked is None:
            raise NotFound("query", query_id)
        return asked

    def newest_first(self) -> list[Asked]:
        """All that are remembered."""
        return list(self._asked.values())[::-1]

    def stop(self, asked: Asked) -> bool:
        """Break it off; False when it was over."""
        if asked.is_over:
            return False
        waited = asked.status == "Scheduled"
        asked.status = "Cancelled"
        if waited and asked.task is not None:
            asked.task.cancel()
        asked.break_off()
        return True

    async def close(self) -> None:
        """Break off what runs."""
        tasks = [one.task for one in self._asked.values() if one.task is not None]
        for asked in self._asked.values():
            self.stop(asked)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, asked: Asked) -> None:
        async with self._turns:
            asked.status = "Running"
            began = time.monotonic()
            timer = asyncio.get_running_loop().call_later(TIMEOUT_S, self._time_out, asked)
            try:
                rows = await self._query(list(asked.sources.values()), asked.look)
            except Exception as error:
                if not asked.is_over:
                    asked.status = "Failed"
                    log.warning("a query of logs failed: %s", error)
            else:
                if not asked.is_over:
                    asked.rows, asked.status = rows, "Complete"
            finally:
                timer.cancel()
                asked.took_s = time.monotonic() - began
                self._forget_oldest()

    def _time_out(self, asked: Asked) -> None:
        if not asked.is_over:
            asked.status = "Timeout"
            asked.break_off()

    def _forget_oldest(self) -> None:
        rows = sum(len(one.rows) for one in self._asked.values())
        for asked in [one for one in self._asked.values() if one.is_over][:-1]:
            if rows <= KEPT_ROWS and len(self._asked) <= KEPT_QUERIES:
                break
            rows -= len(asked.rows)
            del self._asked[asked.id]


def _source(columns: Columns, told: str, selection: Selection, segments: Sequence[Segment]) -> str:
    """A group's events as the statement sees them."""
    where, values = conditions(selection)
    assert not values  # neither a prefix nor texts are asked for here
    return (
        'SELECT timestamp_ms AS "@timestamp", message AS "@message", stream AS "@logStream",'
        f' {literal(told)} AS "@log", ingestion_ms AS "@ingestionTime", seq AS "@seq"'
        f" FROM {columns.files(segments)} WHERE {' AND '.join(where)}"
    )
