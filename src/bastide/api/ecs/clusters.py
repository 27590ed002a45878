"""Clusters: create, describe, list, update, delete; and the look-ups other modules need.

A cluster's record keeps AWS's shape without `status` (a column) and without counts (taken from the task
records when asked). Deleting leaves the record INACTIVE; a later create under the name begins anew. The
default cluster needs no create: it is written when something is first put into it.
"""

from collections.abc import Mapping
from typing import Any

from bastide.api.ecs.account_settings import CONTAINER_INSIGHTS, CONTAINER_INSIGHTS_VALUES, effective_value
from bastide.api.ecs.identifiers import DEFAULT_CLUSTER, checked_name, parse_cluster_name
from bastide.api.ecs.strategies import checked_providers, checked_strategy
from bastide.api.ecs.tags import checked_tags
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import read_page
from bastide.model.arn import Arn, cluster_arn
from bastide.model.faults import InUse, Invalid, NotFound, Unsupported
from bastide.model.status import DesiredStatus, TaskStatus
from bastide.store.records import Record
from bastide.store.txn import Txn

CLUSTER = "cluster"
ACTIVE = "ACTIVE"
INACTIVE = "INACTIVE"
DESCRIBE_MAX = 100
STARTING = frozenset({TaskStatus.PROVISIONING.name, TaskStatus.PENDING.name, TaskStatus.ACTIVATING.name})
STATISTICS = (
    "runningEC2TasksCount",
    "runningFargateTasksCount",
    "pendingEC2TasksCount",
    "pendingFargateTasksCount",
    "activeEC2ServiceCount",
    "activeFargateServiceCount",
    "drainingEC2ServiceCount",
    "drainingFargateServiceCount",
)
# What `include` adds: word → member, and what stands there when it is not asked for.
INCLUDED: Mapping[str, tuple[str, Any]] = {
    "TAGS": ("tags", []),
    "SETTINGS": ("settings", []),
    "CONFIGURATIONS": ("configuration", None),
    "STATISTICS": ("statistics", []),
    "ATTACHMENTS": ("attachments", None),
}


def find_cluster(txn: Txn, ctx: Context, name_or_arn: str | None) -> Record:
    """The ACTIVE cluster; NotFound when there is none.

    The default cluster is always found: before its first use as a record not stored yet (version 0).
    """
    name = parse_cluster_name(ctx, name_or_arn)
    record = txn.get(CLUSTER, cluster_arn(ctx.scope, name))
    if record is not None and record.status == ACTIVE:
        return record
    if name == DEFAULT_CLUSTER and record is None:
        return _new_record(txn, ctx, name, {})
    raise NotFound("cluster", name)


def ensure_cluster(txn: Txn, ctx: Context, name_or_arn: str | None) -> Record:
    """The ACTIVE cluster, for a writer; the default cluster is made when it is not there."""
    name = parse_cluster_name(ctx, name_or_arn)
    if name != DEFAULT_CLUSTER:
        return find_cluster(txn, ctx, name)
    record = txn.get(CLUSTER, cluster_arn(ctx.scope, name))
    if record is not None and record.status == ACTIVE:
        return record
    return txn.put(_renewed(record, _new_record(txn, ctx, name, {})))


def create_cluster(txn: Txn, ctx: Context, params: Params) -> Result:
    """CreateCluster; the same again answers with the cluster that is there."""
    name = checked_name("Cluster name", params.get("clusterName", DEFAULT_CLUSTER))
    asked = _asked(ctx, params)
    record = txn.get(CLUSTER, cluster_arn(ctx.scope, name))
    if record is not None and record.status == ACTIVE:
        if any(record.document.get(member) != value for member, value in asked.items()):
            raise Invalid(
                "parameter",
                name,
                why="Arguments on this idempotent request are inconsistent with arguments used in "
                "previous request(s).",
            )
    else:
        record = txn.put(_renewed(record, _new_record(txn, ctx, name, asked)))
    return {"cluster": render_cluster(txn, record)}


def describe_clusters(txn: Txn, ctx: Context, params: Params) -> Result:
    """DescribeClusters; what is not there is a failure, not an error."""
    identifiers = params.get("clusters") or [DEFAULT_CLUSTER]
    if len(identifiers) > DESCRIBE_MAX:
        raise Invalid("parameter", why=f"Clusters cannot have more than {DESCRIBE_MAX} elements.")
    include = frozenset(params.get("include", ()))
    clusters: list[Document] = []
    failures: list[Document] = []
    for name in dict.fromkeys(parse_cluster_name(ctx, identifier) for identifier in identifiers):
        arn = cluster_arn(ctx.scope, name)
        record = txn.get(CLUSTER, arn)
        if record is None:
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            clusters.append(render_cluster(txn, record, include))
    return {"clusters": clusters, "failures": failures}


def list_clusters(txn: Txn, ctx: Context, params: Params) -> Result:
    """ListClusters: the ACTIVE ones."""
    records, token = read_page(
        lambda after, limit: txn.find(CLUSTER, scope=ctx.scope, status=ACTIVE, after=after, limit=limit),
        params,
        "ListClusters",
        ctx.scope,
    )
    return {"clusterArns": [record.key for record in records], "nextToken": token}


