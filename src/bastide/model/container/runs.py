"""What containerd knows the runs of a container by.

A user sees one id for all of them. The host needs one each: a sandbox of gVisor's does not let go of what it
made under an id, and takes no second container of that name. All are of one length, so that none begins
another, and those of one task never meet.
"""

import hashlib

DIGITS = 10
CONTAINERS_MAX = 10  # of a task
_NUMBERS = 10**DIGITS - 1  # 1 and up: zero is the sandbox's
_STRIDE = 1_000_003  # prime, so that it takes as long as can be until two meet


def runtime_id(task_id: str, index: int) -> str:
    """`<task id>-<10 digits>` for the container at that place of the task definition, its first run."""
    start = int.from_bytes(hashlib.sha256(task_id.encode()).digest()[:8], "big")
    return _render(task_id, start + index * _STRIDE)


def run_id(first: str, run: int) -> str:
    """Of a later run of the container whose first one is `first`."""
    task_id, _, number = first.rpartition("-")
    return _render(task_id, int(number) - 1 + run * CONTAINERS_MAX * _STRIDE) if run else first


def _render(task_id: str, number: int) -> str:
    return f"{task_id}-{1 + number % _NUMBERS:0{DIGITS}d}"
