"""What most operations begin with: whose registry, and which repository."""

from bastide.api.operation import Context, Params
from bastide.model.arn import scope_of
from bastide.model.faults import NotFound
from bastide.store import Record, Txn
from bastide.store.registry import repositories


def registry_scope(context: Context, params: Params) -> str:
    """The scope of `registryId`, the caller's own unless given."""
    return scope_of(params.get("registryId") or context.caller.account, context.caller.region)


def named_repository(txn: Txn, context: Context, params: Params) -> Record:
    """The repository of `repositoryName`. Raises NotFound, also for a registry of another account."""
    scope, name = registry_scope(context, params), params["repositoryName"]
    if scope != context.scope:
        account = scope.partition("/")[0]
        why = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
        raise NotFound("repository", name, why=why)
    return repositories.find_repository(txn, scope, name)


def called(repository: Record) -> dict[str, str]:
    """The two members that nearly every answer has."""
    return {
        "registryId": repository.scope.partition("/")[0],
        "repositoryName": repository.name,
    }
