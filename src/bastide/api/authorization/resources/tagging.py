"""Tags on what a call makes: they need a permission of their own, on what is made, be it a session.

Facts: ECS developer guide, "Grant permission to tag resources on creation"; EC2 user guide, the same; for the
other services their actions' own pages in the service authorization reference.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from bastide.api.authorization.resources.ecs import asked_cluster
from bastide.api.authorization.resources.found import Found
from bastide.api.authorization.resources.vpcs import specified, vpc_arn
from bastide.api.authorization.table import Action
from bastide.api.operation import Context, Params
from bastide.model.arn import task_arn

ACTIONS: Mapping[str, str] = {
    "ecr": "ecr:TagResource",
    "ecs": "ecs:TagResource",
    "logs": "logs:TagResource",
    "secretsmanager": "secretsmanager:TagResource",
    "ssm": "ssm:AddTagsToResource",
}
_CREATING = re.compile(r"Create|Register|Run|Start|Put")
_NO_CREATION = ("CreateTags", "PutImage")
_TASKS = ("RunTask", "StartTask")


class Tagging(NamedTuple):
    """The permission that is needed, and on what."""

    action: str
    resources: list[Found]


def tagging_of(ctx: Context, action: Action, params: Params, resources: list[Found]) -> Tagging | None:
    """What the tags that a request brings need besides; `resources` is what the call itself is about."""
    if action.service == "ec2":
        made = [Found(vpc_arn(ctx, str(one.get("ResourceType")), "*")) for one in specified(params)]
        return Tagging("ec2:CreateTags", made) if made else None
    if action.service == "sts":
        return Tagging("sts:TagSession", resources)
    creates = _CREATING.match(action.operation) and action.operation not in _NO_CREATION
    if not creates:
        return None
    if action.service == "iam":
        return Tagging(f"iam:Tag{action.operation.removeprefix('Create')}", resources)
    if action.operation in _TASKS:
        return Tagging(ACTIONS["ecs"], [Found(task_arn(ctx.scope, asked_cluster(ctx, params), "*"))])
    named = ACTIONS.get(action.service)
    return None if named is None else Tagging(named, resources)
