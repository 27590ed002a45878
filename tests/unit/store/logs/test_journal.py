"""Journals: whatever was answered is there after a crash at any byte, and a torn tail is cut."""

import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from bastide.model.faults import Unavailable
from bastide.store.logs.files.journal import Journal, recover_journal, render_frame
from bastide.store.logs.values import Batch
from tests.unit.store.logs.conftest import BASE_MS, GROUP, Logs


def batch(*texts: str) -> Batch:
    lines = [(BASE_MS + index, text) for index, text in enumerate(texts)]
    return Batch(group=GROUP, stream="a", stream_id=1, lines=lines, ingestion_ms=BASE_MS)


def texts(path: Path) -> list[str]:
    _, entries = recover_journal(path, 1)
    return [event.message for entry in entries for event in entry.read_events()]


def test_a_file_cut_at_any_byte_gives_its_whole_batches(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "whole", 1, end=0)
    ends = [0]
    for number, of in enumerate((("one", "two"), ("thrée \n \x00",), ("four", "", "six"))):
        journal.append(render_frame(batch(*of), number * 10)[1])
        ends.append(journal.end)
    content = (tmp_path / "whole").read_bytes()
    every = texts(tmp_path / "whole")
    assert every == ["one", "two", "thrée \n \x00", "four", "", "six"]
    for length in range(len(content) + 1):
        path = tmp_path / "torn"
        path.write_bytes(content[:length])
        whole = sum(length >= end for end in ends[1:])
        assert texts(path) == every[: (0, 2, 3, 6)[whole]]
        assert path.stat().st_size == ends[whole]


@pytest.mark.parametrize("garbage", [b"\0" * 4096, b"{}\n", b'{"g": 1', b"x\n", b"\xff" * 100 + b"\n"])
def test_what_was_left_behind_the_last_batch_is_cut(tmp_path: Path, garbage: bytes) -> None:
    journal = Journal(tmp_path / "journal", 1, end=0)
    journal.append(render_frame(batch("kept"), 0)[1])
    with (tmp_path / "journal").open("ab") as file:
        file.write(garbage)
    assert texts(tmp_path / "journal") == ["kept"]
    assert (tmp_path / "journal").stat().st_size == journal.end


def test_a_damaged_batch_and_what_follows_is_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 1, end=0)
    for number, text in enumerate(("kept", "damaged", "lost")):
        journal.append(render_frame(batch(text), number)[1])
    content = (tmp_path / "journal").read_bytes().replace(b"damaged", b"DAMAGED")
    (tmp_path / "journal").write_bytes(content)
    assert texts(tmp_path / "journal") == ["kept"]


async def test_a_restart_at_any_moment_of_sealing_shows_each_event_once(logs: Any) -> None:
    await logs.put((1, "one"), (2, "two"))
    await logs.put((3, "other"), group="b" * 16)
    (journal,) = logs.journals()
    saved = logs.folder.parent / "saved"
    shutil.copy(journal, saved)
    await logs.store.seal(at_once=True)
    assert len(logs.segments()) == 2
    await logs.store.close()
    shutil.copy(saved, journal)  # sealed, and the journal not gone yet
    logs.segments()[0].unlink()  # or only one of its segments written
    await logs.restart()
    assert await logs.texts() == ["one", "two"]
    assert await logs.texts(group="b" * 16) == ["other"]
    await logs.store.seal()
    assert await logs.texts() == ["one", "two"]
    assert (len(logs.segments()), len(logs.journals())) == (2, 1)


async def test_a_restart_in_the_middle_of_merging_shows_each_event_once(logs: Any) -> None:
    for number in range(8):
        await logs.put((number, str(number)))
        await logs.store.seal(at_once=True)
    saved = logs.folder.parent / "saved"
    shutil.copytree(logs.folder / "segments", saved)
    await logs.store.merge(dead={})
    await logs.store.close()
    shutil.copytree(saved, logs.folder / "segments", dirs_exist_ok=True)
    (logs.folder / "drafts").mkdir(exist_ok=True)
    (logs.folder / "drafts" / "half.draft").write_bytes(b"PAR1")
    assert len(logs.segments()) == 9
    await logs.restart()
    assert await logs.texts() == [str(number) for number in range(8)]
    assert len(logs.segments()) == 1
    assert not list(logs.folder.glob("drafts/*"))


async def test_a_source_is_stored_once_whatever_is_restarted(logs: Any) -> None:
    for sequence in (1, 2, 2, 1):
        await logs.put((sequence, str(sequence)), source="s", sequence=sequence)
    assert await logs.texts() == ["1", "2"]
    await logs.restart()
    await logs.put((2, "2"), (3, "3"), source="s", sequence=2)
    await logs.put((3, "3"), source="s", sequence=3)
    assert await logs.texts() == ["1", "2", "3"]
    assert logs.positions == {}
    await logs.store.seal(at_once=True)
    assert logs.positions == {"s": 3}
    await logs.put((3, "3"), source="s", sequence=3)
    assert await logs.texts() == ["1", "2", "3"]


async def test_a_full_disk_is_told_and_leaves_nothing_of_the_batch(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs")
    await logs.put((1, "one"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (logs.journals()[0].stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(Unavailable, match="Log events cannot be written"):
            await logs.put((2, "two"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    await logs.put((3, "three"))
    assert await logs.texts() == ["one", "three"]
    await logs.restart()
    assert await logs.texts() == ["one", "three"]
    await logs.store.close()
