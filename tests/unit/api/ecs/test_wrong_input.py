"""Every member of RegisterTaskDefinition and RunTask made wrong: AWS's error, or a task that runs.

What is accepted is echoed, and what RunTask takes can be told to a host, planned and written down for the
runtime: nothing that is accepted waits in PENDING for ever.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from bastide.agent.output.events import LineTest
from bastide.api.agents.assignments import read_assignment
from bastide.api.agents.reports import place_logs, store_hello
from bastide.api.errors import COMMON, JSON
from bastide.api.failures import fault_error, malformed_error, row_for
from bastide.api.operation import Context, Reads, Writes
from bastide.api.registry import SERVICES
from bastide.config import Settings
from bastide.control.placement import Placement
from bastide.host.ports import ImageConfig
from bastide.host.rootfs import ensure_folder_in_root
from bastide.model.assignment import Assignment, LogLine
from bastide.model.faults import Fault
from bastide.model.frames import Assign, FrameReader, LogBatch, render_frame
from bastide.model.task_size import parse_cpu, parse_memory
from bastide.model.task_state import TaskState
from bastide.plan.lifecycle import Seen, plan_task
from bastide.plan.oci.prepared import Prepared, Root
from bastide.plan.oci.spec import render_container_spec, render_pause_spec
from bastide.plan.report import report_task
from bastide.store import Txn
from bastide.wire import spec
from bastide.wire.http import Request, WireError
from bastide.wire.malformed import Malformed
from tests.account import ROLE, Account, container, definition
from tests.session import hello
from tests.unit.api.ecs.breaking import Broken, broken, found

MODEL = botocore.session.get_session().get_service_model("ecs")
CODES = frozenset(spec.errors("ecs")) | frozenset(COMMON[JSON])
LARGE, REST = ("containerDefinitions", "volumes", "overrides"), "the rest"  # members tried by themselves
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOGS = {
    "awslogs-group": "/g",
    "awslogs-region": "us-east-1",
    "awslogs-stream-prefix": "p",
    "awslogs-create-group": "true",
    "mode": "non-blocking",
    "max-buffer-size": "1m",
}
SECRET = {"name": "S", "valueFrom": "arn:aws:secretsmanager:us-east-1:000000000000:secret:s-AbCdEf"}
SPLUNK = {"splunk-url": "https://s", "splunk-token": "t"}
EFS = {
    "fileSystemId": "fs-1",
    "rootDirectory": "/",
    "transitEncryption": "ENABLED",
    "transitEncryptionPort": 2049,
    "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
}
APP = container(
    cpu=64,
    memory=256,
    memoryReservation=128,
    essential=True,
    entryPoint=["/bin/sh"],
    command=["-c", "true"],
    environment=[{"name": "A", "value": "b"}],
    mountPoints=[{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
    linuxParameters={"initProcessEnabled": True, "capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE"]}},
    dependsOn=[{"containerName": "side", "condition": "HEALTHY"}],
    startTimeout=60,
    stopTimeout=30,
    versionConsistency="enabled",
    user="1000:1000",
    workingDirectory="/srv",
    dockerLabels={"a": "b"},
    readonlyRootFilesystem=True,
    interactive=True,
    pseudoTerminal=True,
    ulimits=[{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
    systemControls=[{"namespace": "net.ipv4.tcp_sack", "value": "1"}],
    logConfiguration={"logDriver": "awslogs", "options": LOGS | {"awslogs-multiline-pattern": "^x"}},
    portMappings=[
        {"containerPort": 80, "hostPort": 80, "protocol": "tcp", "name": "web", "appProtocol": "http"}
    ],
    restartPolicy={"enabled": True, "ignoredExitCodes": [0], "restartAttemptPeriod": 60},
)
SIDE = container(
    name="side",
    essential=False,
    healthCheck={
        "command": ["CMD-SHELL", "true"],
        "interval": 5,
        "timeout": 2,
        "retries": 1,
        "startPeriod": 0,
    },
    volumesFrom=[{"sourceContainer": "app", "readOnly": True}],
)
PLAIN = definition(
    taskRoleArn=ROLE,
    containerDefinitions=[APP, SIDE],
    volumes=[{"name": "data", "host": {}}],
    ephemeralStorage={"sizeInGiB": 21},
    runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    enableFaultInjection=False,
    tags=[{"key": "k", "value": "v"}],
)
FULL = definition(
    taskRoleArn=ROLE,
    pidMode="task",
    containerDefinitions=[
        APP
        | {
            "secrets": [SECRET],
            "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/app.env"}],
            "repositoryCredentials": {"credentialsParameter": SECRET["valueFrom"]},
            "logConfiguration": {
                "logDriver": "splunk",
                "options": SPLUNK,
                "secretOptions": [{"name": "x", "valueFrom": "y"}],
            },
        },
        SIDE
        | {
            "firelensConfiguration": {
                "type": "fluentbit",
                "options": {"config-file-type": "file", "config-file-value": "/own.conf"},
            },
            "logConfiguration": {"logDriver": "awsfirelens"},
        },
    ],
    volumes=[{"name": "data", "efsVolumeConfiguration": EFS}],
    proxyConfiguration={
        "type": "APPMESH",
        "containerName": "side",
        "properties": [{"name": "IgnoredUID", "value": "1"}],
    },
)
SEALED = PLAIN | {
    "pidMode": "task",
    "containerDefinitions": [
        APP
        | {
            "secrets": [SECRET],
            "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/app.env"}],
        },
        SIDE,
    ],
    "volumes": [{"name": "data", "efsVolumeConfiguration": EFS}],
}
DATED = PLAIN | {
    "containerDefinitions": [
        APP
        | {
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": LOGS | {"awslogs-datetime-format": "%Y-%m-%d"},
            }
        },
        SIDE,
    ]
}
ELSEWHERE = {"family": "web", "networkMode": "bridge", "containerDefinitions": [container(memory=128)]}
OVERRIDES = {
    "cpu": "512",
    "memory": "1024",
    "taskRoleArn": ROLE,
    "executionRoleArn": ROLE,
    "ephemeralStorage": {"sizeInGiB": 30},
    "containerOverrides": [
        {
            "name": "app",
            "command": ["a"],
            "environment": [{"name": "A", "value": "c"}],
            "cpu": 32,
            "memory": 200,
            "memoryReservation": 100,
        },
        {"name": "side", "environment": [{"name": "B", "value": ""}]},
    ],
}
IMAGE = ImageConfig(reference="r", digest="sha256:0", command=("/bin/run",), user="")
PREPARED = Prepared(netns="/n", cgroup="/c", volumes={"data": "/disk/data"}, init_program="/init")
ROOT = Root(passwd="root:x:0:0::/root:/bin/sh\n", group="root:x:0:\n", tmp="/disk/tmp")


class Trial:
    """Broken requests against one account, in one transaction; `lines` says what went wrong with which."""

    def __init__(self, txn: Txn, context: Context, folder: Path, eni: str) -> None:
        self._txn = txn
        self._context = context
        self._folder = folder
        self._eni = eni
        self.lines: list[str] = []
        self.accepted = 0

    def call(self, operation: str, body: dict[str, Any]) -> Any:
        """The answer as the wire has it, or the error as it goes out."""
        headers = {
            "x-amz-target": f"AmazonEC2ContainerServiceV20141113.{operation}",
            "content-type": "application/x-amz-json-1.1",
        }
        text = json.dumps(body).encode()
        request = Request(method="POST", path="/", query="", headers=headers, body=text)
        try:
            call = spec.parse(request, spec.service("ecs"))
            found = SERVICES["ecs"][operation]
            assert isinstance(found, Reads | Writes)
            result = found.run(self._txn, self._context, call.params)
        except Malformed as malformed:
            return malformed_error("ecs", JSON, malformed)
        except Fault as fault:
            assert row_for("ecs", fault) is not None, f"no row for {fault!r}"
            return fault_error("ecs", JSON, fault)
        return call.params, json.loads(spec.render(call, result).body)

    def register(self, body: dict[str, Any], network: dict[str, Any]) -> None:
        """Refused in AWS's words; or echoed, and run."""
        answer = self.call("RegisterTaskDefinition", body)
        if self._is_refusal(answer):
            return
        params, told = answer
        arn = told["taskDefinition"]["taskDefinitionArn"]
        described = self.call("DescribeTaskDefinition", {"taskDefinition": arn, "include": ["TAGS"]})[1]
        assert described == told
        asked = {name: value for name, value in params.items() if name != "tags"}
        lacking = list(differences(asked, told["taskDefinition"]))
        assert not lacking, f"not echoed: {lacking}"
        run = {"taskDefinition": arn, "launchType": "FARGATE", "networkConfiguration": network}
        self.run(run)

    def run(self, body: dict[str, Any]) -> None:
        """Refused in AWS's words; or every task it makes can be run."""
        answer = self.call("RunTask", body)
        if self._is_refusal(answer):
            return
        for task in answer[1]["tasks"]:
            self._check_runnable(task["taskArn"])

    def _is_refusal(self, answer: Any) -> bool:
        if not isinstance(answer, WireError):
            self.accepted += 1
            return False
        assert answer.code in CODES, f"{answer.code} is no error of ECS"
        assert answer.message.strip(), f"{answer.code} without a word"
        assert not answer.is_fault, f"{answer.code}: {answer.message}"
        assert len(answer.message) < 20_000, f"{len(answer.message)} characters of message"
        return True

    def _check_runnable(self, arn: str) -> None:
        record = self._txn.get("task", arn)
        assert record is not None
        placed = record.changed(document={**record.document, "eni": self._eni, "host": "host-1"})
        assigned = read_assignment(self._txn, placed)
        assert assigned is not None, "no assignment"
        (message,) = FrameReader().feed(render_frame(Assign(assigned)))
        assert message == Assign(assigned), "the frame changes the assignment"
        with suppress(Fault, OSError):  # blamed on a container by the agent: such a task stops
            self._render(assigned)
        state = TaskState(boot_id="b")
        plan = plan_task(assigned, state, Seen(boot_id="b"), NOW)
        assert plan.steps
        render = report_task(assigned, plan.state)
        assert render.task_arn == arn
        self._log(assigned)

    def _render(self, assigned: Assignment) -> None:
        json.dumps(render_pause_spec(assigned, PREPARED, program="/pause")).encode()
        for one in assigned.containers:
            oci = render_container_spec(assigned, one, IMAGE, ROOT, PREPARED)
            json.dumps(oci).encode()
            for place in (oci["process"]["cwd"], *(mount["destination"] for mount in oci["mounts"])):
                ensure_folder_in_root(self._folder, place)

    def _log(self, assigned: Assignment) -> None:
        for one in assigned.containers:
            if one.log is None:
                continue
            if one.log.event_start is not None:
                with suppress(Fault):
                    LineTest(one.log.event_start).begins("x")
            batch = LogBatch(
                task_arn=assigned.task_arn,
                container=one.name,
                source="stdout",
                sequence=1,
                target=one.log,
                lines=(LogLine(1, "x"),),
            )
            try:
                place_logs(self._txn, batch, NOW)
            except Fault as fault:
                assert row_for("logs", fault) is not None, f"no row for {fault!r}"


