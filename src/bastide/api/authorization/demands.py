"""Everything a call needs permission for: its own action on each resource, tags it sets, roles it passes.

A resource type of the table that a request cannot name here stands as its ARN with stars for what is not
known: only a policy that allows all of that type allows it.
"""

import re
from collections.abc import Iterator, Mapping

from bastide.api.authorization.callers import caller_principal
from bastide.api.authorization.decision import Demand
from bastide.api.authorization.keys import request_keys, tag_keys, tags_in
from bastide.api.authorization.resources import FIND, KEYS, Found
from bastide.api.authorization.resources.ecs import PASSED_TO, passed_roles
from bastide.api.authorization.table import ACTIONS, ARNS, Action
from bastide.api.operation import Context, Params
from bastide.model.faults import Denied
from bastide.permissions import ANYTHING
from bastide.permissions.patterns import Values
from bastide.store import Txn

# Operations that decide for themselves, or that everybody may call.
FREE = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken"), ("sts", "AssumeRole")}
PASSING = ("RegisterTaskDefinition", "RunTask", "StartTask", "CreateService", "UpdateService")
TAGGING: Mapping[str, str] = {
    "ec2": "ec2:CreateTags",
    "ecr": "ecr:TagResource",
    "ecs": "ecs:TagResource",
    "logs": "logs:TagResource",
    "secretsmanager": "secretsmanager:TagResource",
    "ssm": "ssm:AddTagsToResource",
}
CREATING = re.compile(r"Create|Register|Run|Start|Put")
_VARIABLE = re.compile(r"\$\{\w+\}")


def demands(txn: Txn, ctx: Context, service: str, operation: str, params: Params) -> Iterator[Demand]:
    """What a call needs permission for; nothing for what everybody may."""
    if (service, operation) in FREE:
        return
    action = ACTIONS.get((service, operation))
    if action is None:
        why = f"No permission is known that {operation} would need, so it is denied."
        raise Denied("permission", operation, why=why)
    known = request_keys(ctx, txn) | tag_keys(params)
    known |= KEYS[service](txn, ctx, params) if service in KEYS else {}
    resources = list(_resources(txn, ctx, action, params))
    for found in resources:
        yield _demand(ctx, action.action, found, known)
    if tags_in(params) and CREATING.match(operation) and operation not in ("TagResource", "PutImage"):
        yield from _tag_demands(ctx, action, resources, known)
    if service == "ecs" and operation in PASSING:
        passed: dict[str, Values] = {**known, "iam:passedtoservice": PASSED_TO}
        for role in passed_roles(ctx, params):
            yield _demand(ctx, "iam:PassRole", Found(role), passed)


def demand_for(txn: Txn, ctx: Context, action: str, found: Found) -> Demand:
    """One permission on one resource, for whoever asks."""
    return _demand(ctx, action, found, request_keys(ctx, txn))


def _resources(txn: Txn, ctx: Context, action: Action, params: Params) -> Iterator[Found]:
    finders = FIND.get(action.service, {})
    found = [each for kind in action.types if kind in finders for each in finders[kind](txn, ctx, params)]
    if found:
        yield from found
        return
    unnamed = [kind for kind in action.required if kind not in finders]
    for kind in unnamed:
        yield Found(_any_of(ctx, action.service, kind))
    if not unnamed:
        yield Found(ANYTHING)


def _any_of(ctx: Context, service: str, kind: str) -> str:
    known = {"${Partition}": "aws", "${Region}": ctx.caller.region, "${Account}": ctx.caller.account}
    return _VARIABLE.sub(lambda found: known.get(found[0], "*"), ARNS[service, kind])


def _tag_demands(
    ctx: Context, action: Action, resources: list[Found], known: Mapping[str, Values]
) -> Iterator[Demand]:
    """Tags on what is made need a permission of their own."""
    tagging = TAGGING.get(action.service)
    if action.service == "iam":
        tagging = f"iam:Tag{action.operation.removeprefix('Create')}"
    if tagging is not None:
        created = {**known, f"{action.service}:createaction": action.operation}
        for found in resources:
            yield _demand(ctx, tagging, found, created)


def _demand(ctx: Context, action: str, found: Found, known: Mapping[str, Values]) -> Demand:
    service = action.partition(":")[0]
    tags: dict[str, Values] = {
        f"{prefix}:resourcetag/{key.lower()}": value
        for prefix in ("aws", service)
        for key, value in found.tags.items()
    }
    return Demand(
        action=action,
        resource=found.arn,
        principal=caller_principal(ctx.caller),
        keys={**known, **tags},
        policy=found.policy,
    )
