"""What a call to /v2 needs permission for, in the actions of ECR's API.

A repository that the call would make - by a template on a push, by a pull-through rule on a pull - needs the
permission to make it too.
"""

from collections.abc import Iterator

from bastide.api.authorization.decision import Demand
from bastide.api.authorization.demands import demand_for
from bastide.api.authorization.resources.found import Found
from bastide.api.authorization.resources.registry import find_repository
from bastide.api.operation import Context
from bastide.permissions import ANYTHING
from bastide.store import Txn
from bastide.store.registry.repositories import REPOSITORY
from bastide.store.registry.rules import ON_PUSH, find_cache_rule, find_template

CREATE, IMPORT = "ecr:CreateRepository", "ecr:BatchImportUpstreamImage"
PUSHING = frozenset({"ecr:InitiateLayerUpload", "ecr:PutImage"})
PULLING = frozenset({"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"})


def registry_demands(txn: Txn, ctx: Context, action: str, name: str) -> Iterator[Demand]:
    """The permissions for one action on a repository; on every one for an empty name."""
    if name in ("", ANYTHING):
        yield demand_for(txn, ctx, action, Found(ANYTHING))
        return
    found = find_repository(txn, ctx.scope, name)
    yield demand_for(txn, ctx, action, found)
    if txn.get(REPOSITORY, found.arn) is not None:
        return
    if action in PUSHING and find_template(txn, ctx.scope, name, applied_for=ON_PUSH) is not None:
        yield demand_for(txn, ctx, CREATE, found)
    if action in PULLING and find_cache_rule(txn, ctx.scope, name) is not None:
        yield demand_for(txn, ctx, CREATE, found)
        yield demand_for(txn, ctx, IMPORT, found)
