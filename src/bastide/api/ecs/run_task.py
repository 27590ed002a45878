"""RunTask: check everything, write the tasks, answer at once. Placement and the agent do the rest.

A client token makes the call repeatable: the same parameters find the tasks that were made, others raise
Conflict. A token is kept beside the tasks (kind `client-token`) until the last of them has gone.
"""

import hashlib
import secrets
from collections.abc import Mapping

import msgspec

from bastide.api.authorization.task_roles import find_task_role
from bastide.api.ecs.account_settings import LOG_DRIVER_MODE, effective_value
from bastide.api.ecs.checks import Document
from bastide.api.ecs.checks.launch import (
    check_fargate_placement,
    check_plain_values,
    chosen_strategy,
    providers_of,
    resolved_platform,
)
from bastide.api.ecs.checks.network import checked_network
from bastide.api.ecs.checks.not_yet import check_runnable, check_sysctls
from bastide.api.ecs.checks.overrides import check_overrides
from bastide.api.ecs.clusters import ensure_cluster
from bastide.api.ecs.tags import checked_tags
from bastide.api.ecs.task_definitions import ACTIVE, find_task_definition
from bastide.api.ecs.task_documents import MANAGED_CLUSTER_TAG, TASK, Launch, new_task, render_task
from bastide.api.operation import Context, Operation, Params, Result, Writes
from bastide.model.faults import Conflict, Invalid
from bastide.model.status import TaskStatus
from bastide.model.task import role_of
from bastide.model.task_definition import containers_of
from bastide.store.records import Record
from bastide.store.tasks import put_task
from bastide.store.txn import Txn

CLIENT_TOKEN = "client-token"
TOKEN_LIFE_S = 24 * 3600
NOT_PART_OF_REQUEST = frozenset({"clientToken", "referenceId"})


def run_task(txn: Txn, ctx: Context, params: Params) -> Result:
    """RunTask. What Fargate would answer in `failures` shows here as the reason a task stopped."""
    check_plain_values(params)
    cluster = ensure_cluster(txn, ctx, params.get("cluster"))
    made = _find_made(txn, ctx, cluster, params)
    if made is not None:
        return {"tasks": [_replayed(record) for record in made], "failures": []}
    launch, strategy = _checked(txn, ctx, cluster, params)
    count = params.get("count", 1)
    subnets = launch.network["subnets"]
    first = secrets.randbelow(len(subnets))
    made_now = [
        new_task(ctx, launch, provider=provider, subnet=subnets[(first + at) % len(subnets)])
        for at, provider in enumerate(providers_of(strategy, count))
    ]
    # What no host could be told fails here, where somebody waits for the answer, and not in the session.
    containers_of(launch.definition.document["taskDefinition"], made_now[0].document["task"])
    records = [put_task(txn, record, record.document, at_s=ctx.now_s) for record in made_now]
    _remember(txn, ctx, cluster, params, records)
    return {"tasks": [render_task(record, tags=launch.tags) for record in records], "failures": []}


def token_key(cluster_arn: str, token: str) -> str:
    """The key of a client token's record: tokens belong to a cluster and an operation."""
    return f"{cluster_arn}/RunTask/{token}"


def _checked(txn: Txn, ctx: Context, cluster: Record, params: Params) -> tuple[Launch, list[Document]]:
    strategy = chosen_strategy(params, cluster.document)
    found = find_task_definition(txn, ctx, params["taskDefinition"], missing="TaskDefinition not found.")
    if found.status != ACTIVE:
        raise Invalid("task definition", why="TaskDefinition is inactive")
    definition = found.document["taskDefinition"]
    if "FARGATE" not in definition["compatibilities"]:
        raise Invalid(
            "parameter",
            why="The selected task definition is not compatible with the selected compute strategy",
        )
    check_fargate_placement(params)
    platform_version = resolved_platform(params, definition)
    check_overrides(params.get("overrides", {}), definition)
    network = checked_network(txn, ctx, params, definition)
    _check_execute_command(params, definition)
    for role in ("taskRoleArn", "executionRoleArn"):
        if arn := params.get("overrides", {}).get(role) or definition.get(role):
            find_task_role(txn, arn, source_arn=cluster.key, now=ctx.now)
    check_sysctls(definition, ctx.settings.runtime)
    check_runnable(definition, params)
    launch = Launch(
        cluster=cluster,
        definition=found,
        params=params,
        platform_version=platform_version,
        network=network,
        tags=_tags(params, cluster, found),
        log_mode=effective_value(txn, ctx, LOG_DRIVER_MODE),
    )
    return launch, strategy


def _check_execute_command(params: Params, definition: Document) -> None:
    if params.get("enableExecuteCommand") and not role_of(params, definition):
        raise Invalid(
            "parameter",
            why="The service couldn't be configured for execute command because a valid taskRoleArn is not "
            "being used. Specify a valid task role in your task definition or in the overrides and try "
            "again.",
        )


def _tags(params: Params, cluster: Record, definition: Record) -> list[Document]:
    """Tags of the request, over those propagated; ECS's own come on top."""
    asked = checked_tags(params.get("tags", []))
    if params.get("propagateTags") == "TASK_DEFINITION":
        by_key = {tag["key"]: tag for tag in [*definition.document["tags"], *asked]}
        asked = checked_tags(list(by_key.values()))
    if params.get("enableECSManagedTags"):
        asked = [*asked, {"key": MANAGED_CLUSTER_TAG, "value": cluster.document["clusterName"]}]
    return asked


def _find_made(txn: Txn, ctx: Context, cluster: Record, params: Params) -> list[Record] | None:
    """The tasks an earlier call with this token has made; None when there was none."""
    token = params.get("clientToken")
    record = txn.get(CLIENT_TOKEN, token_key(cluster.key, token)) if token else None
    if record is None:
        return None
    arns: list[str] = record.document["tasks"]
    if ctx.now_s - record.document["at"] > TOKEN_LIFE_S:
        txn.delete(record)
        return None
    if record.document["request"] != _digest(params):
        raise Conflict(
            "client token",
            why="The clientToken was already used in a request with different parameters.",
            ids=tuple(arns),
        )
    found = [txn.get(TASK, arn) for arn in arns]
    return [record for record in found if record is not None]


def _replayed(record: Record) -> Document:
    task = render_task(record, tags=record.document["tags"])
    if task["lastStatus"] != TaskStatus.STOPPED.name:
        return task
    return {member: task[member] for member in ("taskArn", "lastStatus", "desiredStatus")}


def _remember(txn: Txn, ctx: Context, cluster: Record, params: Params, tasks: list[Record]) -> None:
    token = params.get("clientToken")
    if not token:
        return
    document = {"request": _digest(params), "tasks": [task.key for task in tasks], "at": ctx.now_s}
    key = token_key(cluster.key, token)
    txn.put(Record(CLIENT_TOKEN, key, ctx.scope, document, parent=cluster.key))


def _digest(params: Params) -> str:
    request = {name: value for name, value in params.items() if name not in NOT_PART_OF_REQUEST}
    return hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()


OPERATIONS: Mapping[str, Operation] = {"RunTask": Writes(run_task)}
