"""Control groups in memory. Held to the real ones by tests/contract, but for what a limit does."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from bastide.host.ports import Cgroups, Limits, TaskCpu
from bastide.model.faults import NotFound


class FakeCgroups(Cgroups):
    """`limits` by task id; `narrow`: tasks with a CPU quota; a test sets `oom_kills` and `held_bytes`."""

    def __init__(self) -> None:
        self.limits: dict[str, Limits] = {}
        self.narrow: set[str] = set()
        self.oom_kills: dict[str, int] = {}
        self.held_bytes: dict[str, int] = {}
        self.cpu: dict[str, TaskCpu] = {}
        self.sorted: dict[str, set[str]] = {}
        self.caps: dict[str, dict[str, int | None]] = {}
        self.oom_victims: frozenset[str] = frozenset()

    async def ensure_cgroup(self, task_id: str, limits: Limits) -> str:
        self.limits[task_id] = limits
        self.narrow.discard(task_id)
        self.sorted.pop(task_id, None)
        self.caps.pop(task_id, None)
        return f"/fake/{task_id}"

    async def ensure_cpu_quota(self, task_id: str, limits: Limits) -> None:
        if task_id not in self.limits:
            raise NotFound("cgroup", task_id)
        self.narrow.add(task_id)

    async def remove_cgroup(self, task_id: str) -> None:
        self.limits.pop(task_id, None)
        self.narrow.discard(task_id)

    async def read_cgroups(self) -> set[str]:
        return set(self.limits)

    async def read_cpu(self, task_id: str) -> TaskCpu | None:
        if task_id not in self.limits:
            return None
        idle = TaskCpu(periods=0, held_back=0, used_us=0)
        containers = dict.fromkeys(self.sorted.get(task_id, ()), 0)
        caps = {name: cap for name, cap in self.caps.get(task_id, {}).items() if cap is not None}
        return replace(self.cpu.get(task_id, replace(idle, containers=containers)), caps=caps)

    async def sort_processes(self, task_id: str, roots: Mapping[str, tuple[Path, int]]) -> None:
        if task_id not in self.limits:
            raise NotFound("cgroup", task_id)
        self.sorted[task_id] = set(roots)

    async def cap_containers(self, task_id: str, caps: Mapping[str, int | None]) -> None:
        self.caps[task_id] = dict(caps)

    async def read_held_bytes(self, floors: Mapping[str, int]) -> dict[str, int]:
        return {each: self.held_bytes.get(each, 0) for each in floors if each in self.limits}

    async def read_oom_kills(self, task_id: str) -> int:
        return self.oom_kills.get(task_id, 0) if task_id in self.limits else 0

    async def read_oom_victims(self, task_id: str) -> frozenset[str]:
        return self.oom_victims if task_id in self.limits else frozenset()
