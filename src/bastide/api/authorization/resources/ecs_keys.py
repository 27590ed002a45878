"""ECS's own condition keys, of what a request says: service authorization reference, "Amazon ECS"."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bastide.api.authorization.resources.ecs import asked_cluster, task_definitions, tasks
from bastide.api.authorization.resources.found import Found
from bastide.api.operation import Context, Document, Params
from bastide.model.arn import cluster_arn
from bastide.model.task_size import parse_cpu, parse_memory
from bastide.permissions.patterns import Values
from bastide.store import Txn

# What has no cluster of its own: a definition, a cluster itself, whatever an ARN names.
_NOT_IN_A_CLUSTER = {"containerDefinitions", "clusterName", "clusters", "resourceArn"}
_DEFINITION = ":task-definition/"

Read = Callable[[Any], dict[str, Values]]  # what one member of a request says


def keys(txn: Txn, ctx: Context, params: Params, resources: Sequence[Found]) -> dict[str, Values]:
    """Everything that is known of a request."""
    found: dict[str, Values] = {}
    if params.keys().isdisjoint(_NOT_IN_A_CLUSTER):
        found["ecs:cluster"] = cluster_arn(ctx.scope, asked_cluster(ctx, params))
    if "taskDefinition" in params:
        definitions = [each for each in resources if _DEFINITION in each.arn]
        found["ecs:task-definition"] = (definitions or task_definitions(txn, ctx, params))[0].arn
    if "command" in params and "task" in params:
        found |= _command_keys(txn, ctx, params)
    if "family" in params:
        found |= _definition_keys(params)
    for member, read in _OF_MEMBER.items():
        value = params.get(member)
        if value is not None:
            found |= read(value)
    return found


def _command_keys(txn: Txn, ctx: Context, params: Params) -> dict[str, Values]:
    """Which container a command is for: a task's only one where a request names none."""
    (task,) = tasks(txn, ctx, params)
    found: dict[str, Values] = {"ecs:task": task.arn}
    named = params.get("container")
    record = txn.get("task", task.arn)
    if not named and record is not None:
        containers = record.document["task"]["containers"]
        named = containers[0]["name"] if len(containers) == 1 else None
    return found | {"ecs:container-name": named} if named else found


def _definition_keys(params: Params) -> dict[str, Values]:
    containers = params.get("containerDefinitions") or []
    return {
        **_sizes(params),
        "ecs:privileged": _told(any(each.get("privileged") for each in containers)),
        "ecs:compute-compatibility": tuple(params.get("requiresCompatibilities") or ()),
    }


def _sizes(of: Document) -> dict[str, Values]:
    """In CPU units and MiB, however they are spelled."""
    found: dict[str, Values] = {}
    for key, member, parse in (
        ("ecs:task-cpu", "cpu", parse_cpu),
        ("ecs:task-memory", "memory", parse_memory),
    ):
        if text := of.get(member):
            number = parse(str(text))
            found[key] = str(text if number is None else number)
    return found


def _network(configuration: Document) -> dict[str, Values]:
    network = configuration.get("awsvpcConfiguration")
    if not network:
        return {}
    return {
        "ecs:subnet": tuple(network.get("subnets") or ()),
        "ecs:auto-assign-public-ip": _told(network.get("assignPublicIp") == "ENABLED"),
    }


def _providers(names: Iterable[object]) -> dict[str, Values]:
    named = tuple(str(name) for name in names)
    return {"ecs:capacity-provider": named} if named else {}


def _strategy(items: Iterable[Document]) -> dict[str, Values]:
    return _providers(item.get("capacityProvider") for item in items)


def _storage(configuration: Document) -> dict[str, Values]:
    key = (configuration.get("managedStorageConfiguration") or {}).get("fargateEphemeralStorageKmsKeyId")
    return {"ecs:fargate-ephemeral-storage-kms-key": key} if key else {}


def _flag(key: str) -> Read:
    return lambda value: {key: _told(value)}


def _text(key: str) -> Read:
    return lambda value: {key: str(value)} if value else {}


def _told(value: object) -> str:
    return "true" if value else "false"


_OF_MEMBER: Mapping[str, Read] = {  # a strategy counts where there are both it and a list of providers
    "capacityProviders": _providers,
    "capacityProviderStrategy": _strategy,
    "configuration": _storage,
    "defaultCapacityProviderStrategy": _strategy,
    "enableECSManagedTags": _flag("ecs:enable-ecs-managed-tags"),
    "enableExecuteCommand": _flag("ecs:enable-execute-command"),
    "name": _text("ecs:account-setting"),
    "networkConfiguration": _network,
    "overrides": _sizes,
    "propagateTags": _text("ecs:propagate-tags"),
    "volumeConfigurations": _flag("ecs:enable-ebs-volumes"),
}
