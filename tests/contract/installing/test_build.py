"""A build of a runtime part appears whole or not at all, once, whoever else builds.

The real set-up code runs, in processes of its own; a stand-in for the Go compiler takes its time or fails.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
BUILD = """
from installing import runtime
[group] = [each for each in runtime.read_groups() if each.name == "containerd"]
with runtime.locked():
    print(runtime.ensure_built(group).programs["containerd"])
"""
GO = """#!/bin/sh
case "$1" in
env) echo go9.9.9 ;;
build)
    while [ "$1" != -o ]; do shift; done
    echo built >> "$LOG"
    printf half > "$2"
    sleep "$SECONDS_TO_BUILD"
    [ -z "$BREAK" ] || exit 1
    printf whole > "$2"
    ;;
esac
"""


class Machine:
    """A cache, a compiler, and set-ups started with them."""

    def __init__(self, folder: Path) -> None:
        self.cache, self._log = folder / "cache", folder / "log"
        compiler = folder / "bin" / "go"
        compiler.parent.mkdir()
        compiler.write_text(GO)
        compiler.chmod(0o755)
        self._env = {
            **os.environ,
            "PATH": f"{compiler.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "tools"),
            "BASTIDE_RUNTIME_CACHE": str(self.cache),
            "LOG": str(self._log),
        }

    def start(self, *, seconds: str = "0", breaks: str = "") -> "subprocess.Popen[str]":
        """Begin one build."""
        env = {**self._env, "SECONDS_TO_BUILD": seconds, "BREAK": breaks}
        argv = [sys.executable, "-B", "-c", BUILD]
        return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def runs_of_the_compiler(self) -> int:
        """How often it was asked to build a program."""
        return self._log.read_text().count("built") if self._log.exists() else 0

    def built(self) -> dict[str, str]:
        """What lies in the cache under a final name."""
        return {path.name: path.read_text() for path in self.cache.glob("containerd-*/c*") if path.is_file()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


WHOLE = {"containerd": "whole", "ctr": "whole"}


def test_a_build_appears_and_is_not_repeated(machine: Machine) -> None:
    for _ in range(2):
        out, _ = machine.start().communicate(timeout=30)
        assert Path(out.splitlines()[-1]).read_text() == "whole"
    assert machine.built() == WHOLE
    assert machine.runs_of_the_compiler() == len(WHOLE)


def test_a_failed_build_leaves_nothing_and_the_next_one_works(machine: Machine) -> None:
    failing = machine.start(breaks="yes")
    _, errors = failing.communicate(timeout=30)
    assert failing.returncode != 0
    assert "Building containerd" in errors
    assert machine.built() == {}
    machine.start().communicate(timeout=30)
    assert machine.built() == WHOLE


def test_a_killed_build_leaves_nothing_behind_for_long(machine: Machine) -> None:
    killed = machine.start(seconds="1")
    while machine.runs_of_the_compiler() == 0:
        time.sleep(0.02)
    killed.kill()
    killed.communicate(timeout=30)
    assert machine.built() == {}
    machine.start().communicate(timeout=30)
    assert machine.built() == WHOLE
    assert not list(machine.cache.glob("building-*"))


def test_two_builds_at_once_build_once(machine: Machine) -> None:
    pair = [machine.start(seconds="0.3"), machine.start(seconds="0.3")]
    outputs = [process.communicate(timeout=30)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert sum("waiting for it" in output for output in outputs) == 1
    assert machine.built() == WHOLE
    assert machine.runs_of_the_compiler() == len(WHOLE)
