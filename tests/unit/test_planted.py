"""The search for planted secrets finds one wherever it is put, so it can fail."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from tests import planted
from tests.planted import exposed_arguments, holds, leaks, plant, remember, watched_arguments


@pytest.fixture(autouse=True)
def _only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "_planted", {})


@pytest.mark.parametrize(
    "place",
    [
        "log/server.log",
        "server/store.db",
        "server/store.db-wal",
        "server/audit/20300102T030405000000Z.jsonl",
        "server/logs/journals/1.journal",
        "agent/tasks/1/state.json",
    ],
)
def test_a_planted_secret_is_found(tmp_path: Path, place: str) -> None:
    secret = plant("password")
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0 something else\n")
    assert leaks(tmp_path) == []
    path.write_bytes(b"\0 before " + secret.encode() + b" behind")
    assert leaks(tmp_path) == [f"password in {place}"]


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", '{"password":"'])
@pytest.mark.parametrize("behind", ["", "z", "zz", '"}'])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_it_is_found_in_base64_of_a_longer_text(before: str, behind: str, encode: object) -> None:
    secret = plant("password")
    assert callable(encode)
    assert holds(b"x" + encode(f"{before}{secret}{behind}".encode()) + b"y", secret)
    assert not holds(encode(b"planted-0123456789"), secret)


def test_it_is_found_among_arguments(tmp_path: Path) -> None:
    secret = plant("token")
    program = [sys.executable, "-c", "print(flush=True); input()", f"--token={secret}"]
    sleeping = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert sleeping.stdout is not None
        sleeping.stdout.readline()  # begun: its arguments stand there a little after it is started
        assert any(f"/proc/{sleeping.pid}/cmdline" in each for each in exposed_arguments())
        assert leaks(tmp_path)
    finally:
        sleeping.communicate(b"\n")
    assert exposed_arguments() == []


def test_a_program_that_ends_at_once_is_seen_too() -> None:
    secret = plant("token")
    with watched_arguments() as exposed:
        subprocess.run([sys.executable, "-c", "", secret], check=True)
        while not exposed:
            subprocess.run(["sleep", "0.1", "--", secret], check=False, stderr=subprocess.DEVNULL)
            subprocess.run([sys.executable, "-c", "import time; time.sleep(0.1)", secret], check=True)
    assert exposed[0].startswith("token in /proc/")


def test_the_one_place_that_may_hold_it_may(tmp_path: Path) -> None:
    secret = remember("admin's secret", "s" * 40, may_be_in="admin-key.json")
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "admin-key.json").write_text(secret)
    assert leaks(tmp_path) == []
    (tmp_path / "server" / "other.json").write_text(secret)
    assert leaks(tmp_path) == ["admin's secret in server/other.json"]
