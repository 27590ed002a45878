"""Every rule of RegisterTaskDefinition: what is refused, and in which words."""

import pytest

from bastide.api.ecs.checks.containers import CAPABILITIES
from bastide.api.ecs.checks.task_definitions import check_task_definition
from bastide.api.failures import row_for
from bastide.model.faults import Fault
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

LONG = "a" * 256
TASK_SETTING = (
    "setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer "
    "Guide."
)


def pair(cpu: int, memory: int) -> str:
    return (
        f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
        "See the Amazon ECS documentation for the valid values."
    )


def unsupported(field: str) -> str:
    return f"Fargate compatible task definitions do not support {field}"


REFUSED: list[tuple[Members, str]] = [
    # family, roles, sizes of everything
    ({"family": ""}, "Family should not be null or empty."),
    ({"family": LONG}, "Family must be at most 255 characters long."),
    ({"family": "a b"}, "Family contains invalid characters."),
    ({"family": "a:1"}, "Family contains invalid characters."),
    ({"family": "ä"}, "Family contains invalid characters."),
    ({"family": "web\n"}, "Family contains invalid characters."),
    ({"executionRoleArn": "arn:aws:s3:::bucket"}, "Role is not valid"),
    ({"taskRoleArn": "a role"}, "Role is not valid"),
    ({"taskRoleArn": "arn:aws:iam::1:role/x"}, "Role is not valid"),
    (one(command=["x" * 65536]), "Max allowed length is '65536' bytes."),
    # 1.1 CPU and memory
    ({"cpu": None}, "Fargate requires that 'cpu' be defined at the task level."),
    ({"memory": None}, "Fargate requires that 'memory' be defined at the task level."),
    ({"cpu": ""}, "Fargate requires that 'cpu' be defined at the task level."),
    ({"cpu": "4096", "memory": "4096"}, pair(4096, 4096)),
    ({"cpu": "4 vCPU", "memory": "4 GB"}, pair(4096, 4096)),
    ({"cpu": "256", "memory": "4096"}, pair(256, 4096)),
    ({"cpu": "300"}, pair(300, 512)),
    ({"cpu": "32768", "memory": "65536"}, pair(32768, 65536)),
    ({"cpu": "127"}, f"Invalid 'cpu' {TASK_SETTING}"),
    ({"cpu": "196609"}, f"Invalid 'cpu' {TASK_SETTING}"),
    ({"cpu": "lots"}, f"Invalid 'cpu' {TASK_SETTING}"),
    ({"memory": "512 MB"}, f"Invalid 'memory' {TASK_SETTING}"),
    ({"memory": "-1"}, f"Invalid 'memory' {TASK_SETTING}"),
    (ec2(cpu="64", memory="512"), f"Invalid 'cpu' {TASK_SETTING}"),
    # 1.3 what Fargate rejects
    ({"networkMode": "bridge"}, "Fargate only supports network mode ‘awsvpc’."),
    ({"networkMode": "host"}, "Fargate only supports network mode ‘awsvpc’."),
    ({"networkMode": "none"}, "Fargate only supports network mode ‘awsvpc’."),
    ({"networkMode": None}, "Fargate only supports network mode ‘awsvpc’."),
    (one(privileged=True), "Fargate requires that the 'privileged' setting be 'false'"),
    (linux(devices=[{"hostPath": "/dev/fuse"}]), unsupported("devices")),
    (linux(maxSwap=0), unsupported("maxSwap")),
    (linux(sharedMemorySize=64), unsupported("sharedMemorySize")),
    (linux(swappiness=60), unsupported("swappiness")),
    (linux(tmpfs=[{"containerPath": "/t", "size": 1}]), unsupported("tmpfs")),
    (one(dockerSecurityOptions=["label:user:x"]), unsupported("dockerSecurityOptions")),
    (one(credentialSpecs=["credentialspec:arn:x"]), unsupported("credentialSpecs")),
    ({"ipcMode": "task"}, unsupported("ipcMode")),
    ({"ipcMode": "none"}, unsupported("ipcMode")),
    ({"placementConstraints": [{"type": "memberOf", "expression": "x"}]}, unsupported("constraints")),
    (volume(dockerVolumeConfiguration={"scope": "task"}), unsupported("dockerVolumeConfiguration")),
    (volume(host={"sourcePath": "/etc"}), unsupported("sourcePath")),
    (
        volume(fsxWindowsFileServerVolumeConfiguration={"fileSystemId": "fs-1"}),
        unsupported("fsxWindowsFileServerVolumeConfiguration"),
    ),
    (
        {"inferenceAccelerators": [{"deviceName": "d", "deviceType": "t"}]},
        "Unsupported field 'inferenceAccelerators'",
    ),
    *(
        (linux(capabilities={"add": [name]}), f"{name} is not allowed on Fargate.")
        for name in sorted(CAPABILITIES - {"SYS_PTRACE"})
    ),
    (linux(capabilities={"add": ["CAP_SYS_PTRACE"]}), "CAP_SYS_PTRACE is not a Linux capability"),
    (linux(capabilities={"drop": ["EVERYTHING"]}), "EVERYTHING is not a Linux capability"),
    (
        one(disableNetworking=True),
        "Disable Networking is not supported on container when networkMode=awsvpc",
    ),
    (one(dnsServers=["10.0.0.2"]), "DNS servers are not supported on container when networkMode=awsvpc"),
    (
        one(dnsSearchDomains=["x"]),
        "DNS search domains are not supported on container when networkMode=awsvpc",
    ),
    (one(links=["db"]), "Links are not supported on container when networkMode=awsvpc"),
    (
        one(extraHosts=[{"hostname": "h", "ipAddress": "10.0.0.1"}]),
        "Extra hosts are not supported on container when networkMode=awsvpc",
    ),
    (one(hostname="h"), "Hostname is not supported on container when networkMode=awsvpc"),
    (
        one(resourceRequirements=[{"type": "GPU", "value": "1"}]),
        "Tasks using the Fargate launch type do not support GPU resource requirements.",
    ),
    (
        {"pidMode": "host"},
        "Tasks using the Fargate launch type do not support pidMode 'host'. "
        "The supported value for pidMode is 'task'.",
    ),
    (
        ports({"containerPort": 80, "hostPort": 8080}),
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
    ),
    (
        {**one(**logs(**AWSLOGS)), "executionRoleArn": None},
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
    ),
    (
        {**one(image=ECR), "executionRoleArn": None},
        "Fargate requires task definition to have execution role ARN to support ECR images.",
    ),
    (
        {**one(secrets=[SECRET]), "executionRoleArn": None},
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
    ),
    (
        {**one(environmentFiles=[ENV_FILE]), "executionRoleArn": None},
        "When you are specifying environmentFiles, you must also specify a value for 'executionRoleArn'.",
    ),
    (
        {**one(repositoryCredentials={"credentialsParameter": "x"}), "executionRoleArn": None},
        "When you are specifying repositoryCredentials, you must also specify a value for "
        "'executionRoleArn'.",
    ),
    # 1.7 logging
    (
        one(**logs()),
        "Log driver awslogs requires options: awslogs-group, awslogs-region, awslogs-stream-prefix",
    ),
    (
        one(**logs(**{"awslogs-region": "r", "awslogs-stream-prefix": "p"})),
        "Log driver awslogs requires options: awslogs-group",
    ),
    (
        one(**logs(**{"awslogs-group": "g", "awslogs-region": "r"})),
        "Log driver awslogs requires options: awslogs-stream-prefix",
    ),
    (
        ec2(**one(memory=64, **logs(**{"awslogs-group": "g"}))),
        "Log driver awslogs requires options: awslogs-region",
    ),
    (one(**logs("splunk", **{"splunk-url": "u"})), "Log driver splunk requires options: splunk-token"),
    *(
        (
            one(**logs(driver)),
            f"{driver} is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]",
        )
        for driver in ("json-file", "syslog", "journald", "gelf", "fluentd")
    ),
    (one(**logs(**AWSLOGS, tag="x")), "Log driver awslogs disallows options: tag"),
    (one(**logs(**AWSLOGS, **{"awslogs-create-group": "yes"})), "awslogs-create-group must be true or false"),
    (one(**logs(**AWSLOGS, mode="sometimes")), "[blocking,non-blocking]"),
    (one(**logs(**AWSLOGS, **{"max-buffer-size": "big"})), "max-buffer-size must be a size"),
    (
        one(**logs(**AWSLOGS, **{"awslogs-datetime-format": "%Y", "awslogs-multiline-pattern": "^x"})),
        "exclude each other",
    ),
    # storage and timeouts
    ({"ephemeralStorage": {"sizeInGiB": 20}}, "EphemeralStorage size should be at least 21"),
    ({"ephemeralStorage": {"sizeInGiB": 201}}, "EphemeralStorage size should be at most 200"),
    (
        one(stopTimeout=121),
        "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.",
    ),
    (
        one(startTimeout=121),
        "Tasks using the Fargate launch type must have a container start timeout of less than 120 seconds.",
    ),
    (one(stopTimeout=1), "Granular stop timeout on container 'app' must be at least 2 seconds."),
    (one(startTimeout=1), "Granular start timeout on container 'app' must be at least 2 seconds."),
    # containers together
    ({"containerDefinitions": []}, "Container list cannot be empty"),
    (several(*({} for _ in range(11))), "Too many containers"),
    (one(name=None), "Container.name should not be null or empty."),
    (one(name=""), "Container.name should not be null or empty."),
    (one(name="a b"), "Container.name contains invalid characters"),
    (one(name=LONG), "Container.name contains invalid characters"),
    (one(image=None), "Container.image should not be null or empty."),
    (one(image=" "), "Container.image should not be null or empty."),
    (one(image="a b"), "Container.image contains invalid characters."),
    (one(image=LONG), "Container.image must be at most 255 characters long."),
    (several({"name": "a"}, {"name": "a"}), "Container name 'a' is used more than once"),
    (several({"essential": False}, {"essential": False}), "At least one container"),
    # memory and CPU of containers
    (
        ec2(),
        "Invalid setting for container 'app'. "
        "At least one of 'memory' or 'memoryReservation' must be specified.",
    ),
    (one(memory=5), "Invalid 'memory' setting for container 'app'. It must be at least 6."),
    (one(memoryReservation=5), "Invalid 'memoryReservation' setting for container 'app'"),
    (one(memory=64, memoryReservation=65), "'memory' must be greater than 'memoryReservation'"),
    (one(memory=513), "above the task's memory of 512"),
    (several({"memoryReservation": 256}, {"memoryReservation": 257}), "reserve 513 of memory"),
    (one(cpu=-1), "Invalid 'cpu' setting for container 'app'"),
    (several({"cpu": 128}, {"cpu": 129}), "reserve 257 CPU units, above the task's cpu of 256"),
    # environment and secrets
    (one(environment=[{"value": "x"}]), "Environment variable name should not be null or empty."),
    (one(environment=[{"name": ""}]), "Environment variable name should not be null or empty."),
    (
        one(environment=[{"name": "S", "value": "x"}], secrets=[SECRET]),
        "The secret name must be unique and not shared with any new or existing environment variables set on "
        "the container, such as 'S'.",
    ),
    (one(secrets=[SECRET, SECRET]), "The secret name must be unique"),
    (one(secrets=[{"name": "", "valueFrom": "/p"}]), "Secret name should not be null or empty."),
    *(
        (
            one(secrets=[{"name": "S", "valueFrom": wrong}]),
            "The Systems Manager parameter name specified for secret S is invalid. The parameter name can be "
            "up to 2048 characters and include the following letters and symbols: a-zA-Z0-9_.-",
        )
        for wrong in (
            "",
            "a b",
            "/p:3",
            "a" * 2049,
            "arn:aws:ssm:us-east-1:0:document/x",
            "arn:aws:ssm:::parameter/x",
        )
    ),
    *(
        (one(secrets=[{"name": "S", "valueFrom": wrong}]), "The ARN specified for secret S is invalid.")
        for wrong in (
            "arn:aws:s3:::bucket/key",
            "arn:aws:secretsmanager:us-east-1:0:secret:",
            "arn:aws:secretsmanager:us-east-1:0:secret:db-AbCdEf:key",
            "arn:aws:secretsmanager:us-east-1:0:secret:db-AbCdEf:key:",
            "arn:aws:secretsmanager:us-east-1:0:secret:db-AbCdEf:key:AWSCURRENT:version",
        )
    ),
    (one(environmentFiles=[ENV_FILE] * 11), "at most 10 environment files"),
    (
        one(environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::bucket/app.txt"}]),
        "whose name ends in .env",
    ),
    (one(environmentFiles=[{"type": "s3", "value": "https://x/app.env"}]), "ARN of an S3 object"),
    # ulimits and sysctls
    (one(ulimits=[{"name": "nofile", "softLimit": 2, "hardLimit": 1}]), "must not be above its hard limit"),
    (one(ulimits=[{"name": "core", "softLimit": -1, "hardLimit": 1}]), "must not be above its hard limit"),
    (one(ulimits=[{"name": "core", "softLimit": -2, "hardLimit": -1}]), "must not be negative"),
    (one(ulimits=[{"name": "nofile", "softLimit": 1, "hardLimit": 1048577}]), "at most 1048576"),
    (
        one(ulimits=[{"name": "core", "softLimit": 1, "hardLimit": 1}] * 2),
        "Ulimit 'core' is set more than once",
    ),
    *(
        (one(systemControls=[{"namespace": name, "value": "1"}]), f"'{name}' is not supported on Fargate")
        for name in ("vm.swappiness", "kernel.panic", "fs.file-max", "kernel.shm", "")
    ),
    (one(systemControls=[{"namespace": "net.core.somaxconn"}]), "SystemControl.value should not be null"),
    # what no process could be given
    (one(command=["a", "b\0"]), "Container.command contains invalid characters."),
    (one(dockerLabels={"\0": "b"}), "Container.dockerLabels contains invalid characters."),
    (
        mounted(efsVolumeConfiguration={"fileSystemId": "fs-1", "rootDirectory": "/\0"}),
        "Volume.efsVolumeConfiguration.rootDirectory contains invalid characters.",
    ),
    # 1.6 dependencies, health checks, restarts
    (
        several({"dependsOn": [{"containerName": "x", "condition": "START"}]}),
        "depends on 'x', which is not a container in the TaskDefinition.",
    ),
    (several({"dependsOn": [{"containerName": "c0", "condition": "START"}]}), "cannot depend on itself"),
    *(
        (
            several({"dependsOn": [{"containerName": "c1", "condition": condition}]}, {}),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        )
        for condition in ("SUCCESS", "COMPLETE")
    ),
    (
        several({"dependsOn": [{"containerName": "c1", "condition": "HEALTHY"}]}, {}),
        "must have a health check: 'c1'",
    ),
    (
        several(
            {"dependsOn": [{"containerName": "c1", "condition": "START"}]},
            {"dependsOn": [{"containerName": "c2", "condition": "START"}]},
            {"dependsOn": [{"containerName": "c0", "condition": "START"}]},
        ),
        "contain a cycle",
    ),
    (
        several(
            {"dependsOn": [{"containerName": "c1", "condition": "HEALTHY"}]},
            {"healthCheck": {"command": ["NONE"]}},
        ),
        "must have a health check: 'c1'",
    ),
    (one(healthCheck={"command": ["NONE"], "interval": 1}), "interval must be between 5 and 300"),
    (one(healthCheck={"command": ["NONE", "x"]}), "must begin with CMD or CMD-SHELL"),
    (one(healthCheck={"command": []}), "must begin with CMD or CMD-SHELL"),
    (one(healthCheck={"command": ["curl", "x"]}), "must begin with CMD or CMD-SHELL"),
    (one(healthCheck={"command": ["CMD"]}), "must begin with CMD or CMD-SHELL"),
    *(
        (one(healthCheck={"command": ["CMD", "true"], member: value}), f"{member} must be between")
        for member, values in {
            "interval": (4, 301),
            "timeout": (1, 61),
            "retries": (0, 11),
            "startPeriod": (-1, 301),
        }.items()
        for value in values
    ),
    *(
        (one(restartPolicy={"enabled": True, "restartAttemptPeriod": value}), "between 60 and 1800")
        for value in (59, 1801)
    ),
    (one(restartPolicy={"enabled": True, "ignoredExitCodes": [1] * 51}), "at most 50 exit codes"),
    # 1.8 ports
    (ports({}), "PortMapping.containerPort should not be null."),
    (ports({"containerPort": 0}), "Invalid container port 0"),
    (ports({"containerPort": 65536}), "Invalid container port 65536"),
    (ports({"containerPort": 80, "hostPort": -1}), "Invalid host port -1"),
    (
        ports({"containerPort": 80, "containerPortRange": "80-90"}),
        "cannot specify both single port and port range",
    ),
    (
        ports({"hostPort": 80, "containerPortRange": "80-90"}),
        "cannot specify both single port and port range",
    ),
    (ports({"containerPortRange": "90-80"}), "The first port must not be above the last."),
    (ports({"containerPortRange": "80"}), "A port range is written <first>-<last>."),
    (ports({"containerPortRange": "0-80"}), "Invalid container port 0"),
    (ports({"containerPortRange": "80-65536"}), "Invalid container port 65536"),
    (ports({"containerPort": 80}, {"containerPort": 80}), "overlap"),
    (ports({"containerPortRange": "80-90"}, {"containerPort": 85}), "overlap"),
    (ports({"containerPortRange": "80-90"}, {"containerPortRange": "90-99"}), "overlap"),
    (
        ports(*({"containerPortRange": f"{port}-{port}"} for port in range(1000, 1101))),
        "at most 100 port ranges",
    ),
    (ports({"containerPort": 80, "appProtocol": "http"}), "only be set on a port mapping that has a name"),
    *(
        (ports({"containerPort": 80, "name": name}), "Invalid port mapping name")
        for name in ("", "-a", "A", "a b", "a" * 65)
    ),
    (
        several(
            {"portMappings": [{"containerPort": 80, "name": "web"}]},
            {"portMappings": [{"containerPort": 81, "name": "web"}]},
        ),
        "Port mapping name 'web' is used more than once",
    ),
    # 1.9 volumes
    (volume(name="a b"), "Invalid volume name 'a b'"),
    (volume(name=""), "Invalid volume name ''"),
    ({"volumes": [{"name": "v"}, {"name": "v"}]}, "Volume name 'v' is used more than once"),
    (one(mountPoints=[{"sourceVolume": "x", "containerPath": "/x"}]), "Unknown volume 'x'."),
    (one(mountPoints=[{"containerPath": "/x"}]), "Unknown volume ''."),
    (
        {**volume(), **one(mountPoints=[{"sourceVolume": "v"}])},
        "MountPoint.containerPath should not be null or empty.",
    ),
    (
        {**volume(), **one(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}] * 2)},
        "Duplicate mount point '/v'",
    ),
    (one(volumesFrom=[{"sourceContainer": "x"}]), "Unknown container 'x' in volumesFrom"),
    (one(volumesFrom=[{"sourceContainer": "app"}]), "cannot mount volumes from itself"),
    (volume(configuredAtLaunch=True), "Volumes [v] are not referenced by any of the containers"),
    (
        {"volumes": [{"name": name, "configuredAtLaunch": True} for name in ("v", "w")]},
        "Only one volume that is configured at launch",
    ),
    (
        mounted(efsVolumeConfiguration={"fileSystemId": "fs-1"}, configuredAtLaunch=True),
        "only one kind of configuration",
    ),
    (
        mounted(
            efsVolumeConfiguration={
                "fileSystemId": "fs-1",
                "rootDirectory": "/data",
                "transitEncryption": "ENABLED",
                "authorizationConfig": {"accessPointId": "fsap-1"},
            }
        ),
        "the root directory must be omitted or set to '/'",
    ),
    (
        mounted(
            efsVolumeConfiguration={
                "fileSystemId": "fs-1",
                "authorizationConfig": {"accessPointId": "fsap-1"},
            }
        ),
        "transit encryption must be ENABLED",
    ),
    (
        mounted(efsVolumeConfiguration={"fileSystemId": "fs-1", "authorizationConfig": {"iam": "ENABLED"}}),
        "transit encryption must be ENABLED",
    ),
    (
        mounted(efsVolumeConfiguration={"fileSystemId": "fs-1", "transitEncryptionPort": 2049}),
        "only when transit encryption is ENABLED",
    ),
    (
        mounted(
            efsVolumeConfiguration={
                "fileSystemId": "fs-1",
                "transitEncryption": "ENABLED",
                "transitEncryptionPort": 65536,
            }
        ),
        "between 0 and 65535",
    ),
    (mounted(s3filesVolumeConfiguration={"fileSystemArn": "a"}), "'taskRoleArn'"),
    # 1.10 proxy, 1.2 platform
    (
        {"proxyConfiguration": {"containerName": "x", "properties": [{"name": "IgnoredUID", "value": "1"}]}},
        "The proxy container 'x' is not a container",
    ),
    ({"proxyConfiguration": {"containerName": "app"}}, "IgnoredUID or IgnoredGID"),
    (
        ec2(proxyConfiguration={"containerName": "app"}, **one(memory=64)),
        "requires the network mode awsvpc",
    ),
    (
        {
            "runtimePlatform": {
                "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE",
                "cpuArchitecture": "ARM64",
            }
        },
        "ARM64",
    ),
    (
        {"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2016_FULL"}},
        "do not support the operating system family WINDOWS_SERVER_2016_FULL",
    ),
    ({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, pair(256, 512)),
]


@pytest.mark.parametrize(("members", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_it_is_refused_in_these_words(members: Members, words: str) -> None:
    with pytest.raises(Fault) as caught:
        check_task_definition(request(members))
    row = row_for("ecs", caught.value)
    assert row is not None
    assert row.code == "ClientException"
    assert words in row.message
