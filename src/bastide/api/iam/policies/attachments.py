"""Managed policies attached to users, groups and roles."""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.entities import NOUNS, Noun, changeable_entity, get_entity
from bastide.api.iam.pages import is_below, page
from bastide.api.iam.policies.attached import ATTACHED, attached_arns, attachment, new_attachment
from bastide.api.iam.policies.managed import find_policy
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import LimitExceeded, NotFound
from bastide.store import Record, Txn

POLICIES_MAX = 10  # IAM user guide, "IAM and AWS STS quotas"


def _attach(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record, arn = changeable_entity(noun, txn, ctx, params), params["PolicyArn"]
    if find_policy(txn, record.scope, arn) is None:
        raise NotFound("policy", arn, why=f"Policy {arn} does not exist or is not attachable.")
    if attachment(txn, record, arn, ATTACHED) is None:
        if len(attached_arns(txn, record)) >= POLICIES_MAX:
            why = f"Cannot exceed quota for PoliciesPer{noun.member}: {POLICIES_MAX}"
            raise LimitExceeded("policies", why=why)
        txn.put(new_attachment(record, arn, ATTACHED))
    return {}


def _detach(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record, arn = changeable_entity(noun, txn, ctx, params), params["PolicyArn"]
    held = attachment(txn, record, arn, ATTACHED)
    if held is None:
        raise NotFound("policy", arn, why=f"Policy {arn} was not found.")
    txn.delete(held)
    return {}


def _list(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record = get_entity(txn, ctx, noun, params)
    return page(
        "AttachedPolicies",
        attached_policies(txn, record, params),
        params,
        name_of=lambda policy: policy["PolicyArn"],
        shown=lambda policy: policy,
    )


def attached_policies(txn: Txn, record: Record, params: Params) -> list[dict[str, str]]:
    """Name and ARN of the policies an entity has, of those below the request's path."""
    found = [find_policy(txn, record.scope, arn) for arn in attached_arns(txn, record)]
    return [
        {"PolicyName": policy.name, "PolicyArn": policy.arn}
        for policy in found
        if policy is not None and is_below(policy.path, params)
    ]


def _operations(noun: Noun) -> dict[str, Operation]:
    return {
        f"Attach{noun.member}Policy": Writes(partial(_attach, noun)),
        f"Detach{noun.member}Policy": Writes(partial(_detach, noun)),
        f"ListAttached{noun.member}Policies": Reads(partial(_list, noun)),
    }


OPERATIONS: Mapping[str, Operation] = {
    name: operation for noun in NOUNS for name, operation in _operations(noun).items()
}