def differences(given: Any, shown: Any, at: str = "") -> Iterator[str]:
    """Where what is shown lacks what was given. Sizes come back as plain numbers, host ports filled in."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name not in shown:
                yield f"{at}.{name}"
            else:
                yield from differences(value, shown[name], f"{at}.{name}")
    elif isinstance(given, list):
        if len(given) != len(shown):
            yield f"{at} of {len(given)} has {len(shown)}"
        for place, (one, other) in enumerate(zip(given, shown, strict=False)):
            yield from differences(one, other, f"{at}.{place}")
    elif at in (".cpu", ".memory"):
        parse = parse_cpu if at == ".cpu" else parse_memory
        if shown != (str(parse(given)) if given else given):
            yield at
    elif given != shown and not (at.endswith(".hostPort") and given == 0):
        yield f"{at}: {given!r} is shown as {shown!r}"


async def eni_of(account: Account) -> str:
    """An interface that a task was given, for every other to use."""
    placement = Placement(account.store, Settings(), now=lambda: account.now)
    await account.store.update(lambda txn: store_hello(txn, hello(cpu_units=2**20, memory_mib=2**20), NOW))
    arn = (await account.run())["tasks"][0]["taskArn"]
    await placement.reconcile(arn)
    eni: str = (await account.record("task", arn)).document["eni"]
    return eni


async def attempt(
    account: Account, folder: Path, operation: str, requests: Iterator[Broken], network: dict[str, Any]
) -> Trial:
    """Each request in turn; what escapes is a line, not the end."""
    eni, context = await eni_of(account), account.context

    def all_of_them(txn: Txn) -> Trial:
        trial = Trial(txn, context, folder, eni)
        for path, body in requests:
            try:
                if operation == "RunTask":
                    trial.run(body)
                else:
                    trial.register(body, network)
            except Exception as error:
                where = ".".join(map(str, path))
                trial.lines.append(f"{where}: {type(error).__name__}: {str(error)[:300]}")
        return trial

    return await account.store.update(all_of_them)


def of_part(operation: str, good: dict[str, Any], part: str) -> Iterator[Broken]:
    """The broken requests whose broken member is below this large one, or below none of the LARGE."""
    shape = MODEL.operation_model(operation).input_shape
    return (one for one in broken(shape, good) if part == (one.path[0] if one.path[0] in LARGE else REST))


def own_of(good: dict[str, Any]) -> Iterator[Broken]:
    """The broken requests whose broken member is there, and another than in the plain request."""
    shape = MODEL.operation_model("RegisterTaskDefinition").input_shape
    return (one for one in broken(shape, good) if found(good, one.path) not in (None, found(PLAIN, one.path)))


@pytest.mark.parametrize(
    ("good", "accepted"),  # by RegisterTaskDefinition alone, or by RunTask too
    [(PLAIN, 2), (FULL, 1), (SEALED, 2), (DATED, 2), (ELSEWHERE, 1)],
    ids=["plain", "full", "sealed", "dated", "elsewhere"],
)
async def test_the_requests_that_are_broken_are_right(
    account: Account, tmp_path: Path, good: dict[str, Any], accepted: int
) -> None:
    await account.register()
    requests = iter([Broken((), good)])
    trial = await attempt(account, tmp_path, "RegisterTaskDefinition", requests, await account.network())
    assert not trial.lines, "\n".join(trial.lines)
    assert trial.accepted == accepted


@pytest.mark.parametrize("part", ["containerDefinitions", "volumes", REST])
async def test_no_member_of_register_task_definition_escapes(
    account: Account, tmp_path: Path, part: str
) -> None:
    await account.register()
    requests = of_part("RegisterTaskDefinition", PLAIN, part)
    trial = await attempt(account, tmp_path, "RegisterTaskDefinition", requests, await account.network())
    assert not trial.lines, "\n".join(trial.lines)


@pytest.mark.parametrize(
    "good", [FULL, SEALED, DATED, ELSEWHERE], ids=["full", "sealed", "dated", "elsewhere"]
)
async def test_nor_does_one_of_rarer_definitions(
    account: Account, tmp_path: Path, good: dict[str, Any]
) -> None:
    await account.register()
    trial = await attempt(account, tmp_path, "RegisterTaskDefinition", own_of(good), await account.network())
    assert not trial.lines, "\n".join(trial.lines)


@pytest.mark.parametrize("part", ["overrides", REST])
async def test_no_member_of_run_task_escapes(account: Account, tmp_path: Path, part: str) -> None:
    await account.register()
    await account.register(family="plain", **{name: PLAIN[name] for name in PLAIN if name != "family"})
    good = {
        "taskDefinition": "plain",
        "launchType": "FARGATE",
        "networkConfiguration": await account.network(),
        "count": 2,
        "overrides": OVERRIDES,
        "tags": [{"key": "k", "value": "v"}],
        "enableExecuteCommand": True,
    }
    requests = of_part("RunTask", good, part)
    trial = await attempt(account, tmp_path, "RunTask", requests, await account.network())
    assert not trial.lines, "\n".join(trial.lines)
