"""RegisterTaskDefinition's request as a whole: what holds for every launch type, then Fargate's rules."""

import re
from collections.abc import Sequence

import msgspec

from bastide.api.ecs.checks import Document, refuse
from bastide.api.ecs.checks.containers import check_containers
from bastide.api.ecs.checks.dependencies import check_dependencies
from bastide.api.ecs.checks.fargate import check_fargate
from bastide.api.ecs.checks.log_drivers import check_firelens, check_log_driver
from bastide.api.ecs.checks.volumes import check_mounts, check_volumes
from bastide.model.arn import ECS_NAME
from bastide.model.task_size import STORAGE_GIB_MAX, STORAGE_GIB_MIN, parse_cpu, parse_memory

SIZE_MAX_BYTES = 65536
ROLE = re.compile(r"(arn:aws[a-z-]*:iam::[0-9]{12}:role/(?:[!-~]+/)?)?[\w+=,.@-]{1,64}", re.ASCII)
_AWSVPC_REJECTS = {
    "disableNetworking": "Disable Networking is",
    "dnsServers": "DNS servers are",
    "dnsSearchDomains": "DNS search domains are",
    "links": "Links are",
    "extraHosts": "Extra hosts are",
    "hostname": "Hostname is",
}


def check_task_definition(definition: Document) -> None:
    """Raises for the first rule the request breaks."""
    _check_names(definition)
    containers = definition["containerDefinitions"]
    awsvpc = definition.get("networkMode") == "awsvpc"
    execution_role = bool(definition.get("executionRoleArn"))
    check_containers(containers, awsvpc=awsvpc, execution_role=execution_role)
    length = len(msgspec.json.encode(definition))
    if length > SIZE_MAX_BYTES:
        refuse(f"Actual length: '{length}'. Max allowed length is '{SIZE_MAX_BYTES}' bytes.")
    if awsvpc:
        _check_awsvpc(containers)
    _check_platform(definition)
    _check_task_size(definition)
    check_storage(definition.get("ephemeralStorage"))
    volumes = definition.get("volumes", ())
    check_volumes(volumes, task_role=bool(definition.get("taskRoleArn")))
    check_mounts(containers, volumes)
    check_dependencies(containers)
    fargate = "FARGATE" in definition.get("requiresCompatibilities", ())
    if fargate:
        check_fargate(definition)
    else:
        _check_log_drivers(containers, execution_role=execution_role)
    check_firelens(containers, fargate=fargate)
    if (proxy := definition.get("proxyConfiguration")) is not None:
        _check_proxy(proxy, containers, awsvpc=awsvpc)
    _check_sums(definition)


def _check_names(definition: Document) -> None:
    family = definition["family"]
    if not family:
        refuse("Family should not be null or empty.")
    if len(family) > 255:
        refuse("Family must be at most 255 characters long.")
    if not ECS_NAME.fullmatch(family):
        refuse("Family contains invalid characters.")
    for member in ("taskRoleArn", "executionRoleArn"):
        check_role(definition.get(member))


def check_role(role: str | None) -> None:
    """A role's name or ARN; holds for overrides too."""
    if role and not ROLE.fullmatch(role):
        refuse("Role is not valid")


def check_storage(storage: Document | None) -> None:
    """`ephemeralStorage`; holds for overrides too."""
    if storage is None:
        return
    if storage["sizeInGiB"] < STORAGE_GIB_MIN:
        refuse(f"EphemeralStorage size should be at least {STORAGE_GIB_MIN}")
    if storage["sizeInGiB"] > STORAGE_GIB_MAX:
        refuse(f"EphemeralStorage size should be at most {STORAGE_GIB_MAX}")


def check_sizes(cpu: str | None, memory: str | None) -> None:
    """Each of the two is a size, whatever the other is."""
    for member, text, parse in (("cpu", cpu, parse_cpu), ("memory", memory, parse_memory)):
        if text and parse(text) is None:
            refuse(
                f"Invalid '{member}' setting for task. For more information, see the Troubleshooting section "
                "of the Amazon ECS Developer Guide."
            )


def _check_awsvpc(containers: Sequence[Document]) -> None:
    for container in containers:
        for member, words in _AWSVPC_REJECTS.items():
            if container.get(member):
                refuse(f"{words} not supported on container when networkMode=awsvpc")


def _check_platform(definition: Document) -> None:
    platform = definition.get("runtimePlatform", {})
    windows = platform.get("operatingSystemFamily", "LINUX").startswith("WINDOWS")
    if windows and platform.get("cpuArchitecture") == "ARM64":
        refuse("The ARM64 cpuArchitecture is not supported for Windows operating system families.")


def _check_task_size(definition: Document) -> None:
    check_sizes(definition.get("cpu"), definition.get("memory"))
    if definition.get("memory") or "FARGATE" in definition.get("requiresCompatibilities", ()):
        return
    for container in definition["containerDefinitions"]:
        if container.get("memory") is None and container.get("memoryReservation") is None:
            refuse(
                f"Invalid setting for container '{container['name']}'. "
                "At least one of 'memory' or 'memoryReservation' must be specified."
            )


def _check_log_drivers(containers: Sequence[Document], *, execution_role: bool) -> None:
    for container in containers:
        if log := container.get("logConfiguration"):
            check_log_driver(log, fargate=False, execution_role=execution_role)


def _check_proxy(proxy: Document, containers: Sequence[Document], *, awsvpc: bool) -> None:
    if not awsvpc:
        refuse("A proxyConfiguration requires the network mode awsvpc.")
    if proxy["containerName"] not in {container["name"] for container in containers}:
        refuse(f"The proxy container '{proxy['containerName']}' is not a container in the TaskDefinition.")
    names = {item.get("name") for item in proxy.get("properties", ())}
    if not names & {"IgnoredUID", "IgnoredGID"}:
        refuse("A proxyConfiguration must have the property IgnoredUID or IgnoredGID.")


def _check_sums(definition: Document) -> None:
    """Containers fit into the task; without a size of the task there is nothing to fit into."""
    containers = definition["containerDefinitions"]
    memory_mib = parse_memory(definition.get("memory") or "")
    if memory_mib is not None:
        for container in containers:
            if container.get("memory", 0) > memory_mib:
                refuse(
                    f"Invalid setting for container '{container['name']}'. The 'memory' of "
                    f"{container['memory']} is above the task's memory of {memory_mib}."
                )
        reserved = sum(container.get("memoryReservation", 0) for container in containers)
        if reserved > memory_mib:
            refuse(f"The containers reserve {reserved} of memory, above the task's memory of {memory_mib}.")
    cpu_units = parse_cpu(definition.get("cpu") or "")
    total = sum(container.get("cpu", 0) for container in containers)
    if cpu_units is not None and total > cpu_units:
        refuse(f"The containers reserve {total} CPU units, above the task's cpu of {cpu_units}.")
