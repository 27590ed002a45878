"""One container as the metadata endpoint shows it. Pure.

Members without a value are left out, as ECS does. A path of the host's is shown nowhere.
"""

from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Any

from bastide.model.assignment import Assignment, Container
from bastide.model.container.health import HealthReport
from bastide.model.network import subnet_router, vpc_resolver
from bastide.model.status import DesiredStatus
from bastide.model.task_state import ContainerMemory, TaskState

Document = dict[str, Any]

CPU_SHARES_MIN = 2  # what Docker makes of less, and ECS shows
NONE, PULLED, CREATED, RUNNING, STOPPED = "NONE", "PULLED", "CREATED", "RUNNING", "STOPPED"
_LABEL = "com.amazonaws.ecs."


def render_container(spec: Assignment, state: TaskState, container: Container, *, version: int) -> Document:
    """Version 4, or the fewer members of version 3."""
    memory = state.container(container.name)
    shown: Document = {
        "DockerId": container.runtime_id,
        "Name": container.name,
        "DockerName": container.name,
        "Image": container.image,
        "ImageID": memory.image_digest,
        "Ports": [
            {"ContainerPort": port.container_port, "Protocol": port.protocol, "HostPort": port.container_port}
            for port in container.ports
        ],
        "Labels": _labels(spec, container),
        "DesiredStatus": desired_status(spec, state, memory),
        "KnownStatus": known_status(memory),
        "ExitCode": memory.exit_code,
        "Limits": present({"CPU": max(CPU_SHARES_MIN, container.cpu_units), "Memory": container.memory_mib}),
        "CreatedAt": render_time(memory.start_asked_at or memory.started_at),
        "StartedAt": render_time(memory.run_started_at or memory.started_at),
        "FinishedAt": render_time(memory.stopped_at),
        "Type": "NORMAL",
        "Health": _health(memory.health),
        "Networks": [_network(spec, version)],
        "Volumes": [{"DockerName": mount.volume, "Destination": mount.path} for mount in container.mounts],
        "RestartCount": memory.restarts if container.restart_policy is not None else None,
    }
    if version >= 4:
        shown |= {"ContainerARN": container.arn, "Snapshotter": "overlayfs", **_log(container)}
    return present(shown)


def known_status(memory: ContainerMemory) -> str:
    """How far the container is."""
    if memory.stopped_at is not None:
        return STOPPED
    if memory.run_started_at is not None or memory.started_at is not None:
        return RUNNING
    if memory.start_asked_at is not None:
        return CREATED
    return PULLED if memory.image_digest is not None else NONE


def desired_status(spec: Assignment, state: TaskState, memory: ContainerMemory) -> str:
    """What is wanted of it."""
    is_over = state.stop is not None or spec.desired_status is DesiredStatus.STOPPED
    return STOPPED if is_over or memory.stopped_at is not None else RUNNING


def render_time(at: datetime | None) -> str | None:
    """RFC 3339, in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def present(members: Document) -> Document:
    """What has a value."""
    return {name: value for name, value in members.items() if value is not None and value != []}


def _labels(spec: Assignment, container: Container) -> Document:
    identity = spec.identity
    return {
        **container.labels,
        f"{_LABEL}cluster": identity.cluster_arn,
        f"{_LABEL}container-name": container.name,
        f"{_LABEL}task-arn": spec.task_arn,
        f"{_LABEL}task-definition-family": identity.family,
        f"{_LABEL}task-definition-version": str(identity.revision),
    }


def _health(health: HealthReport | None) -> Document | None:
    if health is None:
        return None
    shown: Document = {"status": health.status.value, "statusSince": render_time(health.since)}
    if health.results:
        last = health.results[-1]
        shown |= {"exitCode": last.exit_code, "output": last.output}
    return present(shown)


def _network(spec: Assignment, version: int) -> Document:
    eni = spec.eni
    shown: Document = {"NetworkMode": "awsvpc", "IPv4Addresses": [eni.private_ip]}
    if version >= 4:
        subnet = IPv4Network(eni.subnet_cidr)
        shown |= {
            "AttachmentIndex": 0,
            "MACAddress": eni.mac,
            "IPv4SubnetCIDRBlock": eni.subnet_cidr,
            "DomainNameServers": [str(vpc_resolver(IPv4Network(eni.vpc_cidr)))],
            "DomainNameSearchList": [eni.hostname.partition(".")[2]],
            "PrivateDNSName": eni.hostname,
            "SubnetGatewayIpv4Address": f"{subnet_router(subnet)}/{subnet.prefixlen}",
        }
    return shown


def _log(container: Container) -> Document:
    log = container.log
    if log is None:
        return {}
    options = {"awslogs-group": log.group, "awslogs-region": log.region, "awslogs-stream": log.stream}
    if log.create_group:
        options["awslogs-create-group"] = "true"
    return {"LogDriver": "awslogs", "LogOptions": options}
