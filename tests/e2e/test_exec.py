"""Commands in a task's containers by `aws ecs execute-command` and the real plugin, at a pseudo terminal."""

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from installing.development import find_program

from tests.cable import Cable
from tests.containerd_fixture import skip_real
from tests.installation import LOG_GROUP, PROGRAMS, Installation, shell, until
from tests.terminal import Terminal

pytestmark = pytest.mark.real

PROMPT = r"[#$] "
CTRL_C, CTRL_Z, ESCAPE = 3, 26, 27
UP = "\x1b[A"
SESSIONS = 20
FLOOD_MIB = 6  # before base64 makes 8 of them; benchmarks/exec.py sends 100
MIB = 1024 * 1024

Execute = Callable[..., Terminal]


@pytest.fixture(scope="module")
def task(bastide: Installation) -> Iterator[str]:
    """A task that nobody can reach and that reaches nobody: its security group is shut both ways."""
    ec2 = bastide.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="shut", Description="shut", VpcId=vpc)["GroupId"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    definition = bastide.register(
        "looked-into",
        shell("app", "exec sleep 1000", user="1000", environment=[{"name": "COLOUR", "value": "blue"}]),
        shell("frozen", "exec sleep 1000", log=False, readonlyRootFilesystem=True),
        taskRoleArn="arn:aws:iam::000000000000:role/task",
    )
    started = bastide.run_task(definition, enableExecuteCommand=True, groups=[group])[0]
    bastide.wait(started, "RUNNING")
    yield started
    bastide.stop(started)
    ec2.delete_security_group(GroupId=group)


@pytest.fixture
def execute(bastide: Installation, task: str) -> Iterator[Execute]:
    """`aws ecs execute-command` at a terminal, or the plugin alone where the CLI would add nothing."""
    plugin = find_program("session-manager-plugin")
    if not plugin.exists():
        skip_real("the plugin is not built: tools/setup --dev")
    authority = bastide.folder / "data" / bastide.instance / "server" / "tls" / "ca.pem"
    environment = bastide.environment | {"PATH": f"{plugin.parent}:{os.environ['PATH']}"}
    environment["SSL_CERT_FILE"] = str(authority)
    opened: list[Terminal] = []

    def by_cli(command: str, *, container: str = "app") -> Terminal:
        chosen = ("--task", task, "--container", container, "--command", command)
        argv = (str(PROGRAMS / "aws"), "ecs", "execute-command", "--interactive", *chosen)
        opened.append(Terminal(argv, environment))
        return opened[-1]

    def by_plugin(command: str, where: str) -> Terminal:
        answer = bastide.client("ecs").execute_command(
            task=task, container="app", command=command, interactive=True
        )
        target = json.dumps({"Target": "ecs:default_0_0"})
        endpoint = environment["AWS_ENDPOINT_URL"]
        own = endpoint.replace("http", "ws")
        session = json.dumps(answer["session"]).replace(own, where or own)
        argv = (str(plugin), session, environment["AWS_REGION"], "StartSession", "", target, endpoint)
        opened.append(Terminal(argv, environment))
        return opened[-1]

    def run(command: str, *, container: str = "app", where: str | None = None) -> Terminal:
        return by_cli(command, container=container) if where is None else by_plugin(command, where)

    yield run
    for terminal in opened:
        terminal.close()


def sessions_of(bastide: Installation, state: str) -> list[dict[str, Any]]:
    return list(bastide.client("ssm").describe_sessions(State=state)["Sessions"])


def stop_a_job(terminal: Terminal) -> None:
    """Ctrl-Z, as the shell tells of it, and the shell goes on."""
    terminal.type("echo st''art; sleep 1000\r")
    terminal.read_until("start")
    time.sleep(0.5)
    terminal.press(CTRL_Z)
    terminal.read_until(r"Stopped +sleep 1000\r+\n")
    terminal.type("kill -9 %1; wait; echo ki''lled\r")
    terminal.read_until(r"\nkilled\r+\n")


def edit_in_vi(terminal: Terminal) -> None:
    """A full screen: it is drawn in its own buffer and given back, and every key has its meaning."""
    terminal.type("vi /tmp/note\r")
    terminal.read_until(r"\x1b\[\?1049h.*/tmp/note 1/1")
    terminal.type("ione\rtwo")
    terminal.read_until(r"2/2")
    terminal.press(ESCAPE)
    terminal.read_until(r"- /tmp/note \[Modified\] 2/2")
    terminal.type(UP)
    terminal.read_until(r"1/2")
    terminal.type("x:wq\r")
    terminal.read_until(r"\x1b\[\?1049l")
    terminal.type("cat /tmp/note\r")
    terminal.read_until(r"\non\r+\ntwo\r+\n")


def test_a_shell_is_used_as_at_a_terminal(bastide: Installation, task: str, execute: Execute) -> None:
    container, frozen = bastide.describe(task)[0]["containers"]
    assert container["managedAgents"][0]["lastStatus"] == "RUNNING"
    assert frozen["managedAgents"][0]["lastStatus"] == "STOPPED"
    terminal = execute("sh")
    session = terminal.read_until(r"Starting session with SessionId: (\S+)")[1].decode()
    assert re.fullmatch("ecs-execute-command-[0-9a-f]{17}", session)
    terminal.read_until(PROMPT)
    terminal.type("id -u; echo $COLOUR; stty size\r")
    terminal.read_until(r"\s0\r+\nblue\r+\n30 100\r+\n")
    terminal.resize(132, 50)
    terminal.type("while ! stty size | grep '50 132'; do sleep 0.1; done\r")
    terminal.read_until(r"\n50 132\r+\n")
    terminal.read_until(PROMPT)
    terminal.type("sleep 1000; echo ne''ver\r")
    time.sleep(0.5)
    terminal.press(CTRL_C)
    terminal.read_until(PROMPT)  # what is typed before the signal is heard goes with it
    terminal.type("echo af''ter\r")
    assert b"\nnever" not in terminal.read_until(r"\nafter\r+\n").string
    assert sessions_of(bastide, "Active")[0]["SessionId"] == session
    stop_a_job(terminal)
    edit_in_vi(terminal)
    terminal.type("exit 3\r")
    terminal.read_until("Exiting session with sessionId: " + session)
    assert terminal.wait() == 0
    ended = until(lambda: [s for s in sessions_of(bastide, "History") if s["SessionId"] == session])[0]
    assert (ended["Status"], ended["Owner"]) == ("Terminated", "arn:aws:iam::000000000000:root")
    assert any("after" in line for line in bastide.log_lines(session, group=LOG_GROUP))


def test_a_command_by_itself_and_one_that_is_not_there(bastide: Installation, execute: Execute) -> None:
    terminal = execute("sh -c 'echo one \"two  three\"'")
    terminal.read_until(r"\none two  three\r+\n")
    assert terminal.wait() == 0
    secure = bastide.environment["AWS_ENDPOINT_URL"].replace("http", "wss")
    terminal = execute("/nonexistent", where=secure)
    terminal.read_until("Unable to start command.*nonexistent")
    assert terminal.wait() == 0


def test_a_read_only_root_is_refused(execute: Execute) -> None:
    terminal = execute("sh", container="frozen")
    terminal.read_until("InvalidParameterException.*agent isn.{1,3}t running")
    assert terminal.wait() != 0


def test_a_lost_connection_is_taken_up_again(bastide: Installation, execute: Execute) -> None:
    cable = Cable(int(bastide.environment["BASTIDE_PORT"]))
    try:
        terminal = execute("sh", where=f"ws://127.0.0.1:{cable.port}")
        terminal.read_until(PROMPT)
        terminal.type("for n in 1 2 3 4 5 6 7 8; do echo lin''e-$n; sleep 0.3; done\r")
        terminal.read_until("line-2")
        cable.cut()
        for number in range(3, 9):
            terminal.read_until(f"line-{number}")
        terminal.type("exit\r")
        assert terminal.wait() == 0
    finally:
        cable.close()


def test_twenty_at_once_and_a_flood_among_them(bastide: Installation, task: str, execute: Execute) -> None:
    """The plugin that is killed leaves no process; the others notice nothing."""
    killed = execute("sh -c 'echo begun; exec sleep 777'", where="")
    killed.read_until("begun")
    killed.process.send_signal(signal.SIGKILL)
    killed_at = time.monotonic()
    terminals = [execute("sh", where="") for _ in range(SESSIONS - 1)]
    for number, terminal in enumerate(terminals):
        terminal.read_until(PROMPT)
        terminal.type(f"echo num''ber-{number}-\r")
    for number, terminal in enumerate(terminals):
        terminal.read_until(f"number-{number}-")
    first, *others = terminals
    first.type(f"stty -opost; head -c {FLOOD_MIB}m /dev/urandom | base64 >/tmp/flood; md5sum /tmp/flood\r")
    digest = first.read_until(r"\n([0-9a-f]{32}) ")[1]
    first.type("echo be''gin; cat /tmp/flood; exit\r")
    first.read_until(r"\nbegin\r*\n")
    flood = first.read_all(timeout_s=60).replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"
    assert len(flood) > FLOOD_MIB * MIB
    assert hashlib.md5(flood).hexdigest().encode() == digest
    assert first.wait() == 0
    sleeping = "grep -cs 'sleep.77[7]' /proc/[0-9]*/cmdline | grep -c :1"
    others[0].type(f"while [ $({sleeping}) != 0 ]; do sleep 0.2; done; echo go''ne\r")
    others[0].read_until("gone", timeout_s=40)
    assert time.monotonic() - killed_at < 40
    for terminal in others:
        terminal.type("exit\r")
    assert [terminal.wait() for terminal in others] == [0] * len(others)
    assert until(lambda: not sessions_of(bastide, "Active"), timeout_s=10)
