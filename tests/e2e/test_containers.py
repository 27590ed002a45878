"""What a task definition says of a container is what its process finds."""

import os
import re
import signal
from typing import Any

import pytest

from tests.installation import Installation, shell, until

pytestmark = pytest.mark.real


def output_of(bastide: Installation, family: str, container: dict[str, Any], **fields: Any) -> list[str]:
    """Run one container to its end; the lines it wrote."""
    arn = bastide.register(family, container, **fields)
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    return bastide.log_lines(f"t/{container['name']}/{task.rsplit('/', 1)[-1]}")


def test_the_process_finds_its_environment(bastide: Installation) -> None:
    container = shell(
        "app", "env; pwd", environment=[{"name": "COLOUR", "value": "blue"}], workingDirectory="/var"
    )
    lines = output_of(bastide, "environment", container)
    assert {"COLOUR=blue", "AWS_EXECUTION_ENV=AWS_ECS_FARGATE", "AWS_REGION=us-east-1", "/var"} <= set(lines)
    assert any(re.fullmatch(r"HOSTNAME=ip-172-31-\d+-\d+\.ec2\.internal", line) for line in lines)


def test_the_process_sees_the_size_of_its_task(bastide: Installation) -> None:
    script = "nproc; grep MemTotal /proc/meminfo; df -k / | tail -1; cat /proc/sys/kernel/hostname"
    lines = output_of(bastide, "size", shell("app", script), cpu="1024", memory="2048")
    assert int(lines[0]) == min(2, os.cpu_count() or 1)  # gVisor shows two CPUs at the least
    total_kib = int(lines[1].split()[1])
    assert total_kib <= 2048 * 1024
    disk_kib = int(lines[2].split()[1])
    assert 19 * 1024 * 1024 < disk_kib <= 20 * 1024 * 1024


def test_user_and_limits_are_as_asked(bastide: Installation) -> None:
    container = shell(
        "app",
        "id -u; id -g; ulimit -n",
        user="1000:1001",
        ulimits=[{"name": "nofile", "softLimit": 77, "hardLimit": 99}],
    )
    assert output_of(bastide, "user", container) == ["1000", "1001", "77"]


def test_a_user_is_named_in_six_ways(bastide: Installation) -> None:
    """By the image's own passwd and group files."""
    asked = {"1000": "1000 1000 2000", "demo": "1000 1000 2000", "1234": "1234 0"}
    asked |= {"demo:web": "1000 2000", "1000:5": "1000 5", "77:web": "77 2000", "demo:5": "1000 5"}
    containers = [
        shell(f"u{at}", "echo $(id -u) $(id -G)", essential=False, user=user) for at, user in enumerate(asked)
    ]
    waits = [{"containerName": each["name"], "condition": "COMPLETE"} for each in containers]
    arn = bastide.register("users", *containers, shell("last", "true", dependsOn=waits))
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    name = task.rsplit("/", 1)[-1]
    found = {user: bastide.log_lines(f"t/u{at}/{name}") for at, user in enumerate(asked)}
    assert found == {user: [words] for user, words in asked.items()}


def test_a_read_only_root_refuses_writes(bastide: Installation) -> None:
    container = shell("app", "touch /new 2>&1 || echo refused", readonlyRootFilesystem=True)
    assert output_of(bastide, "readonly", container)[-1] == "refused"


def test_a_terminal_is_there_when_asked_for(bastide: Installation) -> None:
    container = shell("app", "[ -t 0 ] && [ -t 1 ] && echo terminal; echo $TERM", pseudoTerminal=True)
    lines = [line.strip() for line in output_of(bastide, "tty", container)]
    assert lines == ["terminal", "xterm"]


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)]
)
def test_the_exit_code_is_the_process_own(bastide: Installation, script: str, code: int) -> None:
    arn = bastide.register("exit-code", shell("app", script))
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["stoppedReason"] == "Essential container in task exited"
    assert stopped["containers"][0]["exitCode"] == code


def test_a_stopped_task_has_every_time_and_reason(bastide: Installation) -> None:
    arn = bastide.register(
        "stopping", shell("app", "trap 'echo told; exit 5' TERM; while true; do sleep 0.1; done")
    )
    task = bastide.run_task(arn)[0]
    running = bastide.wait(task, "RUNNING")
    assert running["containers"][0]["networkInterfaces"][0]["privateIpv4Address"].startswith("172.31.")
    bastide.stop(task, reason="enough")
    stopped = bastide.describe(task)[0]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    assert stopped["containers"][0]["exitCode"] == 5
    times = [
        *("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt"),
        *("stoppingAt", "executionStoppedAt", "stoppedAt"),
    ]
    assert [name for name in times if name not in stopped] == []
    assert [stopped[name] for name in times] == sorted(stopped[name] for name in times)


def test_what_ignores_the_signal_is_killed_after_its_timeout(bastide: Installation) -> None:
    arn = bastide.register(
        "stubborn", shell("app", "trap '' TERM; while true; do sleep 0.1; done", stopTimeout=2)
    )
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "RUNNING")
    bastide.stop(task)
    assert bastide.describe(task)[0]["containers"][0]["exitCode"] == 137


def test_containers_share_localhost_and_start_in_order(bastide: Installation) -> None:
    serve = "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp"
    server = shell("server", serve, essential=False, stopTimeout=2)
    client = shell(
        "client",
        "until wget -qO- http://localhost/ 2>/dev/null; do sleep 0.1; done",
        dependsOn=[{"containerName": "server", "condition": "START"}],
    )
    arn = bastide.register("localhost", client, server)
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    assert bastide.log_lines(f"t/client/{task.rsplit('/', 1)[-1]}") == ["hello"]


def test_the_disk_is_the_tasks_own_and_full_means_enospc(bastide: Installation) -> None:
    script = (
        "fallocate -l 20G /most; dd if=/dev/zero of=/rest bs=1M count=4000 2>&1"
        " | grep -o 'No space left on device'; rm /most /rest; echo on"
    )
    arn = bastide.register("disk", shell("app", script), memory="1024")
    task = bastide.run_task(arn, overrides={"ephemeralStorage": {"sizeInGiB": 21}})[0]
    bastide.wait(task, "STOPPED", timeout_s=240)
    assert bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}") == ["No space left on device", "on"]


def test_an_interactive_container_waits_for_input_and_no_other_does(bastide: Installation) -> None:
    script = "if read line; then echo got; else echo end; fi"
    assert output_of(bastide, "not-interactive", shell("app", script)) == ["end"]
    arn = bastide.register(
        "interactive", shell("app", f"echo begun; {script}", interactive=True, stopTimeout=2)
    )
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "RUNNING")
    os.kill(bastide.pid("agent"), signal.SIGKILL)
    until(lambda: not bastide.is_up("agent"))
    bastide.up()
    assert bastide.wait(task, "RUNNING")["desiredStatus"] == "RUNNING"
    bastide.stop(task)
    assert bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}") == ["begun"]


def test_an_init_reaps_what_its_children_leave(bastide: Installation) -> None:
    script = (
        "(sh -c 'sleep 0.1 & exit' &); sleep 1; grep -l 'State:.*Z' /proc/[0-9]*/status; cat /proc/1/comm"
    )
    container = shell("app", script, linuxParameters={"initProcessEnabled": True})
    assert output_of(bastide, "init", container) == ["docker-init"]
