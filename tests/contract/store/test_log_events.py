"""Log events: answered ones outlive a kill; those an earlier version kept as rows are moved, each once."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bastide.model.arn import log_group_arn
from bastide.store import LogEvent, Record, Selection, Store
from bastide.store.logs import Step, migration
from bastide.store.logs.ids import group_id
from bastide.store.logs.positions import POSITION
from bastide.store.tables import log_events

SCOPE = "111122223333/eu-test-1"
LIVES = 3
LIFE_S = 0.5
GROUP = "0" * 16
WRITER = """
import asyncio, sys
from pathlib import Path
from bastide.store import Batch
from bastide.store.logs import LogStore

async def write(store, caller):
    for number in range(1_000_000):
        key = f"{sys.argv[2]}-{caller}-{number}"
        lines = [(1_900_000_000_000 + number, f"{key} {index} " + "x" * 200) for index in range(20)]
        await store.append(
            Batch(group="0" * 16, stream=f"s{caller}", stream_id=caller, lines=lines, ingestion_ms=1)
        )
        print(key, flush=True)

async def seal(store):
    while True:
        await asyncio.sleep(0.05)
        await store.seal(at_once=True)
        await store.merge(dead={})

async def main():
    async def keep(positions):
        pass
    store = LogStore(Path(sys.argv[1]), keep)
    await store.seal()
    print("open", flush=True)
    await asyncio.gather(seal(store), *(write(store, caller) for caller in range(8)))

asyncio.run(main())
"""


def every_event(steps: Iterator[Step]) -> list[LogEvent]:
    return [event for step in steps for event in step.events]


def write_until_killed(folder: Path, life: int) -> set[str]:
    """What was answered before a process that writes and seals all the time was killed."""
    words = [sys.executable, "-c", WRITER, str(folder), str(life)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        time.sleep(LIFE_S)
        writer.send_signal(signal.SIGKILL)
        return {line.strip() for line in writer.stdout if line.endswith("\n")}


async def test_every_answered_batch_outlives_a_kill_whole_and_once(tmp_path: Path) -> None:
    answered: set[str] = set()
    for life in range(LIVES):
        answered |= await asyncio.to_thread(write_until_killed, tmp_path / "logs", life)
        store = await Store.open(f"sqlite:///{tmp_path}/store.db")
        events = await store.logs.read(Selection(group=GROUP), every_event, forward=True)
        await store.close()
        told = [event.message.rsplit(" ", 1)[0] for event in events]
        assert len(told) == len(set(told))
        batches = [text.split()[0] for text in told]
        assert {batches.count(key) for key in list(answered)[:50]} == {20}
        assert answered <= set(batches)
        assert len(told) == 20 * len(set(batches))
    assert answered


@pytest.fixture
async def filled(store: Store, url: str) -> dict[str, Any]:
    """A store as an earlier version left it: two streams' rows, and one of a stream that is gone."""
    arn = log_group_arn(SCOPE, "app")

    def records(txn: Any) -> None:
        shape = {"logGroup": {"logGroupName": "app"}, "tags": {}}
        txn.put(Record("log-group", arn, SCOPE, shape, name="app"))
        for name in ("a", "b"):
            key = f"{arn}:log-stream:{name}"
            txn.put(Record("log-stream", key, SCOPE, {"logStreamName": name}, parent=arn, name=name))

    await store.update(records)
    rows = [
        {
            "scope": SCOPE,
            "group_name": "app",
            "stream": "gone" if number % 10 == 9 else "ab"[number % 2],
            "timestamp_ms": 1_900_000_000_000 + number % 7,
            "ingestion_ms": 1_900_000_000_000 + number // 5,
            "message": f"{number}".encode() + b"\0\xed\xb3\xbf",
        }
        for number in range(100)
    ]
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(log_events), rows)
    engine.dispose()
    return {"arn": arn}


async def read(store: Store, arn: str) -> list[LogEvent]:
    group = await store.view(lambda txn: txn.get("log-group", arn))
    assert group is not None
    return await store.logs.read(Selection(group=group_id(group)), every_event, forward=True)


async def test_rows_are_moved_each_once(
    store: Store, filled: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "STEP_ROWS", 30)
    assert await migration.move_rows(store) == 100
    events = await read(store, filled["arn"])
    numbers = [int(event.message.split("\0")[0]) for event in events]
    assert sorted(numbers) == [number for number in range(100) if number % 10 != 9]
    assert [event.timestamp_ms for event in events] == sorted(event.timestamp_ms for event in events)
    assert {event.stream for event in events} == {"a", "b"}
    first = events[numbers.index(12)]
    assert first.ingestion_ms == 1_900_000_000_002
    assert await store.view(lambda txn: txn.read_log_rows(limit=1)) == []
    assert await migration.move_rows(store) == 0


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_a_move_that_was_broken_off_goes_on(
    store: Store, filled: dict[str, Any], monkeypatch: pytest.MonkeyPatch, is_sealed: bool
) -> None:
    monkeypatch.setattr(migration, "STEP_ROWS", 30)

    def fail(txn: Any, *, through: int) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(migration, "_delete", fail)
        with pytest.raises(RuntimeError, match="killed"):
            await migration.move_rows(store)
    if is_sealed:
        await store.logs.seal(at_once=True)
        assert await store.view(lambda txn: txn.count(POSITION)) == 1
    await migration.move_rows(store)
    assert len(await read(store, filled["arn"])) == 90
    assert await store.view(lambda txn: txn.count(POSITION)) == 0
