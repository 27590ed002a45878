"""A whole Bastide of the test's own, driven as a user drives it: by its program and the real aws CLI.

Instance name, ports and folders are its own, so that it disturbs no other installation and leaves nothing.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name

from tests import roles

PROGRAMS = Path(sys.executable).parent
IMAGE = "bastide-demo:latest"
LOG_GROUP = "/test"


class CommandError(AssertionError):
    """A command that should have worked did not; carries what it said."""


class Installation:
    """One instance. `up` before anything else, `remove` at the end."""

    def __init__(self, instance: str, folder: Path, settings: Mapping[str, str] = {}) -> None:
        self.instance = instance
        self.folder = folder
        self._clients: dict[str, Any] = {}
        self.environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BASTIDE_"))
            },
            "BASTIDE_INSTANCE": instance,
            "BASTIDE_DATA_ROOT": str(folder / "data"),
            "BASTIDE_RUN_ROOT": str(folder / "run"),
            "BASTIDE_PORT": str(free_port()),
            "BASTIDE_METRICS_PORT": str(free_port()),
            **{f"BASTIDE_{key.upper()}": value for key, value in settings.items()},
            "AWS_CONFIG_FILE": str(folder / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def bastide(self, *arguments: str, timeout_s: float = 120, check: bool = True) -> str:
        """Run the `bastide` program; what it printed."""
        return self._run(PROGRAMS / "bastide", arguments, timeout_s=timeout_s, check=check)

    def aws(self, *arguments: str, timeout_s: float = 120) -> Any:
        """Run the real `aws` program; its answer."""
        text = self._run(PROGRAMS / "aws", (*arguments, "--output", "json"), timeout_s=timeout_s, check=True)
        return json.loads(text) if text.strip() else {}

    def aws_text(self, *arguments: str) -> str:
        """Run the real `aws` program where it answers in plain text, as `aws s3` does."""
        return self._run(PROGRAMS / "aws", arguments, timeout_s=120, check=True)

    def up(self) -> None:
        """Start what does not run, and take the credentials it prints."""
        self.bastide("up")
        for line in self.bastide("env").splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.environment[name] = value.strip("'\"")

    def remove(self) -> None:
        """Stop everything and delete all data."""
        self.bastide("down", "--stop-tasks", check=False)
        self.bastide("reset", "--yes", check=False)

    def register(self, family: str, *containers: dict[str, Any], **fields: Any) -> str:
        """Register a task definition; its ARN."""
        answer = self.client("ecs").register_task_definition(**definition_of(family, *containers, **fields))
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def run_task(
        self,
        definition: str,
        *,
        public: bool = False,
        count: int = 1,
        groups: Sequence[str] = (),
        subnet: str = "",
        **fields: Any,
    ) -> list[str]:
        """Run it, in the first default subnet unless told otherwise; the tasks' ARNs.

        A public one is in a group that is open to the world unless told otherwise; `fields` count more.
        """
        defaults = [{"Name": "default-for-az", "Values": ["true"]}]
        subnet = subnet or self.client("ec2").describe_subnets(Filters=defaults)["Subnets"][0]["SubnetId"]
        network = {
            "subnets": [subnet],
            "securityGroups": list(groups or ([self.open_group()] if public else [])),
            "assignPublicIp": "ENABLED" if public else "DISABLED",
        }
        answer = self.client("ecs").run_task(
            taskDefinition=definition,
            count=count,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
            **fields,
        )
        assert answer["failures"] == []
        return [str(task["taskArn"]) for task in answer["tasks"]]

    def make_role(self, name: str) -> None:
        """A role that tasks may have, for executing them or inside them."""
        for operation, params in roles.calls(name):
            getattr(self.client("iam"), xform_name(operation))(**params)

    def open_group(self) -> str:
        """The default VPC's group of the tests' that everybody may speak to."""
        ec2, name = self.client("ec2"), "open"
        found = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])
        if found["SecurityGroups"]:
            return str(found["SecurityGroups"][0]["GroupId"])
        group = str(ec2.create_security_group(GroupName=name, Description="open to everybody")["GroupId"])
        everybody = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everybody])
        return group

    def client(self, service: str) -> Any:
        """boto3's, for what is asked over and over: the aws program takes most of a second to start."""
        if service not in self._clients:
            session = boto3.session.Session(
                aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
                region_name=self.environment["AWS_REGION"],
            )
            endpoint = self.environment["AWS_ENDPOINT_URL"]
            self._clients[service] = session.client(service, endpoint_url=endpoint)
        return self._clients[service]

    def describe(self, *tasks: str) -> list[dict[str, Any]]:
        """DescribeTasks, in the order asked."""
        answer = self.client("ecs").describe_tasks(tasks=list(tasks))
        assert answer["failures"] == []
        found = {task["taskArn"]: task for task in answer["tasks"]}
        return [found[arn] for arn in tasks]

    def wait(self, task: str, status: str, *, timeout_s: float = 60) -> dict[str, Any]:
        """Until the task's lastStatus is this one; a task that stops instead is an error that says why."""
        until = time.monotonic() + timeout_s
        while True:
            described = self.describe(task)[0]
            if described["lastStatus"] == status:
                return described
            if described["lastStatus"] == "STOPPED":
                raise CommandError(f"stopped: {described.get('stoppedReason')} {described['containers']}")
            if time.monotonic() > until:
                raise CommandError(
                    f"{described['lastStatus']} after {timeout_s} s, not {status}: {described}"
                )
            time.sleep(0.1)

    def stop(self, *tasks: str, reason: str = "the test is over") -> None:
        """StopTask, and wait until all are STOPPED."""
        for task in tasks:
            self.client("ecs").stop_task(task=task, reason=reason)
        for task in tasks:
            self.wait(task, "STOPPED")

    def public_address(self, described: dict[str, Any]) -> str:
        """Where this host reaches the task."""
        details = {d["name"]: d["value"] for d in described["attachments"][0]["details"]}
        answer = self.client("ec2").describe_network_interfaces(
            NetworkInterfaceIds=[details["networkInterfaceId"]]
        )
        return str(answer["NetworkInterfaces"][0]["Association"]["PublicIp"])

    def log_lines(self, stream: str, *, group: str = LOG_GROUP) -> list[str]:
        """Every line of a stream, oldest first, page by page; none before the stream is there."""
        logs, lines = self.client("logs"), list[str]()
        token: dict[str, str] = {}
        while True:
            try:
                page = logs.get_log_events(
                    logGroupName=group, logStreamName=stream, startFromHead=True, **token
                )
            except logs.exceptions.ResourceNotFoundException:
                return lines
            lines += [event["message"] for event in page["events"]]
            if token.get("nextToken") == page["nextForwardToken"]:
                return lines
            token = {"nextToken": page["nextForwardToken"]}

    def demo_archive(self) -> Path:
        """The demo image as an archive, built by the program itself."""
        path = self.folder / "demo.tar"
        self.bastide("demo", "--build-only", str(path))
        return path

    def pid(self, process: str) -> int:
        """The process id of server, agent or containerd."""
        return int((self.folder / "run" / self.instance / f"{process}.pid").read_text().split()[0])

    def is_up(self, process: str) -> bool:
        """Whether it runs (a zombie does not)."""
        try:
            stat = Path(f"/proc/{self.pid(process)}/stat").read_text()
        except OSError:
            return False
        return stat.rsplit(")", 1)[1].split()[0] != "Z"

    def leftovers(self) -> list[str]:
        """What a task has on this host by the instance's name: namespaces, disks, mounts, shims, cgroups."""
        data = str(self.folder / "data")
        run = self.folder / "run" / self.instance
        found = [path.name for path in (run / "netns").glob(f"{self.instance}-task-*")]
        found += [line for line in Path("/proc/mounts").read_text().splitlines() if f"{data}/" in line]
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if b"/containerd-shim-" in words[0] and self.instance.encode() in words:
                    found.append(f"shim {path}")
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{self.instance}/*") if path.is_dir()]
        return found + [str(p) for p in (self.folder / "data" / self.instance / "agent" / "tasks").glob("*")]

    def buffered_text(self, task: str) -> str:
        """What of a task's output waits on the disk."""
        folder = self.folder / "data" / self.instance / "agent" / "tasks" / task.rsplit("/", 1)[-1] / "io"
        return "".join(path.read_text() for path in sorted(folder.glob("*.stdout.[0-9]*")))

    def forge_reboot(self, task_id: str) -> None:
        """Make the host look as after a reboot: the task's processes and mounts gone, another boot id.

        Preconditions: the control plane is down.
        """
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if any(task_id.encode() in word for word in words):
                    os.kill(int(path.parent.name), signal.SIGKILL)
        state = self.folder / "data" / self.instance / "agent" / "tasks" / task_id / "state.json"
        document = json.loads(state.read_text())
        state.write_text(json.dumps(document | {"boot_id": "an earlier boot"}))

    def _run(self, program: Path, arguments: tuple[str, ...], *, timeout_s: float, check: bool) -> str:
        result = subprocess.run(
            [program, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
        if check and result.returncode != 0:
            said = f"{program.name} {' '.join(arguments)}: exit {result.returncode}"
            raise CommandError(f"{said}\n{result.stdout}\n{result.stderr}")
        return result.stdout


def definition_of(family: str, *containers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A small task definition; `fields` count more."""
    plain = {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "containerDefinitions": list(containers),
    }
    return plain | fields


def shell(name: str, script: str, *, log: bool = True, **fields: Any) -> dict[str, Any]:
    """A container of the demo image that runs a shell script."""
    container: dict[str, Any] = {"name": name, "image": IMAGE, "command": ["sh", "-c", script]}
    if log:
        options = {
            "awslogs-group": LOG_GROUP,
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "t",
            "awslogs-create-group": "true",
            "mode": "blocking",
        }
        container["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    return container | fields


def ask(url: str, *, timeout_s: int = 3) -> str:
    """One request from the host; empty when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            return str(answer.read().decode())
    except (OSError, http.client.HTTPException):  # also when the file was written anew meanwhile
        return ""


def free_port() -> int:
    """A port of the loopback that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], Any], *, timeout_s: float = 30, every_s: float = 0.2) -> Any:
    """Wait for a truthy answer; the answer."""
    end = time.monotonic() + timeout_s
    while not (answer := condition()):
        if time.monotonic() > end:
            raise CommandError(f"still {answer!r} after {timeout_s} s")
        time.sleep(every_s)
    return answer
