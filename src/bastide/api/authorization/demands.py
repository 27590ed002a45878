"""Everything a call needs permission for: its own action on each resource, tags it sets, roles it passes.

A resource type of the table that a request cannot name here stands as its ARN with stars for what is not
known: only a policy that allows all of that type allows it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from bastide.api.authorization.callers import caller_principal
from bastide.api.authorization.decision import Demand, demand_of
from bastide.api.authorization.keys import TAG_KEYS, request_keys, tag_keys, tags_in
from bastide.api.authorization.resources import FIND, KEYS, Find, Found
from bastide.api.authorization.resources import Keys as OwnKeys
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
_VARIABLE = re.compile(r"\$\{\w+\}")


class Passes(NamedTuple):
    """Roles that a call hands over, and to which service."""

    to: str
    roles: Callable[[Params, Sequence[Found]], Iterable[str]]


def _named_in(member: str) -> Callable[[Params, Sequence[Found]], Iterable[str]]:
    return lambda params, resources: [str(params[member])] if params.get(member) else []


_TASK_ROLES = Passes(TASKS, passed_roles)
_PASSING = {
    ("ecs", "RegisterTaskDefinition"): _TASK_ROLES,
    ("ecs", "RunTask"): _TASK_ROLES,
    ("ecs", "StartTask"): _TASK_ROLES,
    ("ecs", "CreateService"): _TASK_ROLES,
    ("ecs", "UpdateService"): _TASK_ROLES,
    ("ec2", "CreateFlowLogs"): Passes(FLOW_LOGS, _named_in("DeliverLogsPermissionArn")),
    ("iam", "AddRoleToInstanceProfile"): Passes(INSTANCES, _named_in("RoleName")),
}


class _Row(NamedTuple):
    """The table's line of an operation, and how what it is about is found."""

    action: Action
    finders: tuple[tuple[str, Find], ...]
    nameless: tuple[str, ...]  # required types that no request here names
    own_keys: OwnKeys | None  # None where none of the service's keys counts
    passes: Passes | None  # None where no role is handed over


def _row(action: Action) -> _Row:
    finders = FIND.get(action.service, {})
    has_own = any(key.startswith(f"{action.service}:") for key in action.keys)
    return _Row(
        action,
        tuple((kind, finders[kind]) for kind in action.types if kind in finders),
        tuple(kind for kind in action.required if kind not in finders),
        KEYS.get(action.service) if has_own else None,
        _PASSING.get((action.service, action.operation)),
    )


_ROWS = {asked: _row(action) for asked, action in ACTIONS.items()}


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
    row = _ROWS.get((service, operation))
    if row is None:
        why = f"No permission is known that {operation} would need, so it is denied."
        raise Denied("permission", operation, why=why)
    action, principal, tags = row.action, caller_principal(ctx.caller), tags_in(params)
    known = request_keys(ctx, txn, of_entity)
    if tags or not params.keys().isdisjoint(TAG_KEYS):
        known |= tag_keys(params, tags)
    resources = _resources(txn, ctx, row, params)
    own = known | _own_keys(txn, ctx, row, params, resources)
    for found in resources:
        yield demand_of(principal, action.action, found, own)
    tagging = tagging_of(ctx, action, params, resources) if tags else None
    if tagging is not None:
        created = {**known, f"{service}:createaction": operation}
        for found in tagging.resources:
            yield demand_of(principal, tagging.action, found, created)
    if row.passes is not None:
        passed: dict[str, Values] = {**known, "iam:passedtoservice": row.passes.to}
        for role in row.passes.roles(params, resources):
            yield demand_of(principal, "iam:PassRole", given_role(txn, ctx, role), passed)


def _own_keys(
    txn: Txn, ctx: Context, row: _Row, params: Params, resources: Sequence[Found]
) -> dict[str, Values]:
    """The service's own keys, as far as they count for this operation."""
    if row.own_keys is None:
        return {}
    known = row.own_keys(txn, ctx, params, resources)
    return {key: value for key, value in known.items() if key in row.action.keys}


def demand_for(txn: Txn, ctx: Context, action: str, found: Found) -> Demand:
    """One permission on one resource, for whoever asks."""
    return demand_of(caller_principal(ctx.caller), action, found, request_keys(ctx, txn))


def _resources(txn: Txn, ctx: Context, row: _Row, params: Params) -> list[Found]:
    found, nameless = [], [*row.nameless]
    asks_all = row.action.service == "ec2"  # asks about what a call makes, besides what it names
    for kind, find in row.finders:
        of_kind = find(txn, ctx, params)
        found += of_kind
        if asks_all and not of_kind and kind in row.action.required:
            nameless.append(kind)
    if asks_all or not found:
        found += [Found(_any_of(ctx, row.action.service, kind)) for kind in nameless]
    return found or [Found(ANYTHING)]


def _any_of(ctx: Context, service: str, kind: str) -> str:
    known = {"${Partition}": "aws", "${Region}": ctx.caller.region, "${Account}": ctx.caller.account}
    return _VARIABLE.sub(lambda found: known.get(found[0], "*"), ARNS[service, kind])
