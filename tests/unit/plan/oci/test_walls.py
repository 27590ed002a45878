"""What each runtime class makes of the same task."""

from typing import Any

import pytest
from msgspec.structs import replace

from bastide.model.assignment import Ulimit
from bastide.model.status import RuntimeClass
from bastide.plan.oci.seccomp import ALWAYS, plan_seccomp
from bastide.plan.oci.spec import render_container_spec, render_pause_spec, sandbox_id
from bastide.plan.oci.walls import WALLS
from tests.unit.plan.oci.test_spec import APP, IMAGE, PREPARED, ROOT, TASK_ID, assignment

RUNC = replace(PREPARED, runtime=RuntimeClass.RUNC, sandbox_pid=77)
LIMITED = replace(APP, cpu_units=64, memory_mib=128)


def pause(prepared: Any) -> dict[str, Any]:
    return render_pause_spec(assignment(LIMITED), prepared, program="/pause")


def container(prepared: Any, **fields: Any) -> dict[str, Any]:
    return render_container_spec(assignment(LIMITED), replace(LIMITED, **fields), IMAGE, ROOT, prepared)


def namespaces(spec: dict[str, Any]) -> dict[str, str | None]:
    return {each["type"]: each.get("path") for each in spec["linux"]["namespaces"]}


def test_every_class_has_a_wall() -> None:
    assert set(WALLS) == set(RuntimeClass)


def test_with_a_shared_kernel_containers_join_what_the_sandbox_owns() -> None:
    net = PREPARED.netns
    own = dict.fromkeys(("pid", "ipc", "uts", "mount", "cgroup"))
    assert namespaces(pause(RUNC)) == {**own, "network": net}
    joined = {"ipc": "/proc/77/ns/ipc", "uts": "/proc/77/ns/uts", "network": net}
    assert namespaces(container(RUNC)) == {**own, **joined}


def test_gvisors_containers_find_their_sandbox_without_the_kernel() -> None:
    assert {path for path in namespaces(container(PREPARED)).values() if path} == {PREPARED.netns}
    assert "cgroupsPath" not in container(PREPARED)["linux"]
    assert "seccomp" not in container(PREPARED)["linux"]


def test_each_container_of_a_shared_kernel_has_a_group_below_the_tasks() -> None:
    assert pause(RUNC)["linux"]["cgroupsPath"] == f"{PREPARED.cgroup}/{sandbox_id(TASK_ID)}"
    linux = container(RUNC)["linux"]
    assert linux["cgroupsPath"] == f"{PREPARED.cgroup}/{APP.runtime_id}"
    assert linux["resources"]["memory"] == {"limit": 128 << 20, "swappiness": 0}
    assert linux["resources"]["cpu"] == {"shares": 64}
    assert "memory" not in container(RUNC, memory_mib=None)["linux"]["resources"]


def test_gvisors_sandbox_holds_the_limits_of_the_whole_task() -> None:
    linux = pause(PREPARED)["linux"]
    assert linux["cgroupsPath"] == PREPARED.cgroup
    assert linux["resources"]["memory"] == {"limit": 512 << 20}
    assert linux["resources"]["cpu"] == {"shares": 256, "quota": 25_000, "period": 100_000}


@pytest.mark.parametrize("prepared", [PREPARED, RUNC])
def test_no_class_lets_a_container_have_a_device_or_see_what_docker_hides(prepared: Any) -> None:
    for spec in (pause(prepared), container(prepared)):
        assert spec["linux"]["resources"]["devices"] == [{"allow": False, "access": "rwm"}]
        assert "/proc/kcore" in spec["linux"]["maskedPaths"]
        assert "/proc/sys" in spec["linux"]["readonlyPaths"]


def test_the_machines_processes_are_counted_as_the_class_uses_them() -> None:
    task = assignment(LIMITED)
    assert WALLS[RuntimeClass.RUNC].plan_pids(task, pids_max=100) == 101
    assert WALLS[RuntimeClass.GVISOR].plan_pids(task, pids_max=100) > 300


def test_a_shared_kernel_counts_a_user_over_all_tasks_so_nproc_is_only_set_if_asked_for() -> None:
    asked = (Ulimit(name="nproc", soft=10, hard=20),)
    assert "RLIMIT_NPROC" not in rlimits(container(RUNC))
    assert rlimits(container(RUNC, ulimits=asked))["RLIMIT_NPROC"] == (10, 20)
    assert rlimits(container(PREPARED))["RLIMIT_NPROC"] == (32768, 32768)


def rlimits(spec: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["type"]: (each["soft"], each["hard"]) for each in spec["process"]["rlimits"]}


def allowed(capabilities: tuple[str, ...]) -> set[str]:
    rules = plan_seccomp(capabilities, machine="x86_64")["syscalls"]
    whole = [rule for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" and not rule["args"]]
    return {name for rule in whole for name in rule["names"]}


@pytest.mark.parametrize(
    "name",
    [
        *("mount", "umount2", "pivot_root", "unshare", "setns", "move_mount", "fsopen", "open_by_handle_at"),
        *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "keyctl", "add_key", "request_key"),
        *("init_module", "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "syslog"),
        *("settimeofday", "clock_settime", "sethostname", "iopl", "ioperm", "acct", "quotactl", "clone3"),
    ],
)
def test_what_reaches_beyond_a_container_passes_no_filter(name: str) -> None:
    assert name not in allowed(("CAP_SYS_CHROOT", "CAP_SYS_PTRACE"))


def test_some_calls_take_a_capability() -> None:
    assert "chroot" in allowed(("CAP_SYS_CHROOT",)) and "chroot" not in allowed(())
    assert "pidfd_getfd" in allowed(("CAP_SYS_PTRACE",)) and "pidfd_getfd" not in allowed(())


def test_names_stand_once_and_the_filter_is_the_machines() -> None:
    assert len(ALWAYS) == len(set(ALWAYS))
    assert plan_seccomp((), machine="aarch64")["architectures"][0] == "SCMP_ARCH_AARCH64"
