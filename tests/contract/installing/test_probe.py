"""The probe that chooses the runtime parts: it tries what tasks need, and leaves nothing on the machine."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.containerd_fixture import PARTS, find_runtime_folder, skip_real

pytestmark = pytest.mark.real

PROBE = Path(__file__).resolve().parents[3] / "tools" / "installing" / "probe.py"
TIMEOUT_S = 120
# On its second start the shims are gone, as those are that die when containerd is killed.
FORGETFUL = """#!/bin/sh
for file in "$(dirname "$2")"/state/io.containerd.runtime.v2.task/*/*/shim.pid; do
    [ ! -e "$file" ] || kill -9 "$(cat "$file")"
done
exec {containerd} "$@"
"""


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder with the installed parts, to be changed at will."""
    installed = find_runtime_folder()
    if installed is None:
        skip_real("no runtime parts are installed")
    assert installed is not None
    for part in PARTS:
        (tmp_path / part).symlink_to((installed / part).resolve())
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Whatever the probe found, the machine is as it was."""
    before = traces()
    yield
    assert traces() - before == set()


def traces() -> set[str]:
    """Folders, cgroups, mounts and processes of any probe."""
    found = {str(path) for path in Path("/run").glob("bastide-probe-*")}
    for depth in ("", "*/"):
        found |= {str(path) for path in Path("/sys/fs/cgroup").glob(f"{depth}bastide-probe-*")}
    found |= {line for line in Path("/proc/self/mounts").read_text().splitlines() if "bastide-probe-" in line}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"/bastide-probe-" in (command := (folder / "cmdline").read_bytes()):
                found.add(f"{folder.name} {command!r}")
    return found


def start_probe(parts: Path) -> "subprocess.Popen[str]":
    """The probe as set-up runs it."""
    argv = [sys.executable, "-B", str(PROBE), str(parts)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_installed_parts_are_fit(parts: Path) -> None:
    probe = start_probe(parts)
    said, _ = probe.communicate(timeout=TIMEOUT_S)
    assert (probe.returncode, said) == (0, "")


def test_parts_whose_sandbox_dies_with_containerd_are_unfit(parts: Path) -> None:
    containerd = (parts / "containerd").resolve()
    (parts / "containerd").unlink()
    (parts / "containerd").write_text(FORGETFUL.format(containerd=containerd))
    (parts / "containerd").chmod(0o755)
    probe = start_probe(parts)
    said, _ = probe.communicate(timeout=TIMEOUT_S)
    assert probe.returncode == 1
    assert said.splitlines()[-1].startswith("the sandbox dies when containerd is killed")


def test_a_probe_that_is_ended_takes_its_sandbox_along(parts: Path) -> None:
    before = traces()
    probe = start_probe(parts)
    while probe.poll() is None and not any("runsc-sandbox" in trace for trace in traces() - before):
        time.sleep(0.05)
    probe.send_signal(signal.SIGTERM)
    said, _ = probe.communicate(timeout=TIMEOUT_S)
    assert probe.returncode == 1
    assert said.splitlines()[-1] == "the probe was ended by SIGTERM"
