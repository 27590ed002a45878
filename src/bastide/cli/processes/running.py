"""A detached process and the file that finds it again.

The file holds the process id, when the kernel started it and in which boot: an id that was used again, after
a crash or a reboot, is never taken for ours.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bastide.files import replace_file

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
POLL_S = 0.02


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A process that was started by us."""

    pid: int
    start_ticks: int  # field 22 of /proc/PID/stat; proc(5)
    boot_id: str
    version: str

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        return read_start_ticks(self.pid) == self.start_ticks and read_boot_id() == self.boot_id

    @property
    def uptime_s(self) -> float:
        """How long it has been running."""
        now_s = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, now_s - self.start_ticks / os.sysconf("SC_CLK_TCK"))

    def stop(self, *, grace_s: float) -> None:
        """Ask it to end; kill it after `grace_s`. Returns when it is gone."""
        self._send(signal.SIGTERM)
        if not self._wait_gone(grace_s):
            self._send(signal.SIGKILL)
            self._wait_gone(10.0)

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)  # holds the id while we look whose it is
            try:
                if self.is_alive:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)

    def _wait_gone(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True


def read_boot_id() -> str:
    """The kernel's name for this boot."""
    return BOOT_ID.read_text().strip()


def read_start_ticks(pid: int) -> int | None:
    """When the kernel started the process; None when there is none, or only its zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold blanks and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def read_running(path: Path) -> Running | None:
    """The process the file speaks of, if it is alive."""
    try:
        pid, ticks, boot_id, version = path.read_text().split()
        running = Running(pid=int(pid), start_ticks=int(ticks), boot_id=boot_id, version=version)
    except (OSError, ValueError):
        return None
    return running if running.is_alive else None


def start_detached(
    argv: Sequence[str],
    *,
    log: Path,
    pid_file: Path,
    env: Mapping[str, str],
    version: str,
    handles: Sequence[int] = (),
) -> Running:
    """Start a program that outlives us: a session of its own, no terminal, of our descriptors these alone."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            cwd="/",
            start_new_session=True,
            pass_fds=handles,
            umask=0o077,
        )
    ticks = read_start_ticks(process.pid)
    running = Running(pid=process.pid, start_ticks=ticks or 0, boot_id=read_boot_id(), version=version)
    said = f"{running.pid} {running.start_ticks} {running.boot_id} {running.version}\n"
    replace_file(pid_file, said.encode(), mode=0o644)
    process.returncode = 0  # not ours to wait for; keeps Popen from warning about it
    return running
