"""What processes use, read from /proc: processor time and proportional memory."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

TICKS_S = os.sysconf("SC_CLK_TCK")
KIB_IN_MIB = 1024


class Memory(msgspec.Struct, frozen=True):
    """Proportional memory (PSS); `shared` is what lies in memory files, where gVisor keeps the task's own."""

    all_mib: float
    shared_mib: float

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.all_mib + other.all_mib, self.shared_mib + other.shared_mib)


def read_cpu_s(pid: int) -> float:
    """Processor time the process has used since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def measure_cpu_percent(pids: Iterable[int], *, duration_s: float) -> list[float]:
    """How much of one processor each of them uses meanwhile."""
    watched = list(pids)
    before = [read_cpu_s(pid) for pid in watched]
    started_at = time.monotonic()
    time.sleep(duration_s)
    elapsed_s = time.monotonic() - started_at
    after = [read_cpu_s(pid) for pid in watched]
    return [(end - start) / elapsed_s * 100 for start, end in zip(before, after, strict=True)]


def read_memory(pid: int) -> Memory:
    """The process's own part of all memory, pages it shares counted by halves, thirds and so on."""
    kib: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        kib[name] = int(rest.split()[0])
    return Memory(kib["Pss"] / KIB_IN_MIB, kib["Pss_Shmem"] / KIB_IN_MIB)


def read_task_processes(task_id: str) -> dict[int, str]:
    """Every process of a task and its kind: those that name it, and all below them."""
    found: dict[int, str] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            status = (folder / "stat").read_text()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid] = int(status.rsplit(")", 1)[1].split()[1])
        if any(task_id.encode() in word for word in words):
            found[pid] = _kind(words)
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= dict.fromkeys(more, "runsc others")
    return found


def _kind(words: list[bytes]) -> str:
    name = words[0].rsplit(b"/", 1)[-1].decode()
    if name == "runsc":  # the shim keeps one to learn the exit code
        return "runsc wait" if b"wait" in words else "runsc others"
    return {"containerd-shim-runsc-v1": "shim"}.get(name, name.replace("runsc-", "runsc "))
