"""What the runtime class decides of a spec: namespaces, control group, limits, the filter of system calls.

gVisor's sandbox is one process to the kernel: the pause container's spec carries the whole task's limits, and
the containers inside have no namespace and no group that the kernel knows. With runc a container is held by
the kernel alone: each has a group of its own below the task's, whose limits the agent set already, and joins
the namespaces that the pause container's process owns.
"""

import posixpath
from collections.abc import Mapping
from typing import Any, Protocol

from bastide.model.assignment import Assignment, Container
from bastide.model.status import RuntimeClass
from bastide.plan.oci.mounts import READONLY_PATHS
from bastide.plan.oci.prepared import Prepared
from bastide.plan.oci.seccomp import plan_seccomp

CPU_PERIOD_US = 100_000
CPU_UNITS_PER_VCPU = 1024
CPU_SHARES_MIN = 2  # the kernel's; ECS passes it on for cpu 0
MIB = 1024 * 1024
SEEN_CPUS_MIN = 2  # gVisor shows no fewer
SANDBOX_THREADS = 1024  # many more than the sandbox and its file servers have for themselves
NO_DEVICES = [{"allow": False, "access": "rwm"}]  # but for the defaults, which the runtime adds

Part = dict[str, Any]
Pair = tuple[int, int]


class Wall(Protocol):
    """One class's part of the specs; each is the beginning of a spec's `linux`."""

    def plan_sandbox(self, assignment: Assignment, prepared: Prepared, identity: str) -> Part:
        """Of the pause container, whose id is `identity`."""

    def plan_container(
        self, assignment: Assignment, container: Container, prepared: Prepared, capabilities: tuple[str, ...]
    ) -> Part:
        """Of one of the task's containers, with these in its bounding set."""

    def plan_pids(self, assignment: Assignment, *, pids_max: int) -> int:
        """How many of the machine's processes the task's group may have, for `pids_max` inside."""

    def plan_nproc(self, asked: Pair | None, *, pids_max: int) -> dict[str, Pair]:
        """The container's `nproc`, soft and hard, if it is to have one."""


class GvisorWall:
    """Seccomp is left out: gVisor is the filter between task and kernel and loads no container's own."""

    def plan_sandbox(self, assignment: Assignment, prepared: Prepared, identity: str) -> Part:
        """The group of the task, and its limits: runsc reads the size the task is to see off them."""
        quota = assignment.cpu_units * CPU_PERIOD_US // CPU_UNITS_PER_VCPU
        cpu = {"shares": _shares(assignment.cpu_units), "quota": quota, "period": CPU_PERIOD_US}
        return {
            "namespaces": self._namespaces(assignment, prepared),
            "cgroupsPath": prepared.cgroup,
            "resources": {
                "devices": NO_DEVICES,
                "cpu": cpu,
                "memory": {"limit": assignment.memory_mib * MIB},
            },
        }

    def plan_container(
        self, assignment: Assignment, container: Container, prepared: Prepared, capabilities: tuple[str, ...]
    ) -> Part:
        """Within the sandbox, which finds its own by annotation."""
        return {
            "namespaces": self._namespaces(assignment, prepared),
            "resources": _container_limits(container),
        }

    def plan_pids(self, assignment: Assignment, *, pids_max: int) -> int:
        """The last resort, behind `nproc`, which the sandbox itself holds.

        To gVisor a process of the task is one of the host's for its system calls, and one more for each
        processor that the task sees.
        """
        seen_cpus = max(SEEN_CPUS_MIN, -(-assignment.cpu_units // CPU_UNITS_PER_VCPU))
        return pids_max * (1 + seen_cpus) + SANDBOX_THREADS

    def plan_nproc(self, asked: Pair | None, *, pids_max: int) -> dict[str, Pair]:
        """Always one, and none beyond the task's.

        gVisor counts a user's threads in all containers of the task, and lets nobody pass who has not a
        capability that no task gets: this is what stops a fork bomb with EAGAIN.
        """
        soft, hard = asked or (pids_max, pids_max)
        return {"nproc": (_within(soft, pids_max), _within(hard, pids_max))}

    def _namespaces(self, assignment: Assignment, prepared: Prepared) -> list[Part]:
        # Without one of its own a container has the sandbox's, where the pause program is process 1.
        pids = () if assignment.pid_mode == "task" else ("pid",)
        own = [{"type": kind} for kind in (*pids, "ipc", "uts", "mount")]
        return [*own, {"type": "network", "path": prepared.netns}]


class RuncWall:
    """The kernel's own means, all of them, since there is nothing else."""

    def plan_sandbox(self, assignment: Assignment, prepared: Prepared, identity: str) -> Part:
        """It owns IPC and UTS, and the network by its path."""
        own = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")]
        return {
            "namespaces": [*own, {"type": "network", "path": prepared.netns}],
            "cgroupsPath": posixpath.join(prepared.cgroup, identity),
            "resources": {"devices": NO_DEVICES, "cpu": {"shares": CPU_SHARES_MIN}},
            "seccomp": plan_seccomp((), machine=prepared.machine),
        }

    def plan_container(
        self, assignment: Assignment, container: Container, prepared: Prepared, capabilities: tuple[str, ...]
    ) -> Part:
        """Mounts, its view of the group and, without `pidMode: task`, processes are its own."""
        shared = ("ipc", "uts", "pid") if assignment.pid_mode == "task" else ("ipc", "uts")
        own = [{"type": kind} for kind in ("pid", "mount", "cgroup") if kind not in shared]
        joined = [{"type": kind, "path": f"/proc/{prepared.sandbox_pid}/ns/{kind}"} for kind in shared]
        limits = _container_limits(container)
        if "memory" in limits:
            limits["memory"]["swappiness"] = 0  # of v1: what does not fit is to end, not to be swapped out
        return {
            "namespaces": [*own, *joined, {"type": "network", "path": prepared.netns}],
            "cgroupsPath": posixpath.join(prepared.cgroup, container.runtime_id),
            "resources": limits,
            # runc mounts v1's controllers read-only, but the folder they are in for writing.
            "readonlyPaths": [*READONLY_PATHS, "/sys/fs/cgroup"],
            "seccomp": plan_seccomp(capabilities, machine=prepared.machine),
        }

    def plan_pids(self, assignment: Assignment, *, pids_max: int) -> int:
        """Just these, and the pause container's one."""
        return pids_max + 1

    def plan_nproc(self, asked: Pair | None, *, pids_max: int) -> dict[str, Pair]:
        """As asked: the kernel counts a user over all tasks, so a limit that nobody asked for hits others."""
        return {"nproc": asked} if asked else {}


WALLS: Mapping[RuntimeClass, Wall] = {RuntimeClass.GVISOR: GvisorWall(), RuntimeClass.RUNC: RuncWall()}


def _container_limits(container: Container) -> Part:
    limits: Part = {"devices": NO_DEVICES, "cpu": {"shares": _shares(container.cpu_units)}}
    if container.memory_mib is not None:
        limits["memory"] = {"limit": container.memory_mib * MIB}
    return limits


def _within(limit: int, most: int) -> int:
    return most if limit < 0 else min(limit, most)


def _shares(cpu_units: int) -> int:
    return max(CPU_SHARES_MIN, cpu_units)
