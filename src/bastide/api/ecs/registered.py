"""What ECS makes of a registered task definition: defaults filled in, compatibilities, required attributes.

Pure: from the request's members to the document that is stored and shown.
"""

from collections.abc import Iterator
from typing import Any

from bastide.api.ecs.checks import Document
from bastide.api.ecs.checks.fargate import check_fargate
from bastide.api.operation import Context
from bastide.model.arn import task_definition_arn
from bastide.model.container.image_name import is_private_ecr
from bastide.model.faults import Invalid
from bastide.model.task_size import parse_cpu, parse_memory

# Order as ECS shows it; not documented.
FARGATE_AND_OTHERS = ["EC2", "MANAGED_INSTANCES", "FARGATE"]
AWSVPC_ONLY = ["EC2", "MANAGED_INSTANCES"]
OTHER_NETWORKS = ["EXTERNAL", "EC2"]
_LISTS = ("environment", "mountPoints", "portMappings", "volumesFrom", "systemControls")
_ECS = "ecs.capability."
_AGENT = "com.amazonaws.ecs.capability."


def registered(ctx: Context, params: Document, revision: int) -> Document:
    """The AWS shape of revision `revision`, without its status; the request has passed the checks."""
    definition: Document = {name: value for name, value in params.items() if name != "tags"}
    awsvpc = params.get("networkMode") in ("awsvpc", "host")
    definition["containerDefinitions"] = [
        _filled_container(container, same_ports=awsvpc) for container in params["containerDefinitions"]
    ]
    definition.setdefault("volumes", [])
    definition.setdefault("placementConstraints", [])
    for member, parse in (("cpu", parse_cpu), ("memory", parse_memory)):
        if text := params.get(member):
            definition[member] = str(parse(text))
    definition["taskDefinitionArn"] = task_definition_arn(ctx.scope, params["family"], revision)
    definition["revision"] = revision
    definition["compatibilities"] = _compatibilities(params)
    definition["requiresAttributes"] = [{"name": name} for name in dict.fromkeys(_attributes(params))]
    definition["registeredAt"] = ctx.now_s
    definition["registeredBy"] = ctx.caller.principal_arn
    return definition


def _filled_container(container: Document, *, same_ports: bool) -> Document:
    filled: Document = {"cpu": 0, "essential": True, **container}
    for member in _LISTS:
        filled.setdefault(member, [])
    filled["portMappings"] = [_filled_port(port, same=same_ports) for port in filled["portMappings"]]
    return filled


def _filled_port(mapping: Document, *, same: bool) -> Document:
    filled: Document = {"protocol": "tcp", **mapping}
    if "containerPort" in mapping and not mapping.get("hostPort"):
        filled["hostPort"] = mapping["containerPort"] if same else 0
    return filled


def _compatibilities(params: Document) -> list[str]:
    if params.get("networkMode") != "awsvpc":
        return OTHER_NETWORKS
    if "FARGATE" not in params.get("requiresCompatibilities", ()):  # else it was checked already
        try:
            check_fargate(params)
        except Invalid:
            return AWSVPC_ONLY
    return FARGATE_AND_OTHERS


def _attributes(params: Document) -> Iterator[str]:
    """What the ECS agent of a container instance would have to be able to do."""
    if params.get("networkMode") == "awsvpc":
        yield _ECS + "task-eni"
        yield _AGENT + "docker-remote-api.1.18"
    if params.get("taskRoleArn"):
        yield _AGENT + "task-iam-role"
    if params.get("cpu") or params.get("memory"):
        yield _ECS + "task-cpu-mem-limit"
    if params.get("pidMode") or params.get("ipcMode"):
        yield _ECS + "pid-ipc-namespace-sharing"
    if params.get("proxyConfiguration"):
        yield _ECS + "aws-appmesh"
    if params.get("enableFaultInjection"):
        yield _ECS + "fault-injection"
    for volume in params.get("volumes", ()):
        yield from _volume_attributes(volume)
    for container in params["containerDefinitions"]:
        yield from _container_attributes(container, has_execution_role=bool(params.get("executionRoleArn")))


def _volume_attributes(volume: Document) -> Iterator[str]:
    if volume.get("configuredAtLaunch"):
        yield _ECS + "storage.ebs-task-volume-attach"
    if efs := volume.get("efsVolumeConfiguration"):
        yield _ECS + "efs"
        if efs.get("authorizationConfig"):
            yield _ECS + "efsAuth"


def _container_attributes(container: Document, *, has_execution_role: bool) -> Iterator[str]:
    if is_private_ecr(container["image"]):
        yield _AGENT + "ecr-auth"
        if has_execution_role:
            yield _ECS + "execution-role-ecr-pull"
    if log := container.get("logConfiguration"):
        yield from _log_attributes(log, has_execution_role=has_execution_role)
    for secret in container.get("secrets", ()):
        yield f"{_ECS}secrets.{_secret_store(secret)}.environment-variables"
    if container.get("repositoryCredentials"):
        yield _ECS + "private-registry-authentication.secretsmanager"
    if container.get("environmentFiles"):
        yield _ECS + "env-files.s3"
    if container.get("healthCheck"):
        yield _ECS + "container-health-check"
        yield _AGENT + "docker-remote-api.1.24"
    if container.get("dependsOn"):
        yield _ECS + "container-ordering"
    if container.get("restartPolicy"):
        yield _ECS + "container-restart-policy"
    if firelens := container.get("firelensConfiguration"):
        yield f"{_ECS}firelens.{firelens['type']}"


def _log_attributes(log: Document, *, has_execution_role: bool) -> Iterator[str]:
    yield f"{_AGENT}logging-driver.{log['logDriver']}"
    if log["logDriver"] == "awslogs":
        yield _AGENT + "docker-remote-api.1.19"
        if has_execution_role:
            yield _ECS + "execution-role-awslogs"
    for secret in log.get("secretOptions", ()):
        yield f"{_ECS}secrets.{_secret_store(secret)}.bootstrap.log-driver"


def _secret_store(secret: dict[str, Any]) -> str:
    """Secrets Manager takes ARNs of its own only; everything else names a parameter."""
    return "asm" if ":secretsmanager:" in secret["valueFrom"] else "ssm"
