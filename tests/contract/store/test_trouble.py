"""Trouble below: a full disk, a locked file, a killed process. Nothing is lost, the writer goes on."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.model.faults import Unavailable
from bastide.store import Record, Store
from bastide.store.backends import sqlite

ROUNDS = 4

WRITER = """
import asyncio, sys
from bastide.store import Record, Store

async def write(store, caller):
    for number in range(1_000_000):
        key = f"{caller}-{number}"
        await store.update(lambda txn: txn.put(Record("thing", key, "", {"text": "x" * 400}, name=key)))
        print(key, flush=True)

async def main():
    store = await Store.open(sys.argv[1])
    print("open", flush=True)
    await asyncio.gather(*(write(store, f"{sys.argv[2]}-{caller}") for caller in range(16)))

asyncio.run(main())
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 2 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small filesystem needs root: a full disk was not tried")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "bastide-test", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def put(store: Store, key: str, size: int = 0) -> Record:
    return await store.update(lambda txn: txn.put(Record("thing", key, "", {"text": "x" * size})))


async def keys(store: Store) -> set[str]:
    return await store.view(lambda txn: {record.key for record in txn.find("thing")})


async def test_a_full_disk_loses_nothing_and_passes(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    store = await Store.open(f"sqlite:///{small_disk}/store.db")
    answered = set()
    with pytest.raises(Unavailable, match="disk is full"):
        for index in range(1000):
            answered.add((await put(store, f"k{index}", 20_000)).key)
    assert answered and await keys(store) == answered
    outcomes = await asyncio.gather(
        put(store, "huge", 500_000), put(store, "huge too", 500_000), return_exceptions=True
    )
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    ballast.unlink()
    answered.add((await put(store, "after", 20_000)).key)
    await store.close()
    again = await Store.open(f"sqlite:///{small_disk}/store.db")
    assert await keys(again) == answered
    await again.close()


async def test_one_closure_too_big_for_the_disk_fails_alone(small_disk: Path) -> None:
    store = await Store.open(f"sqlite:///{small_disk}/store.db")
    outcomes = await asyncio.gather(
        *(put(store, f"k{index}", 4_000_000 if index == 7 else 10) for index in range(16)),
        return_exceptions=True,
    )
    assert [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Unavailable)] == [7]
    assert await keys(store) == {f"k{index}" for index in range(16)} - {"k7"}
    await store.close()


async def test_a_locked_file_is_waited_for_then_refused(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_WAIT_MS", 200)
    store = await Store.open(sqlite_url)
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await put(store, "a")
    assert await keys(store) == set()
    waiting = asyncio.ensure_future(put(store, "b"))
    await asyncio.sleep(0.05)
    other.execute("COMMIT")
    assert (await waiting).version == 1
    other.close()
    await store.close()


def write_until_killed(url: str, name: str) -> set[str]:
    """Keys whose update had returned before the process was killed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WRITER, url, name]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    time.sleep(random.uniform(0.02, 0.5))
    writer.send_signal(signal.SIGKILL)
    lines = writer.stdout.readlines()
    writer.stdout.close()
    writer.wait()
    return {line.strip() for line in lines if line.endswith("\n")}


@pytest.mark.parametrize("round_number", range(ROUNDS))
async def test_every_answered_write_outlives_a_kill(url: str, round_number: int) -> None:
    answered: set[str] = set()
    for life in range(2):
        answered |= await asyncio.to_thread(write_until_killed, url, f"{round_number}-{life}")
        store = await Store.open(url)
        found = await keys(store)
        changes = await store.view(lambda txn: txn.read_changes(0))
        assert answered <= found
        assert isinstance(changes, list) and {change.key for change in changes} == found
        await store.close()
    assert answered
