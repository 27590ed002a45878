"""What goes wrong is said in ECS's words, and the others go on."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.contract.images.archives import oci_members, write
from tests.installation import CommandError, Installation, shell, until

pytestmark = [pytest.mark.real, pytest.mark.long]


def test_a_registry_that_nobody_has_cannot_be_pulled_from(bastide: Installation) -> None:
    arn = bastide.register("no-registry", shell("app", "true") | {"image": "nowhere.invalid/nothing:1"})
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith(
        "CannotPullContainerError: pull image manifest has been retried"
    )
    assert "failed to resolve ref nowhere.invalid/nothing:1: failed to do request" in stopped["stoppedReason"]
    assert "exitCode" not in stopped["containers"][0]


def test_a_program_that_is_not_there_cannot_be_started(bastide: Installation) -> None:
    arn = bastide.register("no-program", shell("app", "") | {"command": ["/no/such/program"]})
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stopCode"] == "TaskFailedToStart"
    reason = stopped["stoppedReason"]
    assert reason.startswith(("CannotStartContainerError: ", "CannotCreateContainerError: "))
    assert "/no/such/program" in reason


def test_a_user_that_does_not_exist_cannot_be_started(bastide: Installation) -> None:
    arn = bastide.register("no-user", shell("app", "true", user="nobody-knows"))
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("CannotCreateContainerError: ")
    assert "unable to find user nobody-knows" in stopped["stoppedReason"]


def test_a_task_that_no_host_is_large_enough_for_is_refused_at_once(bastide: Installation) -> None:
    arn = bastide.register("giant", shell("app", "true"), cpu="16384", memory="122880")
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("Capacity is unavailable at this time.")
    assert "exitCode" not in stopped["containers"][0]


def test_a_log_group_that_does_not_exist_stops_the_task(bastide: Installation) -> None:
    container = shell("app", "true")
    options = {**container["logConfiguration"]["options"], "awslogs-group": "/nobody/made/this"}
    options["awslogs-create-group"] = "false"
    container["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    arn = bastide.register("no-group", container)
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("ResourceInitializationError: failed to validate logger args")


def test_a_corrupt_archive_is_refused_and_leaves_nothing(bastide: Installation, tmp_path: Path) -> None:
    before = bastide.bastide("image", "list")
    broken = tmp_path / "broken.tar"
    broken.write_bytes(os.urandom(100_000))
    with pytest.raises(CommandError, match=r"broken\.tar"):
        bastide.bastide("image", "import", str(broken))
    assert bastide.bastide("image", "list") == before


def test_an_image_whose_content_is_damaged_cannot_be_pulled(bastide: Installation, tmp_path: Path) -> None:
    members = oci_members([{"hello": "there"}], name="damaged:1")
    bastide.bastide("image", "import", str(write(tmp_path / "damaged.tar", members)))
    store = bastide.folder / "data" / bastide.instance / "containerd"
    configs = [path for path in store.rglob("blobs/sha256/*") if b'"rootfs"' in path.read_bytes()[:4096]]
    damaged = [path for path in configs if f"blobs/sha256/{path.name}" in members]
    for path in damaged:
        path.write_bytes(b"\0" * path.stat().st_size)
    arn = bastide.register("damaged", shell("app", "true") | {"image": "damaged:1"})
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert len(damaged) == 1
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("CannotPullContainerError: ")
    assert damaged[0].name in stopped["stoppedReason"]


def test_a_full_disk_stops_the_task_and_spares_the_others(bastide: Installation) -> None:
    arn = bastide.register("full", shell("app", "while true; do sleep 0.1; done", log=False, stopTimeout=2))
    running = bastide.run_task(arn)[0]
    bastide.wait(running, "RUNNING")
    disks = bastide.folder / "data" / bastide.instance / "agent" / "disks"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disks], check=True)
    try:
        stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
        assert bastide.describe(running)[0]["lastStatus"] == "RUNNING"
    finally:
        subprocess.run(["umount", disks], check=True)
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("ResourceInitializationError: disk: No space left on device")
    after = bastide.run_task(arn)[0]
    bastide.wait(after, "RUNNING")
    bastide.stop(running, after)


def test_a_containerd_that_hangs_fails_what_starts_and_spares_what_runs(bastide: Installation) -> None:
    arn = bastide.register("hang", shell("app", "while true; do sleep 0.1; done", stopTimeout=2))
    running = bastide.run_task(arn)[0]
    bastide.wait(running, "RUNNING")
    pid = bastide.pid("containerd")
    os.kill(pid, signal.SIGSTOP)
    try:
        starting = bastide.run_task(arn)[0]
        stopped = bastide.wait(starting, "STOPPED", timeout_s=150)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith("ContainerRuntimeTimeoutError: Could not transition to")
    assert bastide.describe(running)[0]["lastStatus"] == "RUNNING"
    after = bastide.run_task(arn)[0]
    bastide.wait(after, "RUNNING")
    bastide.stop(running, after)


def test_no_line_is_lost_while_the_server_is_down(bastide: Installation) -> None:
    script = "n=0; while [ $n -lt 3000 ]; do echo line $n; n=$((n+1)); done; sleep 3; echo end; sleep 1000"
    arn = bastide.register("lines", shell("app", "sleep 2; " + script, stopTimeout=2))
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "RUNNING")
    os.kill(bastide.pid("server"), signal.SIGKILL)
    until(lambda: not bastide.is_up("server"))
    until(lambda: "end" in bastide.buffered_text(task), timeout_s=30)
    bastide.up()
    stream = f"t/app/{task.rsplit('/', 1)[-1]}"
    lines = until(lambda: (got := bastide.log_lines(stream)) and got[-1] == "end" and got)
    assert lines == [*(f"line {n}" for n in range(3000)), "end"]
    bastide.stop(task)
