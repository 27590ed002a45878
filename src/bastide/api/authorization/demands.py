"""Everything a call needs permission for: its own action on each resource, tags it sets, roles it passes.

A resource type of the table that a request cannot name here stands as its ARN with stars for what is not
known: only a policy that allows all of that type allows it.
"""

import re
from collections.abc import Iterator, Mapping

from bastide.api.authorization.callers import caller_principal
from bastide.api.authorization.decision import Demand, demand_of
from bastide.api.authorization.keys import request_keys, tag_keys
from bastide.api.authorization.resources import FIND, KEYS, Found
from bastide.api.authorization.resources.ecs import passed_roles
from bastide.api.authorization.resources.identities import given_role
from bastide.api.authorization.resources.tagging import tagging_of
from bastide.api.authorization.table import ACTIONS, ARNS, Action
from bastide.api.authorization.task_roles import FLOW_LOGS, INSTANCES, TASKS
from bastide.api.operation import Context, Params
from bastide.model.faults import Denied
from bastide.permissions import ANYTHING
from bastide.permissions.patterns import Keys, Values
from bastide.store import Txn

# Operations that decide for themselves, or that everybody may call.
FREE = {
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithSAML"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
}
PASSING = ("RegisterTaskDefinition", "RunTask", "StartTask", "CreateService", "UpdateService")
_VARIABLE = re.compile(r"\$\{\w+\}")


def demands(
    txn: Txn,
    ctx: Context,
    service: str,
    operation: str,
    params: Params,
    *,
    of_entity: Keys | None = None,
) -> Iterator[Demand]:
    """What a call needs permission for, nothing for what everybody may; `of_entity` as in `request_keys`."""
    if (service, operation) in FREE:
        return
    action = ACTIONS.get((service, operation))
    if action is None:
        why = f"No permission is known that {operation} would need, so it is denied."
        raise Denied("permission", operation, why=why)
    known = request_keys(ctx, txn, of_entity) | tag_keys(params)
    resources = list(_resources(txn, ctx, action, params))
    own = known | _own_keys(txn, ctx, action, params, resources)
    for found in resources:
        yield _demand(ctx, action.action, found, own)
    tagging = tagging_of(ctx, action, params, resources)
    if tagging is not None:
        created = {**known, f"{service}:createaction": operation}
        for found in tagging.resources:
            yield _demand(ctx, tagging.action, found, created)
    for role, to in _passed(txn, ctx, service, operation, params):
        passed: dict[str, Values] = {**known, "iam:passedtoservice": to}
        yield _demand(ctx, "iam:PassRole", given_role(txn, ctx, role), passed)


def _passed(
    txn: Txn, ctx: Context, service: str, operation: str, params: Params
) -> Iterator[tuple[str, str]]:
    """Roles the call hands over, and to which service."""
    if service == "ecs" and operation in PASSING:
        for role in passed_roles(txn, ctx, operation, params):
            yield role, TASKS
    if (service, operation) == ("ec2", "CreateFlowLogs") and params.get("DeliverLogsPermissionArn"):
        yield str(params["DeliverLogsPermissionArn"]), FLOW_LOGS
    if (service, operation) == ("iam", "AddRoleToInstanceProfile"):
        yield str(params["RoleName"]), INSTANCES


def _own_keys(
    txn: Txn, ctx: Context, action: Action, params: Params, resources: list[Found]
) -> dict[str, Values]:
    """The service's own keys, as far as they count for this operation."""
    if action.service not in KEYS or not any(key.startswith(action.service) for key in action.keys):
        return {}
    known = KEYS[action.service](txn, ctx, params, resources)
    return {key: value for key, value in known.items() if key in action.keys}


def demand_for(txn: Txn, ctx: Context, action: str, found: Found) -> Demand:
    """One permission on one resource, for whoever asks."""
    return _demand(ctx, action, found, request_keys(ctx, txn))


def _resources(txn: Txn, ctx: Context, action: Action, params: Params) -> Iterator[Found]:
    finders = FIND.get(action.service, {})
    found = {kind: finders[kind](txn, ctx, params) for kind in action.types if kind in finders}
    named = [each for of_kind in found.values() for each in of_kind]
    unnamed = [kind for kind in action.required if kind not in finders]
    if action.service == "ec2":  # asks about what a call makes, besides what it names
        unnamed = [kind for kind in action.required if not found.get(kind)]
    elif named:
        unnamed = []
    yield from named
    yield from (Found(_any_of(ctx, action.service, kind)) for kind in unnamed)
    if not named and not unnamed:
        yield Found(ANYTHING)


def _any_of(ctx: Context, service: str, kind: str) -> str:
    known = {"${Partition}": "aws", "${Region}": ctx.caller.region, "${Account}": ctx.caller.account}
    return _VARIABLE.sub(lambda found: known.get(found[0], "*"), ARNS[service, kind])


def _demand(ctx: Context, action: str, found: Found, known: Mapping[str, Values]) -> Demand:
    return demand_of(caller_principal(ctx.caller), action, found, known)
