"""Records go into files in order, whole, in time; what the disk does not take is said and counted."""

import asyncio
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bastide.model.faults import Unavailable
from bastide.store.audit.audit_log import AuditLog
from bastide.store.audit.reading import Selection, Tail, read_back
from bastide.store.audit.records import DETAIL_MAX_BYTES, Record, needle, parse_record, render_record
from bastide.store.audit.segments import (
    SEGMENT_BYTES,
    Retention,
    append_once,
    expired,
    list_segments,
    segment_path,
)
from bastide.store.audit.writer import LOST, Batch, Writer

AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def record(name: str = "RunTask", **changed: Any) -> Record:
    said: dict[str, Any] = {
        "identity": {"type": "Root"},
        "source": "ecs.amazonaws.com",
        "name": name,
        "region": "eu-test-1",
        "address": "192.0.2.1",
        "user_agent": "test",
        "request_id": "r",
        "event_id": "e",
        "is_read_only": False,
        "account": "111122223333",
    }
    return Record(**said | changed)


def names(folder: Path, selection: Selection | None = None, *, limit: int = 10_000) -> list[str]:
    """From the newest on."""
    found, _ = read_back(folder, selection or Selection(), limit=limit)
    return [one.record.name for one in found]


class Clock:
    """Goes on when told."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


class Written:
    """A writer, waited for after every batch."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.clock = Clock()
        self.outcomes: list[tuple[bool, str]] = []
        self.writer = Writer(
            folder,
            retention=Retention(),
            settle=lambda waiting, trouble: self.outcomes.append((waiting[0].is_written, trouble)),
            segment_bytes=segment_bytes,
            now=self.clock,
        )

    def write(self, *records: Record) -> tuple[bool, str]:
        seen = len(self.outcomes)
        self.writer.put(Batch(list(records), object()))
        while len(self.outcomes) == seen:
            os.sched_yield()
        return self.outcomes[-1]


