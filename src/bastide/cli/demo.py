"""`bastide demo`: the main job on real input, typed as a user would type it.

Every command shown is the command run: the real `aws` CLI against this installation, and busybox's own
programs. Nothing is prepared behind the scenes but the demo image, which `bastide demo` builds from Debian's
busybox-static. A phase that fails ends the demo with what it said.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bastide.cli.commands import Command
from bastide.cli.demo_image import write_demo_image
from bastide.cli.env import client_environment
from bastide.cli.processes.services import SERVICES
from bastide.config import Settings
from bastide.model.faults import Unavailable

IMAGE = "bastide-demo:latest"
FAMILY = "bastide-demo"
LOG_GROUP = "/bastide/demo"
ROLE = "ecsTaskExecutionRole"
ROLE_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
TRUST = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow",'
    '"Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}'
)
PORT = 8080
SHOWN_LINES = 12
REQUEST_ATTEMPTS = 20

WEB = (
    f"mkdir -p /tmp/www && uname -a > /tmp/www/uname && dmesg > /tmp/www/dmesg; "
    f"echo 'hello from a sandbox of its own' > /tmp/www/index.html; "
    f"exec httpd -f -v -p {PORT} -h /tmp/www"
)
SIDECAR = f'while true; do echo "localhost says: $(wget -qO- http://localhost:{PORT}/)"; sleep 1; done'


def task_definition(region: str) -> dict[str, Any]:
    """Two containers: a web server, and a sidecar that calls it over localhost and logs what it hears."""
    log = {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": LOG_GROUP,
            "awslogs-region": region,
            "awslogs-stream-prefix": "demo",
        },
    }
    return {
        "family": FAMILY,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": ROLE,
        "containerDefinitions": [
            {
                "name": "web",
                "image": IMAGE,
                "command": ["sh", "-c", WEB],
                "portMappings": [{"containerPort": PORT}],
                "logConfiguration": log,
            },
            {
                "name": "sidecar",
                "image": IMAGE,
                "essential": False,
                "command": ["sh", "-c", SIDECAR],
                "dependsOn": [{"containerName": "web", "condition": "START"}],
                "logConfiguration": log,
            },
        ],
    }


def demo(settings: Settings, args: argparse.Namespace) -> int:
    """Build and import the image, then run the story; or only build the image."""
    if args.build_only is not None:
        write_demo_image(args.build_only)
        return 0
    if silent := [service.name for service in SERVICES if not service.answers(settings)]:
        raise Unavailable("demo", why=f"Not answering: {', '.join(silent)}. Type: bastide up")
    with tempfile.TemporaryDirectory(prefix="bastide-demo-") as folder:
        archive = Path(folder) / "bastide-demo.tar"
        write_demo_image(archive)
        print(f"$ bastide image import {archive}")
        asyncio.run(_import(settings, archive))
    Demo({**clean_environment(os.environ), **client_environment(settings)}).run()
    return 0


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Ours without what the user has set for other endpoints: profiles, output formats, proxies."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    return {**kept, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


async def _import(settings: Settings, archive: Path) -> None:
    from bastide.cli.host import open_host  # heavy, and `--build-only` does without

    async with open_host(settings) as host:
        for name in await host.images.import_archive(archive, progress=lambda what, done, total: None):
            print(f"  {name}\n")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--build-only", metavar="FILE", type=Path, help="write the demo image there, run nothing"
    )


class Demo:
    """One run of it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._phases: list[tuple[str, float]] = []

    def run(self) -> None:
        """The whole story. Raises Unavailable when a command fails."""
        with tempfile.TemporaryDirectory(prefix="bastide-demo-") as folder:
            definition = Path(folder) / "task-definition.json"
            region = self._environment["AWS_REGION"]
            definition.write_text(json.dumps(task_definition(region), indent=2))
            task = self._start(definition)
            try:
                self._look(task)
            finally:
                self._stop(task)
        self._show_times()

    def _ensure_role(self) -> None:
        """The role that the task's logs are written as."""
        roles = self._aws("iam", "list-roles")["Roles"]
        if not any(role["RoleName"] == ROLE for role in roles):
            self._aws("iam", "create-role", "--role-name", ROLE, "--assume-role-policy-document", TRUST)
        self._aws("iam", "attach-role-policy", "--role-name", ROLE, "--policy-arn", ROLE_POLICY)

    def _start(self, definition: Path) -> str:
        with self._phase("register the task definition"):
            groups = self._aws("logs", "describe-log-groups", "--log-group-name-prefix", LOG_GROUP)
            if not groups["logGroups"]:
                self._aws("logs", "create-log-group", "--log-group-name", LOG_GROUP)
            self._ensure_role()
            self._aws("ecs", "register-task-definition", "--cli-input-json", f"file://{definition}")
        with self._phase("run the task"):
            subnets = self._aws("ec2", "describe-subnets", "--filters", "Name=default-for-az,Values=true")
            subnet = subnets["Subnets"][0]
            group = self._open_group(str(subnet["VpcId"]))
            network = (
                f"awsvpcConfiguration={{subnets=[{subnet['SubnetId']}],"
                f"securityGroups=[{group}],assignPublicIp=ENABLED}}"
            )
            started = self._aws(
                *("ecs", "run-task", "--launch-type", "FARGATE", "--task-definition", FAMILY),
                *("--network-configuration", network),
            )
            task = str(started["tasks"][0]["taskArn"])
        with self._phase("until RUNNING (the waiter looks every 6 s)"):
            self._aws("ecs", "wait", "tasks-running", "--tasks", task)
        return task

    def _open_group(self, vpc: str) -> str:
        """The security group that lets everybody speak to the demo's port; made by the first run."""
        known = self._aws(
            *("ec2", "describe-security-groups", "--filters"),
            *(f"Name=vpc-id,Values={vpc}", f"Name=group-name,Values={FAMILY}"),
        )
        if known["SecurityGroups"]:
            return str(known["SecurityGroups"][0]["GroupId"])
        made = self._aws(
            *("ec2", "create-security-group", "--group-name", FAMILY, "--vpc-id", vpc),
            *("--description", "whom the demo answers"),
        )
        group = str(made["GroupId"])
        self._aws(
            *("ec2", "authorize-security-group-ingress", "--group-id", group),
            *("--protocol", "tcp", "--port", str(PORT), "--cidr", "0.0.0.0/0"),
        )
        return group

    def _look(self, task: str) -> None:
        with self._phase("describe the task"):
            described = self._aws("ecs", "describe-tasks", "--tasks", task)["tasks"][0]
            details = {d["name"]: d["value"] for d in described["attachments"][0]["details"]}
            eni = details["networkInterfaceId"]
            interfaces = self._aws("ec2", "describe-network-interfaces", "--network-interface-ids", eni)
            public = interfaces["NetworkInterfaces"][0]["Association"]["PublicIp"]
            print(f"  {described['lastStatus']} at {details['privateIPv4Address']}, public {public}\n")
        with self._phase("ask the task from this host"):
            self._ask(f"http://{public}:{PORT}/")
        with self._phase("compare kernels"):
            print("the task's kernel:")
            self._ask(f"http://{public}:{PORT}/uname")
            self._ask(f"http://{public}:{PORT}/dmesg")
            print("this host's kernel:")
            self._show(["uname", "-a"])
            self._show(["dmesg"], is_required=False)
        with self._phase("read the sidecar's log"):
            stream = f"demo/sidecar/{task.rsplit('/', 1)[-1]}"
            events = self._aws(
                *("logs", "get-log-events", "--log-group-name", LOG_GROUP),
                *("--log-stream-name", stream, "--limit", "5"),
            )
            if not events["events"]:
                raise Unavailable("demo", why="the sidecar has logged nothing")

    def _stop(self, task: str) -> None:
        with self._phase("stop the task"):
            self._aws("ecs", "stop-task", "--task", task, "--reason", "the demo is over")
        with self._phase("until STOPPED (the waiter looks every 6 s)"):
            self._aws("ecs", "wait", "tasks-stopped", "--tasks", task)
        described = self._aws("ecs", "describe-tasks", "--tasks", task)["tasks"][0]
        created, started, stopped = (described.get(f"{what}At") for what in ("created", "started", "stopped"))
        if created and started and stopped:
            print(f"  created {created}\n  started {started}\n  stopped {stopped}\n")

    def _aws(self, *arguments: str) -> Any:
        """Run the aws CLI; its answer, also shown in part."""
        beside = Path(sys.executable).parent / "aws"
        program = str(beside) if beside.exists() else shutil.which("aws")
        if program is None:
            raise Unavailable("demo", why="the aws CLI is not installed: pip install awscli")
        print(f"$ aws {shlex.join(arguments)}")
        text = self._capture([program, *arguments, "--output", "json"])
        _print_some(text)
        return json.loads(text) if text.strip() else {}

    def _ask(self, url: str) -> None:
        """One request as a user would make it; the server may need a moment to listen."""
        argv = ["busybox", "wget", "-qO-", url]
        print(f"$ {shlex.join(argv)}")
        for attempt in range(REQUEST_ATTEMPTS):
            result = subprocess.run(argv, env=self._environment, capture_output=True, text=True, timeout=10)
            if result.returncode == 0:
                _print_some(result.stdout)
                return
            time.sleep(0.1 * attempt)
        raise Unavailable("demo", why=f"no answer from {url}: {result.stderr.strip()}")

    def _show(self, argv: Sequence[str], *, is_required: bool = True) -> None:
        print(f"$ {shlex.join(argv)}")
        result = subprocess.run(argv, env=self._environment, capture_output=True, text=True, timeout=10)
        if is_required and result.returncode != 0:
            raise Unavailable("demo", why=result.stderr.strip())
        _print_some(result.stdout or result.stderr)

    def _capture(self, argv: Sequence[str]) -> str:
        result = subprocess.run(argv, env=self._environment, capture_output=True, text=True, timeout=900)
        if result.returncode != 0:
            raise Unavailable("demo", why=(result.stderr or result.stdout).strip())
        return result.stdout

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._phases.append((name, time.monotonic() - began))

    def _show_times(self) -> None:
        print("how long it took:")
        for name, seconds in self._phases:
            print(f"  {seconds:7.2f} s  {name}")


def _print_some(text: str) -> None:
    lines = text.rstrip().splitlines()
    for line in lines[:SHOWN_LINES]:
        print(f"  {line}")
    if len(lines) > SHOWN_LINES:
        print(f"  … {len(lines) - SHOWN_LINES} more lines")
    print()


COMMANDS = (Command("demo", "run a real task before your eyes", demo, _add_arguments),)
