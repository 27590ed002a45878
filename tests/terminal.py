"""A user at a terminal: a program on a pseudo terminal of its own, typed at and read from."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

READ_BYTES = 65536
TIMEOUT_S = 20.0


class Terminal:
    """The program runs until it ends or `close` is called."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], *, columns: int = 100, rows: int = 30
    ) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen(
            argv,
            env=dict(environment),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.seen = b""

    def resize(self, columns: int, rows: int) -> None:
        """As a user drags a window."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        """Press the keys."""
        os.write(self._master, text.encode())

    def press(self, key: int) -> None:
        """A control key, by the character the terminal makes of it."""
        os.write(self._master, bytes([key]))

    def read_until(self, pattern: str, *, timeout_s: float = TIMEOUT_S) -> re.Match[bytes]:
        """Everything shown up to the pattern is taken off `seen`."""
        wanted = re.compile(pattern.encode())
        end = time.monotonic() + timeout_s
        while (found := wanted.search(self.seen)) is None:
            assert self._read(end), f"ended or silent, {pattern} was not shown but {self.seen[-2000:]!r}"
        self.seen = self.seen[found.end() :]
        return found

    def read_all(self, *, timeout_s: float = TIMEOUT_S) -> bytes:
        """What is shown until the program has ended."""
        end = time.monotonic() + timeout_s
        while self._read(end):
            pass
        return self.seen

    def wait(self, *, timeout_s: float = TIMEOUT_S) -> int:
        """The exit code."""
        self.read_all(timeout_s=timeout_s)
        return self.process.wait(timeout=timeout_s)

    def close(self) -> None:
        """Kill what still runs of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, READ_BYTES)
        except OSError:  # EIO: nobody has the other end any more
            return False
        self.seen += data
        return bool(data)
