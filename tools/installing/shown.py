"""Runs long commands and shows how far they are: one living line on a terminal, a line now and then in a log.

Owns all output of set-up. A failed command raises StepFailed with its last lines; who started the step adds
what to do about it.
"""

import collections
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

LOG_INTERVAL_S = 10.0  # between progress lines where they cannot overwrite each other
KEPT_LINES = 30  # of a failed command's output


class StepFailed(Exception):
    """A step of set-up did not work; the text says which, why, and what to do."""


def say(text: str) -> None:
    """Print one finished line."""
    print(text, flush=True)


class Progress:
    """One step's line: what it is, how far it is, how long it takes."""

    def __init__(self, title: str) -> None:
        self._title, self._began, self._printed_at = title, time.monotonic(), 0.0
        self._living = sys.stdout.isatty()
        if not self._living:
            say(f"  {title} …")
            self._printed_at = time.monotonic()

    def update(self, state: str) -> None:
        """Show how far the step is; calling often is fine."""
        now = time.monotonic()
        if self._living:
            width = os.get_terminal_size().columns if sys.stdout.isatty() else 100
            line = f"  {self._title}: {state} ({now - self._began:.0f} s)"
            print("\r\x1b[K" + line[: max(width - 1, 20)], end="", flush=True)
        elif now - self._printed_at >= LOG_INTERVAL_S:
            say(f"  {self._title}: {state} ({now - self._began:.0f} s)")
            self._printed_at = now

    def end(self, state: str) -> None:
        """Finish the line."""
        start = "\r\x1b[K" if self._living else ""
        say(f"{start}  {self._title}: {state} ({time.monotonic() - self._began:.0f} s)")


def run(
    argv: Sequence[str | Path],
    *,
    title: str,
    state_of: Callable[[str], str | None] = lambda line: line,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end; `state_of` turns a line of its output into the state to show, or None."""
    progress, state = Progress(title), "starting"
    kept: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
    with (
        subprocess.Popen(
            [str(part) for part in argv],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        ) as process,
        selectors.DefaultSelector() as ready,
    ):
        assert process.stdout is not None
        ready.register(process.stdout, selectors.EVENT_READ)
        for line in _lines(process.stdout, ready):
            if line is not None:
                kept.append(line)
                state = state_of(line) or state
            progress.update(state)
    if process.returncode != 0:
        progress.end(f"failed with exit code {process.returncode}")
        raise StepFailed(
            "\n".join(["", *kept, "", f"{title}: `{argv[0]}` failed; its last lines stand above"])
        )
    progress.end("done")


def _lines(stream: IO[bytes], ready: selectors.BaseSelector) -> Iterator[str | None]:
    """Yield lines as they come, and None once a second so that the clock goes on."""
    rest = b""
    while True:
        if not ready.select(timeout=1.0):
            yield None
            continue
        chunk = stream.read(65536)
        *whole, rest = (rest + (chunk or b"\n")).split(b"\n")
        for line in whole:
            if line.strip():
                yield line.decode(errors="replace").strip()
        if not chunk:
            return


def output_of(argv: Sequence[str | Path]) -> str | None:
    """What a quick command printed, or None when it is missing or fails."""
    try:
        done = subprocess.run(
            [str(part) for part in argv], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
