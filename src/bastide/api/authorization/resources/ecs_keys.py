"""ECS's own condition keys, of what a request says: service authorization reference, "Amazon ECS"."""

from collections.abc import Sequence

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
_FLAGS = {
    "ecs:enable-ebs-volumes": "volumeConfigurations",
    "ecs:enable-execute-command": "enableExecuteCommand",
    "ecs:enable-ecs-managed-tags": "enableECSManagedTags",
}
_TEXTS = {"ecs:account-setting": "name", "ecs:propagate-tags": "propagateTags"}


def keys(txn: Txn, ctx: Context, params: Params, resources: Sequence[Found]) -> dict[str, Values]:
    """Everything that is known of a request."""
    found: dict[str, Values] = {}
    if not params.keys() & _NOT_IN_A_CLUSTER:
        found["ecs:cluster"] = cluster_arn(ctx.scope, asked_cluster(ctx, params))
    if "taskDefinition" in params:
        definitions = [each for each in resources if _DEFINITION in each.arn]
        found["ecs:task-definition"] = (definitions or task_definitions(txn, ctx, params))[0].arn
    for key, member in _FLAGS.items():
        if member in params:
            found[key] = _flag(params[member])
    for key, member in _TEXTS.items():
        if params.get(member):
            found[key] = str(params[member])
    if "command" in params and "task" in params:
        found |= _command_keys(txn, ctx, params)
    return found | _sizes(params) | _network_keys(params) | _definition_keys(params) | _storage_keys(params)


def _flag(value: object) -> str:
    return "true" if value else "false"


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


def _sizes(params: Params) -> dict[str, Values]:
    """In CPU units and MiB, however they are spelled."""
    sizes = params.get("overrides") or (params if "family" in params else {})
    found: dict[str, Values] = {}
    for key, member, parse in (
        ("ecs:task-cpu", "cpu", parse_cpu),
        ("ecs:task-memory", "memory", parse_memory),
    ):
        if text := sizes.get(member):
            number = parse(str(text))
            found[key] = str(text if number is None else number)
    return found


def _network_keys(params: Params) -> dict[str, Values]:
    network = (params.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    found: dict[str, Values] = {}
    if network:
        found["ecs:subnet"] = tuple(network.get("subnets") or ())
        found["ecs:auto-assign-public-ip"] = _flag(network.get("assignPublicIp") == "ENABLED")
    strategy = params.get("capacityProviderStrategy") or params.get("defaultCapacityProviderStrategy") or ()
    named = [each.get("capacityProvider") for each in strategy] or params.get("capacityProviders")
    if named:
        found["ecs:capacity-provider"] = tuple(str(name) for name in named)
    return found


def _definition_keys(params: Params) -> dict[str, Values]:
    if "family" not in params:
        return {}
    containers = params.get("containerDefinitions") or []
    return {
        "ecs:privileged": _flag(any(each.get("privileged") for each in containers)),
        "ecs:compute-compatibility": tuple(params.get("requiresCompatibilities") or ()),
    }


def _storage_keys(params: Params) -> dict[str, Values]:
    configuration: Document = params.get("configuration") or {}
    key = (configuration.get("managedStorageConfiguration") or {}).get("fargateEphemeralStorageKmsKeyId")
    return {"ecs:fargate-ephemeral-storage-kms-key": key} if key else {}