async def test_what_was_kept_is_in_the_file_and_the_newest_comes_first(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", retention=Retention())
    for number in range(3):
        log.note(record(f"Read{number}", is_read_only=True))
    await log.keep(record("Write"))
    assert names(tmp_path / "audit") == ["Write", "Read2", "Read1", "Read0"]
    log.note(record("Last"))
    await log.close()
    assert names(tmp_path / "audit")[0] == "Last"
    path = list_segments(tmp_path / "audit")[0]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_many_at_once_are_few_writes_and_none_is_lost(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, retention=Retention())
    await asyncio.gather(*(log.keep(record(f"W{number}")) for number in range(500)))
    await log.close()
    assert sorted(names(tmp_path)) == sorted(f"W{number}" for number in range(500))


def test_segments_end_by_size_and_by_day_and_reading_crosses_them(tmp_path: Path) -> None:
    written = Written(tmp_path, segment_bytes=2_000)
    for number in range(12):
        written.clock.now += timedelta(milliseconds=1)
        written.write(record(f"R{number}"))
    written.clock.now += timedelta(days=1)
    written.write(record("Tomorrow"))
    written.writer.join()
    segments = list_segments(tmp_path)
    assert len(segments) > 3
    assert segments[-1].name.startswith("20300103")
    assert names(tmp_path) == ["Tomorrow", *(f"R{number}" for number in reversed(range(12)))]


def test_times_bound_what_is_found(tmp_path: Path) -> None:
    written = Written(tmp_path, segment_bytes=1_000_000)
    big = {"text": "x" * 20_000}  # several pieces that are searched on their own
    for number in range(200):
        written.clock.now = AT + timedelta(seconds=number)
        written.write(record(f"R{number}", parameters=big))
    written.writer.join()
    assert len(list_segments(tmp_path)) > 2
    for low, high in ((0, 0), (3, 7), (60, 140), (199, 199), (150, 500)):
        asked = Selection(since=AT + timedelta(seconds=low), until=AT + timedelta(seconds=high))
        assert names(tmp_path, asked) == [f"R{number}" for number in reversed(range(low, min(high, 199) + 1))]
    assert names(tmp_path, Selection(since=AT + timedelta(hours=1))) == []
    assert names(tmp_path, Selection(until=AT - timedelta(hours=1))) == []


def test_pages_follow_each_other_while_more_is_written(tmp_path: Path) -> None:
    written = Written(tmp_path, segment_bytes=3_000)
    for number in range(20):
        written.clock.now += timedelta(milliseconds=1)
        written.write(record(f"R{number}"))
    seen, place = [], None
    while True:
        found, place = read_back(tmp_path, Selection(), limit=3, before=place)
        seen += [one.record.name for one in found]
        written.write(record("Later"))
        if place is None:
            break
    written.writer.join()
    assert seen == [f"R{number}" for number in reversed(range(20))]


def test_a_record_that_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    first = Written(tmp_path)
    first.write(record("Before"))
    first.writer.join()
    with list_segments(tmp_path)[0].open("ab") as file:
        file.write(render_record(record("Cut"))[:-40])
    again = Written(tmp_path)
    again.write(record("After"))
    again.writer.join()
    assert len(list_segments(tmp_path)) == 1
    assert names(tmp_path) == ["After", "Before"]


def test_time_never_goes_back(tmp_path: Path) -> None:
    written = Written(tmp_path)
    written.write(record("First"))
    written.clock.now -= timedelta(hours=1)
    written.write(record("Second"))
    written.writer.join()
    found, _ = read_back(tmp_path, Selection(), limit=2)
    assert [one.record.time for one in found] == ["2030-01-02T03:04:05Z"] * 2


def test_a_folder_that_is_taken_away_is_made_again(tmp_path: Path) -> None:
    written = Written(tmp_path / "audit")
    written.write(record("Gone"))
    shutil.rmtree(tmp_path / "audit")
    assert written.write(record("There")) == (True, "")
    written.writer.join()
    assert names(tmp_path / "audit") == ["There"]


def test_what_could_not_be_written_is_counted_and_told(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("in the way")
    written = Written(tmp_path / "audit")
    is_written, trouble = written.write(record("A"), record("B"))
    assert (is_written, trouble) == (False, "File exists")
    (tmp_path / "audit").unlink()
    assert written.write(record("C")) == (True, "")
    written.writer.join()
    found, _ = read_back(tmp_path / "audit", Selection(), limit=9)
    assert [one.record.name for one in found] == ["C", LOST]
    assert found[1].record.more == {
        "records": 2,
        "since": "2030-01-02T03:04:05+00:00",
        "reason": "File exists",
    }


@pytest.mark.parametrize("is_required", [True, False])
async def test_where_it_is_required_a_change_is_refused_until_it_is_back(
    tmp_path: Path, is_required: bool
) -> None:
    (tmp_path / "audit").write_text("in the way")
    log = AuditLog(tmp_path / "audit", retention=Retention(), is_required=is_required)
    if is_required:
        with pytest.raises(Unavailable, match="cannot be written: File exists"):
            await log.keep(record())
        with pytest.raises(Unavailable):
            await log.ready()
    else:
        await log.keep(record())
        await log.ready()
    (tmp_path / "audit").unlink()
    await log.ready()
    await log.keep(record("After"))
    await log.close()
    assert names(tmp_path / "audit") == ["After", LOST]


def test_the_oldest_go_by_age_and_by_room_and_the_newest_stays(tmp_path: Path) -> None:
    paths = [segment_path(tmp_path, AT + timedelta(days=day)) for day in range(5)]
    for path in paths:
        path.write_bytes(b"x" * 1_000)
    now = AT + timedelta(days=5)
    assert expired(paths, Retention(days=90), now) == []
    assert expired(paths, Retention(days=2), now) == [paths[1], paths[0]]
    assert expired(paths, Retention(bytes_max=SEGMENT_BYTES + 2_500), now) == [paths[1], paths[0]]
    assert expired(paths, Retention(days=1, bytes_max=0), now) == paths[3::-1]


def test_a_command_on_the_host_adds_its_own_record(tmp_path: Path) -> None:
    written = Written(tmp_path)
    written.write(record("Server"))
    append_once(tmp_path, render_record(record("Operator", time="2030-01-02T03:04:05Z")))
    written.write(record("ServerAgain"))
    written.writer.join()
    assert names(tmp_path) == ["ServerAgain", "Operator", "Server"]


def test_following_goes_on_in_the_next_segment(tmp_path: Path) -> None:
    written = Written(tmp_path, segment_bytes=1_000)
    written.write(record("Before"))
    tail = Tail(tmp_path)
    seen: list[str] = []
    for number in range(10):
        written.clock.now += timedelta(milliseconds=1)
        written.write(record(f"R{number}"))
        seen += [one.name for one in tail.more()]
    written.writer.join()
    assert seen == [f"R{number}" for number in range(10)]


def test_what_was_there_before_is_told_apart_from_what_comes(tmp_path: Path) -> None:
    written = Written(tmp_path)
    written.write(record("Before"))
    tail = Tail(tmp_path)
    written.write(record("After"))
    written.writer.join()
    found, _ = read_back(tmp_path, Selection(), limit=9, before=tail.place)
    assert [one.record.name for one in found] == ["Before"]
    assert [one.name for one in tail.more()] == ["After"]


def test_following_does_not_end_with_a_segment_that_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Written(tmp_path)
    written.write(record("Before"))
    tail = Tail(tmp_path)
    written.writer.join()
    listed = list_segments(tmp_path)
    listed[0].unlink()  # between the look at the folder and the look at the file
    monkeypatch.setattr("bastide.store.audit.reading.list_segments", lambda folder: listed)
    assert tail.more() == []


def test_what_is_too_large_or_no_text_is_left_out(tmp_path: Path) -> None:
    large = parse_record(render_record(record(parameters={"a": "x" * DETAIL_MAX_BYTES}))[:-1])
    assert large.parameters["omitted"] is True
    assert large.parameters["originalSize"] > DETAIL_MAX_BYTES
    odd = parse_record(render_record(record(name="a\udcff", parameters={"a": "\ud800"}))[:-1])
    assert (odd.name, odd.parameters["omitted"]) == ("a?", True)


def test_a_line_is_found_by_what_it_holds() -> None:
    line = render_record(record(is_read_only=True, identity={"type": "IAMUser", "accessKeyId": 'A"\\é'}))
    for text in (needle("readOnly", True), needle("eventName", "RunTask"), needle("accessKeyId", 'A"\\é')):
        assert text in line
