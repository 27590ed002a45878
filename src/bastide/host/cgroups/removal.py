"""Killing what runs in groups, and taking the groups away."""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from bastide.host.cgroups.files import read, write_if_there

KILL_DEADLINE_S = 5.0


def kill_all(groups: list[Path]) -> None:
    """Kill every process in the groups and below, and wait until none is left."""
    deadline = time.monotonic() + KILL_DEADLINE_S
    while pids := {pid for group in groups for pid in _pids(group)}:
        for group in groups:
            write_if_there(group / "cgroup.kill", 1)  # v2, Linux 5.14: no fork escapes it
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise OSError(errno.EBUSY, f"{len(pids)} processes outlive SIGKILL", str(groups[0]))
        time.sleep(0.005)


def _pids(group: Path) -> Iterator[int]:
    for folder, _, _ in os.walk(group):
        with contextlib.suppress(OSError):
            # 0 is a process of another pid namespace, which is nobody's task.
            yield from (pid for word in read(Path(folder) / "cgroup.procs").split() if (pid := int(word)))


def remove_tree(group: Path) -> None:
    """A cgroup's files cannot be deleted and need not be: its folders go, the deepest first."""
    deadline = time.monotonic() + KILL_DEADLINE_S
    for folder, _, _ in os.walk(group, topdown=False):
        while True:
            try:
                Path(folder).rmdir()
                break
            except FileNotFoundError:
                break
            except OSError as error:  # a killed process leaves its group a moment after it is gone
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.002)
