"""A task's record: how it begins, how it is shown, and which fields the API itself writes.

The document holds the AWS shape under `task` (without tags) and beside it what ECS does not show. `task`
begins as RunTask answers it; placement and the agent's reports add to it.
"""

import secrets
import uuid

import msgspec

from bastide.api.ecs.checks import Document
from bastide.api.ecs.checks.overrides import task_size
from bastide.api.operation import Context
from bastide.model.arn import container_arn, last_of, task_arn
from bastide.model.container.managed_agents import new_managed_agents
from bastide.model.status import RUNTIME_ATTRIBUTE, ContainerStatus, DesiredStatus, TaskStatus
from bastide.model.task_size import STORAGE_GIB_DEFAULT
from bastide.store.records import Record

TASK = "task"
MANAGED_CLUSTER_TAG = "aws:ecs:clusterName"
ARCHITECTURE = {"X86_64": "x86_64", "ARM64": "arm64"}


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What one RunTask decided for all of its tasks."""

    cluster: Record
    definition: Record
    params: Document
    platform_version: str
    network: Document
    tags: list[Document]
    log_mode: str


def new_task(ctx: Context, launch: Launch, *, provider: str | None, subnet: str) -> Record:
    """A task that nobody has placed yet, to be put into `subnet` if that has an address left."""
    cluster = launch.cluster.document["clusterName"]
    task_id = secrets.token_hex(16)
    arn = task_arn(ctx.scope, cluster, task_id)
    definition, params = launch.definition.document["taskDefinition"], launch.params
    overrides = params.get("overrides", {})
    cpu_units, memory_mib = task_size(definition, overrides)
    storage = _storage(definition, overrides)
    task: Document = {
        "taskArn": arn,
        "clusterArn": launch.cluster.key,
        "taskDefinitionArn": launch.definition.key,
        "attachments": [_attachment(subnet)],
        "attributes": _attributes(ctx, definition),
        "containers": [
            _container(ctx, cluster, arn, merged, params)
            for merged in merged_containers(definition, overrides)
        ],
        "cpu": str(cpu_units),
        "memory": str(memory_mib),
        "createdAt": ctx.now_s,
        "desiredStatus": DesiredStatus.RUNNING.value,
        "lastStatus": TaskStatus.PROVISIONING.name,
        "enableExecuteCommand": params.get("enableExecuteCommand", False),
        "group": params.get("group") or f"family:{definition['family']}",
        "healthStatus": "UNKNOWN",
        "inferenceAccelerators": [],
        "launchType": "FARGATE",
        "overrides": _shown_overrides(definition, overrides),
        "platformFamily": "Linux",
        "platformVersion": launch.platform_version,
        "ephemeralStorage": storage,
        "fargateEphemeralStorage": storage,
        "version": 1,
    }
    if provider is not None:
        task["capacityProviderName"] = provider
    if started_by := params.get("startedBy"):
        task["startedBy"] = started_by
    document = {
        "task": task,
        "tags": launch.tags,
        "network": launch.network,
        "logMode": launch.log_mode,
        "host": None,
        "eni": None,
        "reported": int(TaskStatus.PROVISIONING),
        "clientToken": params.get("clientToken"),
    }
    return Record(
        TASK,
        arn,
        ctx.scope,
        document,
        parent=launch.cluster.key,
        name=task_id,
        status=DesiredStatus.RUNNING.value,
        state=TaskStatus.PROVISIONING.name,
    )


def _attributes(ctx: Context, definition: Document) -> list[Document]:
    """Fargate's own, and which wall there is around the task."""
    architecture = definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    return [
        {"name": "ecs.cpu-architecture", "value": ARCHITECTURE[architecture]},
        {"name": RUNTIME_ATTRIBUTE, "value": ctx.settings.runtime.value},
    ]


def render_task(record: Record, *, tags: list[Document] | None = None) -> Document:
    """The task as ECS shows it, with these tags when they were asked for."""
    return {**record.document["task"], "tags": tags}


def merged_containers(definition: Document, overrides: Document) -> list[Document]:
    """The container definitions with what the overrides say of sizes."""
    by_name = {override["name"]: override for override in overrides.get("containerOverrides", ())}
    sizes = ("cpu", "memory", "memoryReservation")
    return [
        {**container, **{m: v for m, v in by_name.get(container["name"], {}).items() if m in sizes}}
        for container in definition["containerDefinitions"]
    ]


def _storage(definition: Document, overrides: Document) -> Document:
    asked = overrides.get("ephemeralStorage") or definition.get("ephemeralStorage") or {}
    return {"sizeInGiB": asked.get("sizeInGiB", STORAGE_GIB_DEFAULT)}


def _attachment(subnet: str) -> Document:
    return {
        "id": str(uuid.uuid4()),
        "type": "ElasticNetworkInterface",
        "status": "PRECREATED",
        "details": [{"name": "subnetId", "value": subnet}],
    }


def _container(ctx: Context, cluster: str, arn: str, definition: Document, params: Document) -> Document:
    container = {
        "containerArn": container_arn(ctx.scope, cluster, last_of(arn), str(uuid.uuid4())),
        "taskArn": arn,
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": ContainerStatus.PENDING.name,
        "networkBindings": [],
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN",
        "cpu": str(definition.get("cpu", 0)),
    }
    for member in ("memory", "memoryReservation"):
        if member in definition:
            container[member] = str(definition[member])
    if params.get("enableExecuteCommand"):
        readonly_root = bool(definition.get("readonlyRootFilesystem"))
        container["managedAgents"] = new_managed_agents(readonly_root=readonly_root)
    return container


def _shown_overrides(definition: Document, overrides: Document) -> Document:
    """What was overridden, with an entry for every container."""
    by_name = {override["name"]: override for override in overrides.get("containerOverrides", ())}
    entries = [
        by_name.get(container["name"], {"name": container["name"]})
        for container in definition["containerDefinitions"]
    ]
    return {**overrides, "containerOverrides": entries, "inferenceAcceleratorOverrides": []}
