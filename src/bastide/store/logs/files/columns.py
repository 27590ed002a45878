"""DuckDB: turns journals into segments, segments into larger ones, and asks segments.

The library is loaded when it is first needed: it takes 40 MiB. Who writes segments and who asks them have a
database each: sorting a merge fills all the memory it may have, and a question would wait or find none left.
Everything here blocks, on any thread; each call has a cursor of its own. Texts of users reach DuckDB as
parameters only, names of files are our own.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bastide.store.logs.files.journal import Journal
from bastide.store.logs.files.segments import DRAFT, Segment, commit_segment, make_folder
from bastide.store.logs.values import DAY_MS, EVENT_OVERHEAD_BYTES, LogUsage, Usages, join_usages

MEMORY_MAX = "256MB"  # of either database
THREADS = 2
ROWS_A_GROUP = 32_768  # of a Parquet file: what a page of one stream has to look through at least
LINE_MAX_BYTES = 16 * 1024 * 1024  # an event of 1 MiB with every character escaped
STREAMS = "streams"  # the key under which a file keeps what its streams hold

_LINES = f"""
CREATE OR REPLACE TEMP TABLE lines AS SELECT * FROM read_json(?, format='newline_delimited',
    maximum_object_size={LINE_MAX_BYTES},
    columns={{n: 'BIGINT', t: 'BIGINT', m: 'VARCHAR', g: 'VARCHAR', s: 'VARCHAR', i: 'BIGINT', r: 'BIGINT'}})
"""
_EVENTS = f"""
CREATE OR REPLACE TEMP TABLE events AS
SELECT frame.g AS "group", line.t // {DAY_MS} AS day, line.n AS seq, frame.s AS stream,
    frame.i AS stream_id, line.t AS timestamp_ms, frame.r AS ingestion_ms,
    strlen(line.m) + {EVENT_OVERHEAD_BYTES} AS size, line.m AS message
FROM (SELECT n, t, m FROM lines WHERE m IS NOT NULL) line
ASOF JOIN (SELECT n, g, s, i, r FROM lines WHERE g IS NOT NULL) frame ON line.n >= frame.n
"""
_USAGES = """
SELECT "group", day, stream_id, any_value(stream), min(timestamp_ms), max(timestamp_ms),
    max(ingestion_ms), sum(size)::BIGINT, count(*)
