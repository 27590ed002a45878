"""What a task is shown of itself: the ECS developer guide's "Task metadata endpoint" (Fargate)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from bastide.model.assignment import Identity, LogTarget, Mount, PortMapping, RestartPolicy
from bastide.model.container.health import HealthReport, HealthResult, HealthStatus
from bastide.model.status import DesiredStatus, StopCode, TaskStatus
from bastide.model.task_state import ContainerMemory, Stop, TaskState
from bastide.model.usage import Clock
from bastide.plan.metadata.containers import render_container
from bastide.plan.metadata.tasks import Measured, render_task, with_tags
from tests.assignments import TASK_ID, assignment, container

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
CLUSTER = "arn:aws:ecs:us-east-1:000000000000:cluster/default"
IDENTITY = Identity(cluster_arn=CLUSTER, family="web", revision=3, service="front", zone="us-east-1a")
APP = container(
    "app",
    cpu_units=100,
    memory_mib=256,
    labels={"team": "a"},
    ports=(PortMapping(container_port=80),),
    log=LogTarget(group="/ecs/web", stream=f"t/app/{TASK_ID}", region="us-east-1", create_group=True),
)
SIDE = container("side")
SPEC = assignment(APP, SIDE, identity=IDENTITY)
RUNNING = ContainerMemory(
    image_digest="sha256:" + "1" * 64, start_asked_at=AT, run_started_at=AT, started_at=AT
)
STATE = TaskState(
    boot_id="boot",
    status=TaskStatus.RUNNING,
    containers={"app": RUNNING, "side": RUNNING},
    pull_started_at=AT,
    pull_stopped_at=AT + timedelta(seconds=1),
)


def task(version: int = 4, state: TaskState = STATE, **fields: object) -> dict[str, Any]:
    spec = assignment(APP, SIDE, identity=IDENTITY, **fields)
    return render_task(spec, state, Measured(), version=version)


def shown(memory: ContainerMemory, version: int = 4, **fields: object) -> dict[str, Any]:
    one = container("app", **fields)
    state = TaskState(boot_id="boot", containers={"app": memory})
    return render_container(assignment(one, identity=IDENTITY), state, one, version=version)


def test_a_container_is_shown_as_fargate_shows_it() -> None:
    assert render_container(SPEC, STATE, APP, version=4) == {
        "DockerId": APP.runtime_id,
        "Name": "app",
        "DockerName": "app",
        "Image": "app:1",
        "ImageID": "sha256:" + "1" * 64,
        "Ports": [{"ContainerPort": 80, "Protocol": "tcp", "HostPort": 80}],
        "Labels": {
            "team": "a",
            "com.amazonaws.ecs.cluster": CLUSTER,
            "com.amazonaws.ecs.container-name": "app",
            "com.amazonaws.ecs.task-arn": SPEC.task_arn,
            "com.amazonaws.ecs.task-definition-family": "web",
            "com.amazonaws.ecs.task-definition-version": "3",
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": 100, "Memory": 256},
        "CreatedAt": "2026-01-02T03:04:05.678000Z",
        "StartedAt": "2026-01-02T03:04:05.678000Z",
        "Type": "NORMAL",
        "Networks": [
            {
                "NetworkMode": "awsvpc",
                "IPv4Addresses": ["172.31.0.4"],
                "AttachmentIndex": 0,
                "MACAddress": "0a:00:00:00:00:01",
                "IPv4SubnetCIDRBlock": "172.31.0.0/20",
                "DomainNameServers": ["172.31.0.2"],
                "DomainNameSearchList": ["ec2.internal"],
                "PrivateDNSName": "ip-172-31-0-4.ec2.internal",
                "SubnetGatewayIpv4Address": "172.31.0.1/20",
            }
        ],
        "ContainerARN": "app",
        "Snapshotter": "overlayfs",
        "LogDriver": "awslogs",
        "LogOptions": {
            "awslogs-group": "/ecs/web",
            "awslogs-region": "us-east-1",
            "awslogs-stream": f"t/app/{TASK_ID}",
            "awslogs-create-group": "true",
        },
    }


def test_version_3_knows_less() -> None:
    one = render_container(SPEC, STATE, APP, version=3)
    assert one["Networks"] == [{"NetworkMode": "awsvpc", "IPv4Addresses": ["172.31.0.4"]}]
    assert not {"ContainerARN", "LogDriver", "LogOptions", "Snapshotter"} & one.keys()
    whole = task(version=3)
    assert whole["Containers"][0] == one
    assert not {"LaunchType", "ServiceName", "ClockDrift", "EphemeralStorageMetrics"} & whole.keys()


def test_a_task_is_shown_as_fargate_shows_it() -> None:
    whole = task()
    containers = whole.pop("Containers")
    assert [each["Name"] for each in containers] == ["app", "side"]
    assert whole == {
        "Cluster": CLUSTER,
        "TaskARN": SPEC.task_arn,
        "Family": "web",
        "Revision": "3",
        "ServiceName": "front",
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": 0.25, "Memory": 512},
        "PullStartedAt": "2026-01-02T03:04:05.678000Z",
        "PullStoppedAt": "2026-01-02T03:04:06.678000Z",
        "AvailabilityZone": "us-east-1a",
        "LaunchType": "FARGATE",
        "FaultInjectionEnabled": False,
    }


def test_what_the_host_measured_is_shown() -> None:
    clock = Clock(at=AT, is_synchronized=True, error_bound_ms=0.5)
    whole = render_task(SPEC, STATE, Measured(clock=clock, storage_used_mib=261), version=4)
    assert whole["EphemeralStorageMetrics"] == {"Utilized": 261, "Reserved": 20496}
    assert whole["ClockDrift"] == {
        "ClockErrorBound": 0.5,
        "ReferenceTimestamp": "2026-01-02T03:04:05.678000Z",
        "ClockSynchronizationStatus": "SYNCHRONIZED",
    }


def test_a_container_is_as_far_as_it_is_known_to_be() -> None:
    pulled = ContainerMemory(image_digest="sha256:1")
    assert shown(ContainerMemory())["KnownStatus"] == "NONE"
    assert shown(pulled)["KnownStatus"] == "PULLED"
    assert shown(replace(pulled, start_asked_at=AT))["KnownStatus"] == "CREATED"
    ended = shown(replace(pulled, started_at=AT, stopped_at=AT, exit_code=3))
    assert (ended["KnownStatus"], ended["DesiredStatus"], ended["ExitCode"]) == ("STOPPED", "STOPPED", 3)
    assert ended["FinishedAt"] == "2026-01-02T03:04:05.678000Z"


def test_what_a_container_does_not_have_is_left_out() -> None:
    plain = shown(RUNNING)
    assert plain["Limits"] == {"CPU": 2}
    assert (
        not {"Ports", "Volumes", "Health", "RestartCount", "ExitCode", "FinishedAt", "LogDriver"}
        & plain.keys()
    )


def test_health_restarts_and_volumes_are_shown_without_a_path_of_the_hosts() -> None:
    checked = HealthResult(started_at=AT, ended_at=AT, exit_code=0, output="fine")
    health = HealthReport(since=AT, status=HealthStatus.HEALTHY, results=(checked,))
    memory = ContainerMemory(started_at=AT, restarts=2, health=health)
    one = shown(memory, restart_policy=RestartPolicy(), mounts=(Mount(volume="data", path="/data"),))
    assert one["RestartCount"] == 2
    assert one["Volumes"] == [{"DockerName": "data", "Destination": "/data"}]
    assert one["Health"] == {
        "status": "HEALTHY",
        "statusSince": "2026-01-02T03:04:05.678000Z",
        "exitCode": 0,
        "output": "fine",
    }


def test_a_task_is_as_far_as_the_last_of_its_containers() -> None:
    early = TaskState(
        boot_id="boot",
        status=TaskStatus.ACTIVATING,
        containers={"app": RUNNING, "side": ContainerMemory(image_digest="sha256:1")},
    )
    assert task(state=early)["KnownStatus"] == "PULLED"
    one_shot = {"app": RUNNING, "side": ContainerMemory(started_at=AT, stopped_at=AT)}
    assert task(state=TaskState(boot_id="boot", containers=one_shot))["KnownStatus"] == "RUNNING"


def test_a_task_that_is_to_stop_says_so() -> None:
    assert task(desired_status=DesiredStatus.STOPPED)["DesiredStatus"] == "STOPPED"
    ending = TaskState(boot_id="boot", status=TaskStatus.STOPPING, stop=Stop(StopCode.USER_INITIATED, "why"))
    whole = task(state=ending)
    assert (whole["DesiredStatus"], whole["KnownStatus"]) == ("STOPPED", "RUNNING")
    gone = TaskState(boot_id="boot", status=TaskStatus.DEPROVISIONING)
    assert task(state=gone)["KnownStatus"] == "STOPPED"


def test_tags_are_a_map_and_their_absence_is_explained() -> None:
    assert with_tags({"Family": "web"}, {"a": "b"}, []) == {"Family": "web", "TaskTags": {"a": "b"}}
    assert with_tags({}, {}, [{"ErrorCode": "X"}]) == {"Errors": [{"ErrorCode": "X"}]}
