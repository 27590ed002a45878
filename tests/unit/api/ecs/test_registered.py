"""What ECS makes of a task definition: defaults, compatibilities, required attributes."""

from typing import Any

import pytest

from tests.account import ROLE, Account, container, definition
from tests.unit.api.ecs.requests import AWSLOGS, ECR, ENV_FILE, ec2, logs, one

ECS = "ecs.capability."
AGENT = "com.amazonaws.ecs.capability."
AWSVPC = {ECS + "task-eni", AGENT + "docker-remote-api.1.18", ECS + "task-cpu-mem-limit"}


async def register(account: Account, **members: Any) -> dict[str, Any]:
    answer = await account.call("RegisterTaskDefinition", **definition(**members))
    registered: dict[str, Any] = answer["taskDefinition"]
    return registered


async def test_defaults_are_filled_in(account: Account) -> None:
    shown = await register(account, cpu=".25 vCPU", memory="0.5 GB")
    assert shown["containerDefinitions"] == [
        {
            "name": "app",
            "image": "busybox:1",
            "cpu": 0,
            "essential": True,
            "environment": [],
            "mountPoints": [],
            "portMappings": [],
            "volumesFrom": [],
            "systemControls": [],
        }
    ]
    assert (shown["cpu"], shown["memory"]) == ("256", "512")
    assert (shown["volumes"], shown["placementConstraints"]) == ([], [])
    assert (shown["family"], shown["revision"], shown["status"]) == ("web", 1, "ACTIVE")
    assert shown["taskDefinitionArn"] == "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1"
    assert shown["registeredBy"] == "arn:aws:iam::000000000000:user/admin"
    assert shown["registeredAt"] == account.now.timestamp()
    assert "tags" not in shown


async def test_what_was_given_stays(account: Account) -> None:
    given = container(
        essential=True, cpu=12, environment=[{"name": "A", "value": "b"}], dockerLabels={"x": "y"}
    )
    (shown,) = (await register(account, containerDefinitions=[given]))["containerDefinitions"]
    assert given.items() <= shown.items()


@pytest.mark.parametrize(
    ("members", "mapping", "shown"),
    [
        ({}, {"containerPort": 80}, {"containerPort": 80, "hostPort": 80, "protocol": "tcp"}),
        (
            {},
            {"containerPort": 53, "protocol": "udp"},
            {"containerPort": 53, "hostPort": 53, "protocol": "udp"},
        ),
        (
            {},
            {"containerPortRange": "80-81"},
            {"containerPortRange": "80-81", "protocol": "tcp"},
        ),
        (
            ec2(networkMode="bridge"),
            {"containerPort": 80},
            {"containerPort": 80, "hostPort": 0, "protocol": "tcp"},
        ),
    ],
)
async def test_port_mappings_are_completed(
    account: Account, members: dict[str, Any], mapping: dict[str, Any], shown: dict[str, Any]
) -> None:
    containers = one(portMappings=[mapping], memory=64)
    (found,) = (await register(account, **members, **containers))["containerDefinitions"]
    assert found["portMappings"] == [shown]


@pytest.mark.parametrize(
    ("members", "compatibilities"),
    [
        ({}, ["EC2", "MANAGED_INSTANCES", "FARGATE"]),
        ({"requiresCompatibilities": None}, ["EC2", "MANAGED_INSTANCES", "FARGATE"]),
        ({"requiresCompatibilities": ["EC2"], "cpu": "300"}, ["EC2", "MANAGED_INSTANCES"]),
        ({"requiresCompatibilities": None, **one(privileged=True)}, ["EC2", "MANAGED_INSTANCES"]),
        (ec2(networkMode="bridge", **one(memory=64)), ["EXTERNAL", "EC2"]),
        (ec2(**one(memory=64)), ["EXTERNAL", "EC2"]),
    ],
)
async def test_compatibilities(account: Account, members: dict[str, Any], compatibilities: list[str]) -> None:
    assert (await register(account, **members))["compatibilities"] == compatibilities


@pytest.mark.parametrize(
    ("members", "attributes"),
    [
        ({}, AWSVPC),
        (
            one(**logs(**AWSLOGS)),
            AWSVPC
            | {
                AGENT + "logging-driver.awslogs",
                AGENT + "docker-remote-api.1.19",
                ECS + "execution-role-awslogs",
            },
        ),
        (one(image=ECR), AWSVPC | {AGENT + "ecr-auth", ECS + "execution-role-ecr-pull"}),
        (
            {**ec2(**one(image=ECR, memory=64)), "executionRoleArn": None},
            {AGENT + "ecr-auth"},
        ),
        ({"taskRoleArn": ROLE}, AWSVPC | {AGENT + "task-iam-role"}),
        (
            one(secrets=[{"name": "A", "valueFrom": "/p"}]),
            AWSVPC | {ECS + "secrets.ssm.environment-variables"},
        ),
        (
            one(secrets=[{"name": "A", "valueFrom": "arn:aws:secretsmanager:r:0:secret:s-AbCdEf"}]),
            AWSVPC | {ECS + "secrets.asm.environment-variables"},
        ),
        (
            one(
                logConfiguration={
                    "logDriver": "splunk",
                    "options": {"splunk-url": "u"},
                    "secretOptions": [{"name": "splunk-token", "valueFrom": "/p"}],
                }
            ),
            AWSVPC | {AGENT + "logging-driver.splunk", ECS + "secrets.ssm.bootstrap.log-driver"},
        ),
        (
            one(repositoryCredentials={"credentialsParameter": "x"}),
            AWSVPC | {ECS + "private-registry-authentication.secretsmanager"},
        ),
        (one(environmentFiles=[ENV_FILE]), AWSVPC | {ECS + "env-files.s3"}),
        (
            one(healthCheck={"command": ["CMD", "true"]}),
            AWSVPC | {ECS + "container-health-check", AGENT + "docker-remote-api.1.24"},
        ),
        (
            one(restartPolicy={"enabled": True}),
            AWSVPC | {ECS + "container-restart-policy"},
        ),
        ({"pidMode": "task"}, AWSVPC | {ECS + "pid-ipc-namespace-sharing"}),
        ({"enableFaultInjection": True}, AWSVPC | {ECS + "fault-injection"}),
        (
            {"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]},
            AWSVPC | {ECS + "efs"},
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "efsVolumeConfiguration": {
                            "fileSystemId": "fs-1",
                            "transitEncryption": "ENABLED",
                            "authorizationConfig": {"iam": "ENABLED"},
                        },
                    }
                ]
            },
            AWSVPC | {ECS + "efs", ECS + "efsAuth"},
        ),
        (
            {
                "volumes": [{"name": "v", "configuredAtLaunch": True}],
                **one(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}]),
            },
            AWSVPC | {ECS + "storage.ebs-task-volume-attach"},
        ),
        (
            one(firelensConfiguration={"type": "fluentbit"}, **logs("awsfirelens")),
            AWSVPC | {ECS + "firelens.fluentbit", AGENT + "logging-driver.awsfirelens"},
        ),
        (
            {
                "proxyConfiguration": {
                    "containerName": "app",
                    "properties": [{"name": "IgnoredUID", "value": "1"}],
                }
            },
            AWSVPC | {ECS + "aws-appmesh"},
        ),
    ],
)
async def test_required_attributes(account: Account, members: dict[str, Any], attributes: set[str]) -> None:
    found = [attribute["name"] for attribute in (await register(account, **members))["requiresAttributes"]]
    assert set(found) == attributes
    assert len(found) == len(attributes)