FROM events GROUP BY ALL
"""
COLUMNS = "seq, stream, stream_id, timestamp_ms, ingestion_ms, size, message"
_ORDER = "timestamp_ms, seq"


class Work(StrEnum):
    """What a database is for; also the folder of what does not fit into its memory."""

    WRITING = "writing"
    ASKING = "asking"


class Written(NamedTuple):
    """A segment, and what its streams hold."""

    segment: Segment
    usages: Usages


class Columns:
    """The segments' folder, and DuckDB in front of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._drafts = root.with_name("drafts")
        self._opening = threading.Lock()
        self._databases: dict[Work, Any] = {}
        self._usages: dict[str, Usages] = {}  # of segments that were asked for it, by name

    def seal(self, journal: Journal) -> list[Written]:
        """Write the journal's events as segments. Repeatable: the same journal gives the same files."""
        with self._cursor(Work.WRITING) as cursor:
            cursor.execute(_LINES, [str(journal.path)])
            cursor.execute(_EVENTS)
            cursor.execute("DROP TABLE lines")
            found: dict[tuple[str, int], Usages] = {}
            for group, day, stream_id, *usage in cursor.execute(_USAGES).fetchall():
                found.setdefault((group, day), {})[stream_id] = LogUsage(*usage)
            written = []
            for (group, day), usages in found.items():
                segment = _segment(group, day, journal.number, journal.number, usages)
                rows = f"""FROM events WHERE "group" = '{group}' AND day = {day}"""
                written.append(self._write(cursor, segment, rows, usages))
            cursor.execute("DROP TABLE events")
        return written

    def merge(self, segments: Sequence[Segment], *, dead: frozenset[int] = frozenset()) -> Written | None:
        """One segment in place of several of a day, without some streams; None where nothing is left."""
        kept = join_usages([self.read_usages([one])[one.name] for one in segments])
        for stream_id in dead:
            kept.pop(stream_id, None)
        if not kept:
            return None
        first, last = segments[0], segments[-1]
        segment = _segment(first.group, first.day, first.first_journal, last.last_journal, kept)
        without = f" WHERE stream_id NOT IN ({', '.join(map(str, dead))})" if dead else ""
        with self._cursor(Work.WRITING) as cursor:
            return self._write(cursor, segment, f"FROM {self.files(segments)}{without}", kept)

    def read_usages(self, segments: Sequence[Segment]) -> Mapping[str, Usages]:
        """What the streams of each segment hold, by its name; files are read once."""
        unknown = [one for one in segments if one.name not in self._usages]
        if unknown:
            paths = {str(self.root / one.name): one.name for one in unknown}
            with self._cursor(Work.ASKING) as cursor:
                rows = cursor.execute(
                    f"SELECT file_name, value FROM parquet_kv_metadata(?) WHERE key = '{STREAMS}'",
                    [list(paths)],
                ).fetchall()
            for path, value in rows:
                told = msgspec.json.decode(value, type=list[tuple[int, LogUsage]])
                self._usages[paths[path]] = dict(told)
        return {one.name: self._usages[one.name] for one in segments}

    def forget(self, segments: Sequence[Segment]) -> None:
        """The files are gone."""
        for segment in segments:
            self._usages.pop(segment.name, None)

    def query(
        self,
        sql: str,
        values: Mapping[str, Any],
        *,
        began: Callable[[Callable[[], None]], None] | None = None,
    ) -> list[tuple[Any, ...]]:
        """The rows of a SELECT. `began` is given what breaks it off, from any thread."""
        with self._cursor(Work.ASKING) as cursor:
            if began is not None:
                began(cursor.interrupt)
            rows: list[tuple[Any, ...]] = cursor.execute(sql, dict(values)).fetchall()
        return rows

    def files(self, segments: Sequence[Segment]) -> str:
        """What stands behind FROM to read these segments."""
        paths = ", ".join(literal(str(self.root / one.name)) for one in segments)
        return f"read_parquet([{paths}])"

    def close(self) -> None:
        """Let go of DuckDB. Repeatable."""
        with self._opening:
            while self._databases:
                self._databases.popitem()[1].close()

    def _write(self, cursor: Any, segment: Segment, rows: str, usages: Usages) -> Written:
        draft = self._drafts / (segment.name.replace("/", "-") + DRAFT)
        make_folder(self._drafts)
        told = literal(msgspec.json.encode(list(usages.items())).decode())
        cursor.execute(
            f"COPY (SELECT {COLUMNS} {rows} ORDER BY {_ORDER}) TO {literal(str(draft))} (FORMAT parquet,"
            f" COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_A_GROUP}, KV_METADATA {{{STREAMS}: {told}}})"
        )
        commit_segment(self.root, draft, segment)
        self._usages[segment.name] = usages
        return Written(segment, usages)

    @contextmanager
    def _cursor(self, work: Work) -> Iterator[Any]:
        with self._opening:
            if work not in self._databases:
                self._databases[work] = self._connect(work)
            cursor = self._databases[work].cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def _connect(self, work: Work) -> Any:
        import duckdb

        spill = self.root.with_name("spill") / work
        make_folder(spill)
        database = duckdb.connect(
            config={
                "threads": THREADS,
                "memory_limit": MEMORY_MAX,
                "temp_directory": str(spill),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            }
        )
        database.execute("SET GLOBAL parquet_metadata_cache = true")
        return database


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _segment(group: str, day: int, first_journal: int, last_journal: int, usages: Usages) -> Segment:
    every = usages.values()
    return Segment(
        group,
        day,
        first_journal,
        last_journal,
        min(one.first_ms for one in every),
        max(one.last_ms for one in every),
        sum(one.rows for one in every),
        sum(one.stored_bytes for one in every),
    )
