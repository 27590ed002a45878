"""Which processes of this host are a task's, by what they are there for."""

import contextlib
from collections.abc import Callable
from pathlib import Path

KINDS: dict[str, Callable[[bytes], bool]] = {
    "shim": lambda program: program.endswith(b"containerd-shim-runsc-v1"),
    "runc shim": lambda program: program.endswith(b"containerd-shim-runc-v2"),
    "sandbox": lambda program: program == b"runsc-sandbox",
    "runsc": lambda program: program.startswith(b"runsc"),  # the sandbox and its file servers
}


def processes_of(task: str, kind: str) -> list[int]:
    """Those whose program is of that kind and whose arguments name the task."""
    task_id = task.rsplit("/", 1)[-1].encode()
    return [
        pid
        for pid, words in read_arguments().items()
        if KINDS[kind](words[0]) and any(task_id in word for word in words)
    ]


def read_arguments() -> dict[int, list[bytes]]:
    """Process ids to program and arguments; some may end while we read."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found[int(path.parent.name)] = path.read_bytes().split(b"\0")
    return found
