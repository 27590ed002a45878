"""A real disk that is full: nothing is changed any more, reads go on, and it heals by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.host.mounts import unmount
from bastide.host.syscalls import mount
from bastide.model.faults import Unavailable
from bastide.store.audit.audit_log import AuditLog
from bastide.store.audit.reading import Selection, read_back
from bastide.store.audit.records import Record
from bastide.store.audit.segment import ROOM_BYTES, Segment
from bastide.store.audit.segments import Retention, list_segments
from bastide.store.audit.writer import LOST
from tests.real_host import require_root

pytestmark = pytest.mark.real

SIZE = 3 * ROOM_BYTES


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of a few MiB."""
    require_root()
    place = tmp_path / "disk"
    place.mkdir()
    mount("tmpfs", str(place), kind="tmpfs", options=f"size={SIZE}")
    try:
        yield place
    finally:
        unmount(str(place))


def record(name: str, *, is_read_only: bool = False) -> Record:
    return Record(
        identity={"type": "Root"},
        source="ecs.amazonaws.com",
        name=name,
        region="eu-test-1",
        address="192.0.2.1",
        user_agent="test",
        parameters={"text": "x" * 10_000},
        request_id="r",
        event_id="e",
        is_read_only=is_read_only,
        account="111122223333",
    )


def names(folder: Path) -> list[str]:
    found, _ = read_back(folder, Selection(), limit=10_000)
    return [one.record.name for one in found]


def fill(disk: Path) -> Path:
    """Take all that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (64 * 1024, 4096):
            with pytest.raises(OSError, match="No space"):
                while True:
                    file.write(b"x" * size)
    return ballast


async def test_calls_that_began_still_fit_and_no_other_begins(disk: Path) -> None:
    log = AuditLog(disk / "audit", retention=Retention())
    await log.keep(record("Before"))
    ballast = fill(disk)
    begun, refused = 0, False
    for _ in range(2 * ROOM_BYTES // 10_000):
        try:
            await log.ready()
        except Unavailable as error:
            assert "No space left on device" in error.why
            refused = True
            break
        await log.keep(record("Change"))  # raises for what could not be kept
        begun += 1
    assert refused
    assert begun > 0
    assert names(disk / "audit").count("Change") == begun
    for _ in range(20):  # what had begun when the disk was found full
        await log.keep(record("Begun"))
    ballast.unlink()
    await log.ready()
    await log.keep(record("After"))
    await log.close()
    assert names(disk / "audit")[0] == "After"
    assert names(disk / "audit").count("Begun") == 20


async def test_reads_are_counted_where_they_are_lost(disk: Path) -> None:
    log = AuditLog(disk / "audit", retention=Retention())
    await log.keep(record("Before"))
    ballast = fill(disk)
    sent = 2 * ROOM_BYTES // 10_000
    for _ in range(sent):
        log.note(record("Read", is_read_only=True))
    with pytest.raises(Unavailable):
        while True:
            sent += 1
            await log.keep(record("Change"))
    ballast.unlink()
    await log.ready()
    await log.close()
    kept = names(disk / "audit")
    assert kept[0] == LOST
    found, _ = read_back(disk / "audit", Selection(), limit=1)
    told = found[0].record.more
    assert isinstance(told, dict)
    assert told["records"] == sent - kept.count("Read") - kept.count("Change")


async def test_room_taken_in_advance_is_given_back(disk: Path) -> None:
    def used() -> int:
        return sum(path.stat().st_blocks * 512 for path in list_segments(disk))

    segment = Segment(disk / "20300102T030405000000Z.jsonl")
    segment.take_room()
    segment.append(b"line\n")
    assert (segment.size, used()) == (5, ROOM_BYTES)
    await asyncio.to_thread(segment.close)
    assert used() == 4096
