"""Whose process it is: by id, start time and boot."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bastide.cli.processes.running import Running, read_boot_id, read_running, read_start_ticks


def myself() -> Running:
    ticks = read_start_ticks(os.getpid())
    assert ticks is not None
    return Running(pid=os.getpid(), start_ticks=ticks, boot_id=read_boot_id(), version="1")


def test_a_process_that_runs_is_alive() -> None:
    assert myself().is_alive
    assert 0 <= myself().uptime_s < 100_000


@pytest.mark.parametrize("field", [{"start_ticks": 1}, {"boot_id": "another"}, {"pid": 2**22 - 1}])
def test_an_id_used_again_is_never_taken_for_ours(field: dict[str, object]) -> None:
    assert not msgspec.structs.replace(myself(), **field).is_alive


def test_a_name_with_brackets_and_blanks_does_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / "a ) R 1 (b"
    program.symlink_to(sys.executable)
    child = subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        ticks = read_start_ticks(child.pid)
        mine = read_start_ticks(os.getpid())
        assert ticks is not None and mine is not None and ticks >= mine
    finally:
        child.communicate(b"\n")


def test_a_zombie_does_not_run() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.DEVNULL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert read_start_ticks(child.pid) is None
    child.wait()


@pytest.mark.parametrize("text", ["", "12", "a b c d", "1 2 3 4 5"])
def test_a_damaged_file_is_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pid").write_text(text)
    assert read_running(tmp_path / "x.pid") is None
    assert read_running(tmp_path / "nowhere.pid") is None
