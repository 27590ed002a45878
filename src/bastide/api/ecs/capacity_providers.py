"""Capacity providers: FARGATE and FARGATE_SPOT are there; a cluster lists the ones its tasks may use.

Both place a task alike here: FARGATE_SPOT is taken back only by the operator (`bastide task interrupt-spot`).
"""

from collections.abc import Mapping

from bastide.api.ecs.clusters import ensure_cluster, find_cluster, render_cluster
from bastide.api.ecs.identifiers import parse_identifier
from bastide.api.ecs.strategies import PROVIDERS, checked_providers, checked_strategy
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import cut_page
from bastide.model.arn import capacity_provider_arn
from bastide.model.faults import InUse, Invalid
from bastide.model.status import DesiredStatus, TaskStatus
from bastide.store.records import Record
from bastide.store.txn import Txn

DESCRIBE_MAX = 100
PAGE_MAX = 10


def put_cluster_capacity_providers(txn: Txn, ctx: Context, params: Params) -> Result:
    """PutClusterCapacityProviders: both lists replace what was there."""
    record = ensure_cluster(txn, ctx, params["cluster"])
    providers = checked_providers(ctx, params["capacityProviders"])
    strategy = checked_strategy(params["defaultCapacityProviderStrategy"], providers)
    _refuse_used(txn, record, set(record.document["capacityProviders"]) - set(providers))
    changed = {
        "capacityProviders": providers,
        "defaultCapacityProviderStrategy": strategy,
        "attachmentsStatus": "UPDATE_COMPLETE",
    }
    record = txn.put(record.changed(document={**record.document, **changed}))
    return {"cluster": render_cluster(txn, record)}


def describe_capacity_providers(txn: Txn, ctx: Context, params: Params) -> Result:
    """DescribeCapacityProviders: the named ones, or all; of one cluster where it is named."""
    identifiers = params.get("capacityProviders", [])
    if len(identifiers) > DESCRIBE_MAX:
        raise Invalid("parameter", why=f"capacityProviders cannot have more than {DESCRIBE_MAX} elements.")
    there = list(PROVIDERS)
    if cluster := params.get("cluster"):
        there = find_cluster(txn, ctx, cluster).document["capacityProviders"]
    asked = dict.fromkeys(parse_identifier(ctx, text, "capacity-provider")[-1] for text in identifiers)
    found = [name for name in asked if name in there] if asked else there
    failures = [
        {"arn": capacity_provider_arn(ctx.scope, name), "reason": "MISSING"}
        for name in asked
        if name not in there
    ]
    query = ("DescribeCapacityProviders", ctx.scope, found)
    shown, token = cut_page(sorted(found), params, *query, most=PAGE_MAX)
    return {
        "capacityProviders": [_render_provider(ctx, name) for name in shown],
        "failures": failures,
        "nextToken": token,
    }


def _render_provider(ctx: Context, name: str) -> Document:
    return {
        "capacityProviderArn": capacity_provider_arn(ctx.scope, name),
        "name": name,
        "status": "ACTIVE",
        "type": name,
        "tags": [],
    }


def _refuse_used(txn: Txn, cluster: Record, removed: set[str]) -> None:
    """Raise InUse when a task that has not STOPPED came from a provider that is to go."""
    if not removed:
        return
    for task in txn.find("task", parent=cluster.key, status=DesiredStatus.RUNNING):
        provider = task.document["task"].get("capacityProviderName")
        if provider in removed and task.state != TaskStatus.STOPPED.name:
            raise InUse("capacity provider", provider)


OPERATIONS: Mapping[str, Operation] = {
    "DescribeCapacityProviders": Reads(describe_capacity_providers),
    "PutClusterCapacityProviders": Writes(put_cluster_capacity_providers),
}
