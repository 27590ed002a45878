"""The standard input of `interactive` containers: open for as long as the task lives, and never written to.

On Fargate nobody can attach to it, so `read` waits there for ever instead of seeing the end of a file. One
FIFO serves a task. The shim holds its writing end, as the output of the pause container, which writes
nothing: so it stays open when the agent goes.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from bastide.model.assignment import Assignment, Container


def wants_stdin(container: Container) -> bool:
    """A terminal has an input of its own."""
    return container.interactive and not container.pseudo_terminal


def stdin_of(spec: Assignment, folder: Path) -> Path | None:
    """The task's FIFO; None when no container wants one."""
    return folder / "stdin" if any(map(wants_stdin, spec.containers)) else None


@contextlib.contextmanager
def opened_stdin(fifo: Path | None) -> Iterator[None]:
    """Keep both ends open meanwhile: the shim's opening of either end waits for the other."""
    if fifo is None:
        yield
        return
    fifo.parent.mkdir(mode=0o700, exist_ok=True)
    if not fifo.exists():
        os.mkfifo(fifo, 0o600)
    descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield
    finally:
        os.close(descriptor)
