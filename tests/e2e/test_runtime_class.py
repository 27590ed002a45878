"""The main stories once more, by the runtime class `runc`, with containerd and runc as Debian ships them.

What the two classes share is imported from where it is told first; what differs stands here, and in the table
of docs/runtime-classes.md.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import test_capabilities as capabilities
from tests.e2e import test_containers as containers
from tests.e2e import test_kills as kills
from tests.e2e import test_memory_limits as memory
from tests.e2e import test_system_controls as controls
from tests.installation import PROGRAMS, Installation, shell, until
from tests.installation_fixture import SHARED_KERNEL, start_installation
from tests.security import test_walls as walls
from tests.task_processes import processes_of, read_arguments

pytestmark = [pytest.mark.real, pytest.mark.long]

ROUNDS = 2  # the long form is of the other class (test_kills)

tried = walls.tried
test_an_attempt_is_refused = walls.test_it_is_refused
test_no_file_of_the_host_is_seen = walls.test_no_file_of_the_host_is_seen
test_no_port_of_the_host_is_reached = walls.test_no_port_of_the_host_is_reached
test_no_process_of_the_host_is_seen = walls.test_no_process_of_the_host_is_seen
test_one_task_does_not_see_another_ones_file = walls.test_one_task_does_not_see_another_ones_file
test_privileges_cannot_be_gained = walls.test_privileges_cannot_be_gained
test_the_process_finds_its_environment = containers.test_the_process_finds_its_environment
test_the_sets_inside_are_the_computed_ones = capabilities.test_the_sets_inside_are_the_computed_ones
test_user_and_limits_are_as_asked = containers.test_user_and_limits_are_as_asked
test_a_read_only_root_refuses_writes = containers.test_a_read_only_root_refuses_writes
test_a_terminal_is_there_when_asked_for = containers.test_a_terminal_is_there_when_asked_for
test_a_stopped_task_has_every_time_and_reason = containers.test_a_stopped_task_has_every_time_and_reason
test_what_ignores_the_signal_is_killed = containers.test_what_ignores_the_signal_is_killed_after_its_timeout
test_containers_share_localhost = containers.test_containers_share_localhost_and_start_in_order
test_an_interactive_one_waits = containers.test_an_interactive_container_waits_for_input_and_no_other_does
test_an_init_reaps = containers.test_an_init_reaps_what_its_children_leave
test_a_container_over_its_memory_ends_alone = memory.test_a_container_over_its_hard_memory_ends_alone
test_a_system_control_takes_effect = controls.test_what_can_be_changed_is
test_a_task_over_its_memory_ends = memory.test_a_task_over_its_memory_ends_and_its_neighbour_does_not_notice


@pytest.fixture(scope="module")
def bastide() -> Iterator[Installation]:
    """An installation of the class, with Debian's containerd and runc."""
    yield from start_installation("brunc", **SHARED_KERNEL)


def test_a_task_runs_and_says_by_what(bastide: Installation) -> None:
    arn = bastide.register("says", shell("app", "uname -r; exec sleep 1000", stopTimeout=2))
    task = bastide.run_task(arn)[0]
    running = bastide.wait(task, "RUNNING")
    assert {"name": "bastide.runtime", "value": "runc"} in running["attributes"]
    stream = f"t/app/{task.rsplit('/', 1)[-1]}"
    assert until(lambda: bastide.log_lines(stream)) == [os.uname().release]
    bastide.stop(task)
    assert until(lambda: bastide.leftovers() == [])


def test_status_and_doctor_say_that_the_kernel_is_shared(bastide: Installation) -> None:
    status = bastide.bastide("status")
    assert "runtime: runc 1." in status and "kernel is shared" in status
    assert "runc: started, ran and gone" in bastide.bastide("doctor", timeout_s=180)


def test_it_is_refused_until_the_shared_kernel_is_agreed_to(bastide: Installation) -> None:
    environment = {k: v for k, v in bastide.environment.items() if k != "BASTIDE_ALLOW_SHARED_KERNEL"}
    done = subprocess.run([PROGRAMS / "bastide", "up"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "--allow-shared-kernel" in done.stderr


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("sh -c 'kill -SEGV $$'; exit $?", 139)])
def test_the_exit_code_is_the_process_own(bastide: Installation, script: str, code: int) -> None:
    task = bastide.run_task(bastide.register("exit-code", shell("app", script)))[0]
    assert bastide.wait(task, "STOPPED")["containers"][0]["exitCode"] == code


def test_each_container_has_its_weight_and_the_task_its_quota(bastide: Installation) -> None:
    script = "cat /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu.weight 2>/dev/null"
    seen = containers.output_of(bastide, "weight", shell("app", script, cpu=100))
    assert seen[0] in ("100", "4")  # v1's share, or the weight that runc makes of it on v2


def test_the_end_of_the_sandbox_ends_the_task_and_leaves_nothing(bastide: Installation) -> None:
    """No kernel ends the containers with it, so the agent does."""
    task = bastide.run_task(bastide.register("orphan", shell("app", "exec sleep 777", log=False)))[0]
    bastide.wait(task, "RUNNING")
    os.kill(find_pause(task), signal.SIGKILL)
    stopped = bastide.wait(task, "STOPPED")
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["containers"][0]["reason"].startswith("ContainerRuntimeError: ")
    assert until(lambda: bastide.leftovers() == [])
    assert not any(words[:2] == [b"sleep", b"777"] for words in read_arguments().values())


def test_another_class_is_refused_while_tasks_run(bastide: Installation) -> None:
    task = bastide.run_task(bastide.register("stays", shell("app", "exec sleep 1000", stopTimeout=2)))[0]
    bastide.wait(task, "RUNNING")
    bastide.bastide("down")
    try:
        other = bastide.environment | {"BASTIDE_RUNTIME": "gvisor", "BASTIDE_RUNTIME_FOLDER": ""}
        done = subprocess.run([PROGRAMS / "bastide", "up"], env=other, capture_output=True, text=True)
        assert done.returncode == 1
        assert "runtime class runc" in done.stderr and "down --stop-tasks" in done.stderr
    finally:
        bastide.up()
    assert bastide.wait(task, "RUNNING")
    bastide.stop(task)


def test_killed_at_random_moments_nothing_is_lost(bastide: Installation) -> None:
    kills.play(bastide, ROUNDS)


def find_pause(task: str) -> int:
    """The process that owns the task's namespaces, a child of the task's shim."""
    (shim,) = processes_of(task, "runc shim")
    children = Path(f"/proc/{shim}/task").glob("*/children")
    pids = [int(pid) for path in children for pid in path.read_text().split()]
    return next(pid for pid in pids if Path(f"/proc/{pid}/comm").read_text() == "pause\n")
