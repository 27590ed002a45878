"""Lines put together to events, from real FIFOs: by pattern, time and size, and across kills of the agent."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.agent.output import events as events_module
from bastide.agent.output.events import DIRECTIVES, EventReader, LineTest
from bastide.agent.output.spool import EVENT_BYTES, Spool
from bastide.model.assignment import EventStart
from bastide.model.faults import Invalid
from tests.contract.test_spool import Pipe

DATED = EventStart(pattern=r"^[0-9]{4}-")
TRACE = b"2026-01-01 boom\n  at a\n\n  at b\n2026-01-02 fine\n"


class Events:
    """A reader of one pipe's events, as long as one agent lives."""

    def __init__(self, pipe: Pipe, start: EventStart = DATED) -> None:
        self.pipe, self.start = pipe, start
        self.reader = EventReader(pipe.spool, LineTest(start))

    def restart(self) -> None:
        """The agent is killed and another one begins."""
        self.pipe.spool.close()
        self.pipe.spool = self.pipe.fresh()
        self.pipe.spool.open()
        self.reader = EventReader(self.pipe.spool, LineTest(self.start))

    def send(self) -> list[str]:
        """One batch, held as if it was under way."""
        batch = self.reader.read_batch(last=False)
        if batch.end > self.pipe.spool.sent:
            self.pipe.spool.hold(batch.end)
        return [line.message for line in batch.lines]

    def take(self, *, last: bool = False) -> list[str]:
        """All there is, acknowledged batch by batch."""
        found: list[str] = []
        while (batch := self.reader.read_batch(last=last)).end != self.pipe.spool.sent:
            found += [line.message for line in batch.lines]
            self.pipe.spool.acknowledge(batch.end)
        return found


@pytest.fixture
async def pipe(tmp_path: Path) -> AsyncIterator[Pipe]:
    made = Pipe(tmp_path)
    yield made
    made.close()


async def test_an_event_begins_where_a_line_matches(pipe: Pipe) -> None:
    events = Events(pipe)
    await pipe.write(b"before any start\n" + TRACE)
    assert events.take() == ["before any start", "2026-01-01 boom\n  at a\n\n  at b"]
    assert events.take(last=True) == ["2026-01-02 fine"]


async def test_what_comes_in_pieces_is_one_event(pipe: Pipe) -> None:
    events = Events(pipe)
    found = []
    for at in range(0, len(TRACE), 7):
        await pipe.write(TRACE[at : at + 7])
        found += events.take()
    assert found == ["2026-01-01 boom\n  at a\n\n  at b"]


async def test_an_open_event_goes_when_it_is_old_enough(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "EVENT_AGE_S", 0.2)
    events = Events(pipe)
    await pipe.write(TRACE + b"half a li")
    assert events.take() == ["2026-01-01 boom\n  at a\n\n  at b"]
    assert events.reader.again_s is not None
    await asyncio.sleep(events.reader.again_s)
    assert events.take() == ["2026-01-02 fine"]
    assert events.reader.again_s is None
    await pipe.write(b"ne\n")
    assert events.take(last=True) == ["half a line"]


async def test_an_event_has_a_largest_size(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, limit=4 * 1024 * 1024)
    line = b"x" * 1023 + b"\n"
    await pipe.write(line * 1000)
    found = Events(pipe).take(last=True)
    assert sum(len(text) + 1 for text in found) == 1000 * 1024
    assert max(len(text) for text in found) <= EVENT_BYTES
    assert len(found) == 4
    pipe.close()


async def test_a_batch_under_way_is_read_again_as_it_was(pipe: Pipe) -> None:
    """The server knows a batch by its end: one that grew meanwhile would be stored twice."""
    events = Events(pipe)
    await pipe.write(TRACE)
    first = events.send()
    await pipe.write(b"2026-01-03 more\n2026-01-04 last\n")
    assert events.send() == first
    events.restart()
    assert events.send() == first
    assert events.take(last=True) == [*first, "2026-01-02 fine", "2026-01-03 more", "2026-01-04 last"]


async def test_an_open_event_outlives_the_agent(pipe: Pipe) -> None:
    events = Events(pipe)
    await pipe.write(b"2026-01-01 boom\n  at a\n")
    assert events.take() == []
    events.restart()
    await pipe.write(b"  at b\n2026-01-02 fine\n")
    assert events.take() == ["2026-01-01 boom\n  at a\n  at b"]


async def test_lines_dropped_meanwhile_leave_whole_events(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path, limit=128 * 1024, is_blocking=False)
    events = Events(pipe)
    await pipe.write(b"".join(b"2026-%06d\n %s\n" % (n, b"x" * 500) for n in range(1000)))
    assert pipe.spool.dropped_lines > 0
    found = events.take(last=True)
    assert found[-1].startswith("2026-000999\n x")
    assert sum(text.count("\n") + 1 for text in found) + pipe.spool.dropped_lines == 2000
    pipe.close()


@pytest.mark.parametrize("pattern", ["(a+)+$", "(.*)*\\d", "(x|xx)*y"])
def test_no_pattern_takes_its_time(pattern: str) -> None:
    test = LineTest(EventStart(pattern=pattern))
    began = time.monotonic()
    test.begins("a" * 100_000 + "!")
    test.begins("x" * 100_000 + "!")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("pattern", ["(", "(?=x)", "[z-a]", r"\1"])
def test_what_is_no_pattern_is_refused_as_the_driver_does(pattern: str) -> None:
    with pytest.raises(Invalid, match="awslogs could not parse multiline pattern key"):
        LineTest(EventStart(pattern=pattern))


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (r"\[%b %d, %Y %H:%M:%S\]", "[May 01, 2017 19:00:01] A message"),
        ("%Y-%m-%dT%H:%M:%S%L%z", "2026-01-31T23:59:59.123+0100 x"),
        ("%a %A %w %j", "Mon Monday 1 366"),
        ("%d/%b/%y %I:%M:%S %p %Z", "01/Jan/26 11:00:00 AM CET"),
        ("%B %f 100%%", "December 123456 100%"),
    ],
)
def test_a_datetime_format_finds_its_dates(asked: str, line: str) -> None:
    test = LineTest(EventStart(datetime_format=asked))
    assert test.begins(line)
    assert test.begins(f"INFO {line}")
    assert not test.begins("  at com.example.Main")


def test_an_unknown_directive_is_told() -> None:
    assert len(DIRECTIVES) == 20
    for wrong in ("%Q", "%Y %"):
        with pytest.raises(Invalid, match="unknown directive"):
            LineTest(EventStart(datetime_format=wrong))


async def test_a_spool_is_what_an_earlier_agent_left(tmp_path: Path) -> None:
    pipe = Pipe(tmp_path)
    await pipe.write(b"one\n" * 3)
    pipe.spool.hold(4)
    again: Spool = pipe.fresh()
    assert (again.sent, again.is_held, again.readable_end, again.size) == (0, True, 4, 12)
    pipe.close()
