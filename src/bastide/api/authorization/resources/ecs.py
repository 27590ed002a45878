"""What calls of ECS are about."""

from collections.abc import Iterator, Mapping, Sequence

from bastide.api.authorization.resources.found import Find, Found, names_in, tag_map
from bastide.api.ecs.identifiers import DEFAULT_CLUSTER, parse_cluster_name, parse_task_name
from bastide.api.ecs.task_definitions import find_task_definition, parse_task_definition
from bastide.api.operation import Context, Document, Params
from bastide.model.arn import (
    capacity_provider_arn,
    cluster_arn,
    parse_arn,
    render_arn,
    task_arn,
)
from bastide.model.faults import NotFound
from bastide.permissions import ANYTHING
from bastide.store import Txn

ROLES = ("taskRoleArn", "executionRoleArn")


def _known(txn: Txn, kind: str, arn: str) -> Found:
    record = txn.get(kind, arn)
    return Found(arn, {} if record is None else tag_map(record.document.get("tags") or []))


def _clusters(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    named = names_in(params, "clusterName", "cluster", "clusters") or [DEFAULT_CLUSTER]
    names = [parse_cluster_name(ctx, name) for name in named]
    return [_known(txn, "cluster", cluster_arn(ctx.scope, name)) for name in names]


def tasks(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    """Who names none asks about all of a cluster's."""
    cluster = asked_cluster(ctx, params)
    named = names_in(params, "task", "tasks") or [ANYTHING]
    arns = [task_arn(ctx.scope, *parse_task_name(ctx, name, cluster)) for name in named]
    return [_known(txn, "task", arn) for arn in arns]


def task_definitions(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    if "family" in params:  # to be registered: its revision is not known yet
        return [Found(_definition_arn(ctx, params["family"]))]
    found = []
    for name in names_in(params, "taskDefinition", "taskDefinitions"):
        try:
            record = find_task_definition(txn, ctx, name)
        except NotFound:
            family, revision = parse_task_definition(ctx, name)
            arn = _definition_arn(ctx, family)
            found.append(Found(arn if revision is None else arn[:-1] + str(revision)))
        else:
            definition = record.document["taskDefinition"]
            roles = {member: definition[member] for member in ROLES if definition.get(member)}
            found.append(Found(record.key, tag_map(record.document.get("tags") or []), roles=roles))
    return found


def _definition_arn(ctx: Context, family: str) -> str:
    return render_arn("ecs", ctx.caller.region, ctx.caller.account, f"task-definition/{family}:*")


def _capacity_providers(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    names = names_in(params, "capacityProviders", "name")
    return [Found(capacity_provider_arn(ctx.scope, name.rpartition("/")[2])) for name in names]


def tagged(service: str, kind: str) -> Find:
    """A resource of one type that a request names by its ARN."""

    def find(txn: Txn, ctx: Context, params: Params) -> list[Found]:
        arn = params.get("resourceArn", "")
        parsed = parse_arn(arn)
        if parsed is None or parsed.service != service or parsed.resource.partition("/")[0] != kind:
            return []
        return [_known(txn, kind, arn)]

    return find


def _by_arn_or(kind: str, find: Find) -> Find:
    """By ARN where the request has one, as the calls on tags do."""
    by_arn = tagged("ecs", kind)

    def either(txn: Txn, ctx: Context, params: Params) -> list[Found]:
        return (by_arn if "resourceArn" in params else find)(txn, ctx, params)

    return either


FIND: Mapping[str, Find] = {
    "capacity-provider": _by_arn_or("capacity-provider", _capacity_providers),
    "cluster": _by_arn_or("cluster", _clusters),
    "task": _by_arn_or("task", tasks),
    "task-definition": _by_arn_or("task-definition", task_definitions),
    **{kind: tagged("ecs", kind) for kind in ("container-instance", "service", "task-set")},
}


def asked_cluster(ctx: Context, params: Params) -> str:
    """The name of the cluster a request is about."""
    return parse_cluster_name(ctx, params.get("cluster"))


def passed_roles(params: Params, resources: Sequence[Found]) -> Iterator[str]:
    """The roles that a request hands to tasks: its own, and what is left of the task definition's, whoever
    has registered that.
    """
    given: Document = {**params, **(params.get("overrides") or {})}
    for member in ROLES:
        registered = [each.roles[member] for each in resources if member in each.roles]
        yield from [str(given[member])] if given.get(member) else registered
