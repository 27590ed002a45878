"""What calls of ECR are about: repositories, which have policies of their own."""

from collections.abc import Mapping

from bastide.api.authorization.resources.found import Find, Found, names_in, own_policy, tag_map
from bastide.api.operation import Context, Params
from bastide.model.arn import render_arn
from bastide.model.faults import NotFound
from bastide.store import Txn
from bastide.store.registry import repositories

_PREFIX = "repository/"


def _repositories(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    names = names_in(params, "repositoryName", "repositoryNames")
    names += [arn.partition(f":{_PREFIX}")[2] for arn in names_in(params, "resourceArn")]
    return [find_repository(txn, ctx.scope, name) for name in names]


def find_repository(txn: Txn, scope: str, name: str) -> Found:
    """One repository, whether it is there or not."""
    account, region = scope.split("/")
    arn = render_arn("ecr", region, account, f"{_PREFIX}{name}")
    try:
        record = repositories.find_repository(txn, scope, name)
    except NotFound:
        return Found(arn)
    return Found(arn, tag_map(record.document.get("tags") or []), own_policy(record))


FIND: Mapping[str, Find] = {"repository": _repositories}
