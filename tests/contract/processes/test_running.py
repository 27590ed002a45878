"""Detached processes: nothing of ours reaches them, they are found again, they end when told."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.cli.processes.running import Running, read_running, start_detached

REPORT = """
import os, signal, sys, time
os.umask(mask := os.umask(0))
files = sorted(os.listdir("/proc/self/fd"))
print(os.getpid(), os.getsid(0), oct(mask), files, dict(os.environ), os.getcwd())
sys.stdout.flush()
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def started(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    """A process that says what it was given."""
    words = [getattr(request, "param", "")]
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    running = start_detached(
        [sys.executable, "-I", "-S", "-c", REPORT, *words],
        log=tmp_path / "log",
        pid_file=tmp_path / "x.pid",
        env={"LANG": "C.UTF-8"},
        version="1.2",
    )
    os.close(leaked)
    deadline = time.monotonic() + 20
    while "ready" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    yield running
    running.stop(grace_s=0)
    os.waitpid(running.pid, 0)


def test_it_gets_a_session_no_descriptors_and_nothing_of_our_environment(
    started: Running, tmp_path: Path
) -> None:
    said = (tmp_path / "log").read_text().splitlines()[0]
    assert (
        said == f"{started.pid} {started.pid} 0o77 ['0', '1', '2', '3'] {{'LANG': 'C.UTF-8'}} /"
    )  # 3: the listing


def test_it_is_found_by_its_file(started: Running, tmp_path: Path) -> None:
    assert read_running(tmp_path / "x.pid") == started
    assert (tmp_path / "x.pid").read_text().split()[0] == str(started.pid)


def test_it_ends_when_asked(started: Running, tmp_path: Path) -> None:
    began = time.monotonic()
    started.stop(grace_s=20)
    assert time.monotonic() - began < 10
    assert not started.is_alive
    assert read_running(tmp_path / "x.pid") is None


@pytest.mark.parametrize("started", ["stubborn"], indirect=True)
def test_it_is_killed_when_it_does_not_end(started: Running) -> None:
    started.stop(grace_s=0.3)
    assert not started.is_alive


def test_another_process_under_its_id_is_left_alone(started: Running) -> None:
    other = Running(
        pid=started.pid, start_ticks=started.start_ticks + 1, boot_id=started.boot_id, version="1"
    )
    other.stop(grace_s=0.1)
    assert started.is_alive