def update_cluster(txn: Txn, ctx: Context, params: Params) -> Result:
    """UpdateCluster and UpdateClusterSettings: the members given replace what was there."""
    record = ensure_cluster(txn, ctx, params["cluster"])
    asked = _asked(ctx, params)
    if "configuration" in asked:
        asked["configuration"] = {**record.document.get("configuration", {}), **asked["configuration"]}
    record = txn.put(record.changed(document={**record.document, **asked}))
    return {"cluster": render_cluster(txn, record)}


def delete_cluster(txn: Txn, ctx: Context, params: Params) -> Result:
    """DeleteCluster: refused while a task has not STOPPED; the cluster stays on as INACTIVE."""
    name = parse_cluster_name(ctx, params["cluster"])
    record = txn.get(CLUSTER, cluster_arn(ctx.scope, name))
    if record is None or record.status != ACTIVE:
        raise NotFound("cluster", name)
    stopped = txn.count("task", parent=record.key, state=TaskStatus.STOPPED.name)
    if txn.count("task", parent=record.key) > stopped:
        raise InUse("cluster tasks", name)
    record = txn.put(record.changed(status=INACTIVE))
    return {"cluster": render_cluster(txn, record)}


def render_cluster(txn: Txn, record: Record, include: frozenset[str] = frozenset(INCLUDED)) -> Document:
    """The cluster as ECS shows it, with the parts that `include` names."""
    running, pending = _count_tasks(txn, Arn(record.key))
    cluster: Document = {
        **record.document,
        "status": record.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": 0,
        "statistics": _statistics(running, pending),
        "attachments": [],
    }
    for word, (member, otherwise) in INCLUDED.items():
        if word not in include:
            cluster[member] = otherwise
    return cluster


def _asked(ctx: Context, params: Params) -> Document:
    """The members of a cluster's document that a request sets, checked."""
    asked: Document = {}
    if "tags" in params:
        asked["tags"] = checked_tags(params["tags"])
    if params.get("settings"):
        asked["settings"] = _checked_settings(params["settings"])
    if "configuration" in params:
        asked["configuration"] = _checked_configuration(params["configuration"])
    if "capacityProviders" in params:
        asked["capacityProviders"] = checked_providers(ctx, params["capacityProviders"])
        asked["attachmentsStatus"] = "UPDATE_COMPLETE"
    if "defaultCapacityProviderStrategy" in params:
        strategy = params["defaultCapacityProviderStrategy"]
        asked["defaultCapacityProviderStrategy"] = checked_strategy(
            strategy, asked.get("capacityProviders", [])
        )
    if params.get("serviceConnectDefaults", {}).get("namespace"):
        raise Unsupported(
            "feature", why="serviceConnectDefaults is not supported here yet: see docs/compat.md."
        )
    return asked


def _new_record(txn: Txn, ctx: Context, name: str, asked: Document) -> Record:
    arn = cluster_arn(ctx.scope, name)
    insights = effective_value(txn, ctx, CONTAINER_INSIGHTS)
    document: Document = {
        "clusterArn": arn,
        "clusterName": name,
        "tags": [],
        "settings": [{"name": CONTAINER_INSIGHTS, "value": insights}],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
        **asked,
    }
    return Record(CLUSTER, arn, ctx.scope, document, name=name, status=ACTIVE)


def _renewed(old: Record | None, new: Record) -> Record:
    """`new`, to be put over the INACTIVE record of the same name where there is one."""
    return new if old is None else old.changed(document=new.document, status=new.status)


def _checked_settings(settings: list[Document]) -> list[Document]:
    for setting in settings:
        if setting.get("name") != CONTAINER_INSIGHTS:
            raise Invalid("parameter", why=f"name should be one of [{CONTAINER_INSIGHTS}]")
        if setting.get("value") not in CONTAINER_INSIGHTS_VALUES:
            allowed = ",".join(CONTAINER_INSIGHTS_VALUES)
            raise Invalid("parameter", why=f"{CONTAINER_INSIGHTS} should be one of [{allowed}]")
    return settings[-1:]


def _checked_configuration(configuration: Document) -> Document:
    execute = configuration.get("executeCommandConfiguration", {})
    if execute.get("logging") == "OVERRIDE" and not execute.get("logConfiguration"):
        raise Invalid(
            "parameter", why="A log configuration is required when executeCommand logging is OVERRIDE."
        )
    if execute and execute.get("logging") != "OVERRIDE" and execute.get("logConfiguration"):
        raise Invalid(
            "parameter", why="A log configuration is allowed only when executeCommand logging is OVERRIDE."
        )
    return configuration


def _count_tasks(txn: Txn, arn: Arn) -> tuple[int, int]:
    """Tasks that run, and tasks on their way there."""

    def count(state: str) -> int:
        return txn.count("task", parent=arn, status=DesiredStatus.RUNNING, state=state)

    return count(TaskStatus.RUNNING.name), sum(map(count, STARTING))


def _statistics(running: int, pending: int) -> list[Document]:
    counts = {"runningFargateTasksCount": running, "pendingFargateTasksCount": pending}
    return [{"name": name, "value": str(counts.get(name, 0))} for name in STATISTICS]


OPERATIONS: Mapping[str, Operation] = {
    "CreateCluster": Writes(create_cluster),
    "DeleteCluster": Writes(delete_cluster),
    "DescribeClusters": Reads(describe_clusters),
    "ListClusters": Reads(list_clusters),
    "UpdateCluster": Writes(update_cluster),
    "UpdateClusterSettings": Writes(update_cluster),
}
