"""What RegisterTaskDefinition takes, up to the very edge of each rule."""

import pytest

from bastide.api.ecs.checks.containers import CAPABILITIES
from bastide.api.ecs.checks.task_definitions import check_task_definition
from tests.account import ROLE
from tests.unit.api.ecs.requests import (
    AWSLOGS,
    ECR,
    ENV_FILE,
    SECRET,
    Members,
    ec2,
    linux,
    logs,
    mounted,
    one,
    ports,
    request,
    several,
    volume,
)

ACCEPTED: list[Members] = [
    {},
    {"family": "a" * 255},
    {"family": "A-b_9"},
    {"executionRoleArn": "role", "taskRoleArn": "arn:aws:iam::000000000000:role/path/to/role"},
    {"cpu": ".25 vCPU", "memory": "0.5 GB"},
    {"cpu": "16 vcpu", "memory": "120gb"},
    one(privileged=False),
    one(disableNetworking=False),
    one(dnsServers=[], dnsSearchDomains=[], links=[], extraHosts=[], dockerSecurityOptions=[]),
    linux(devices=[], tmpfs=[], initProcessEnabled=True),
    linux(capabilities={"add": ["SYS_PTRACE"], "drop": ["ALL"]}),
    *(linux(capabilities={"drop": [name]}) for name in sorted(CAPABILITIES)),
    {"pidMode": "task"},
    {"placementConstraints": [], "inferenceAccelerators": []},
    ports({"containerPort": 80}),
    ports({"containerPort": 80, "hostPort": 80}),
    ports({"containerPort": 80, "hostPort": 0}),
    ports({"containerPort": 53, "protocol": "tcp"}, {"containerPort": 53, "protocol": "udp"}),
    ports({"containerPort": 80, "name": "web_1-a", "appProtocol": "http2"}),
    ports({"containerPortRange": "8000-8010"}, {"containerPortRange": "8011-8020"}),
    one(**logs(**AWSLOGS)),
    one(
        **logs(
            **AWSLOGS, **{"mode": "non-blocking", "max-buffer-size": "25m", "awslogs-create-group": "true"}
        )
    ),
    one(**logs("splunk", **{"splunk-url": "u", "splunk-token": "t"})),
    one(
        logConfiguration={
            "logDriver": "splunk",
            "options": {"splunk-url": "u"},
            "secretOptions": [{"name": "splunk-token", "valueFrom": "p"}],
        }
    ),
    several({"firelensConfiguration": {"type": "fluentbit"}}, logs("awsfirelens", Name="x")),
    {"ephemeralStorage": {"sizeInGiB": 21}},
    {"ephemeralStorage": {"sizeInGiB": 200}},
    one(stopTimeout=120, startTimeout=120),
    one(stopTimeout=2, startTimeout=2),
    several(*({} for _ in range(10))),
    several({"essential": False}, {}),
    one(memory=512),
    one(memory=6),
    one(memory=64, memoryReservation=64),
    several({"cpu": 128}, {"cpu": 128}),
    several({"memory": 512}, {"memory": 512}),
    {**one(image=ECR), "executionRoleArn": ROLE},
    one(image="registry.test:5000/a/b@sha256:" + "0" * 64),
    one(secrets=[SECRET], environment=[{"name": "E", "value": ""}]),
    one(environmentFiles=[ENV_FILE] * 10),
    one(ulimits=[{"name": "nofile", "softLimit": 1048576, "hardLimit": 1048576}]),
    one(ulimits=[{"name": "core", "softLimit": -1, "hardLimit": -1}]),
    *(
        one(systemControls=[{"namespace": name, "value": "1"}])
        for name in (
            "net.core.somaxconn",
            "net.ipv4.ip_forward",
            "kernel.shmmax",
            "kernel.sem",
            "fs.mqueue.msg_max",
        )
    ),
    several({"dependsOn": [{"containerName": "c1", "condition": "START"}]}, {}),
    *(
        several({"dependsOn": [{"containerName": "c1", "condition": condition}]}, {"essential": False})
        for condition in ("SUCCESS", "COMPLETE")
    ),
    several(
        {"dependsOn": [{"containerName": "c1", "condition": "HEALTHY"}]},
        {"healthCheck": {"command": ["CMD-SHELL", "true"]}},
    ),
    one(healthCheck={"command": ["CMD", "x"], "interval": 5, "timeout": 60, "retries": 10, "startPeriod": 0}),
    one(healthCheck={"command": ["NONE"]}),
    one(restartPolicy={"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [0] * 50}),
    volume(),
    mounted(host={}),
    mounted(configuredAtLaunch=True),
    mounted(efsVolumeConfiguration={"fileSystemId": "fs-1", "rootDirectory": "/data"}),
    mounted(
        efsVolumeConfiguration={
            "fileSystemId": "fs-1",
            "rootDirectory": "/",
            "transitEncryption": "ENABLED",
            "transitEncryptionPort": 2049,
            "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
        }
    ),
    {**mounted(s3filesVolumeConfiguration={"fileSystemArn": "a"}), "taskRoleArn": ROLE},
    {"proxyConfiguration": {"containerName": "app", "properties": [{"name": "IgnoredGID", "value": "1"}]}},
    {"runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"}},
    {
        "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
        "cpu": "1024",
        "memory": "2048",
    },
    ec2(**one(memory=64)),
    ec2(**one(memoryReservation=64)),
    ec2(memory="512", cpu="192"),
    ec2(networkMode="bridge", **one(memory=64, privileged=True, links=["db"], dnsServers=["10.0.0.2"])),
    ec2(networkMode="bridge", **one(memory=64, portMappings=[{"containerPort": 80, "hostPort": 8080}])),
    ec2(**one(memory=64, linuxParameters={"capabilities": {"add": ["NET_ADMIN"]}, "maxSwap": 1})),
    ec2(**one(memory=64, **logs("json-file"))),
    ec2(**one(memory=64, stopTimeout=600)),
]


@pytest.mark.parametrize("members", ACCEPTED, ids=lambda value: str(value)[:60])
def test_it_is_accepted(members: Members) -> None:
    check_task_definition(request(members))
