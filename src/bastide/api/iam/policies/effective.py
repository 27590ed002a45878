"""Every policy that counts for a user or a role, with where it comes from."""

from typing import NamedTuple

from bastide.api.iam.identities.entities import GROUP, ROLE, USER, Noun
from bastide.api.iam.identities.members import groups_of
from bastide.api.iam.policies.attached import attached_arns
from bastide.api.iam.policies.managed import find_policy
from bastide.store import Record, Txn


class Held(NamedTuple):
    """One policy: SourcePolicyId, its ARN if it has one, its text."""

    id: str
    arn: str
    text: str


def identity_policies(txn: Txn, entity: Record) -> list[Held]:
    """Those of a user and the user's groups, of a group, or of a role."""
    if entity.kind == USER.kind:
        groups = [held for group in groups_of(txn, entity) for held in _own(txn, group, GROUP)]
        return _own(txn, entity, USER) + groups
    return _own(txn, entity, ROLE if entity.kind == ROLE.kind else GROUP)


def boundary_of(txn: Txn, entity: Record) -> Held | None:
    """The policy beyond which nothing is allowed, if there is one."""
    arn = entity.document.get("boundary")
    if arn is None:
        return None
    policy = find_policy(txn, entity.scope, arn)
    assert policy is not None, "a policy in use cannot be deleted"
    return Held(policy.name, arn, policy.text)


def boundary_text(txn: Txn, entity: Record) -> str | None:
    """Its text alone."""
    held = boundary_of(txn, entity)
    return None if held is None else held.text


def _own(txn: Txn, entity: Record, noun: Noun) -> list[Held]:
    name = entity.document["members"][noun.name]
    inline = [
        Held(f"{noun.noun}_{name}_{policy}", "", text)
        for policy, text in sorted(entity.document["inline"].items())
    ]
    found = [find_policy(txn, entity.scope, arn) for arn in attached_arns(txn, entity)]
    return inline + [Held(policy.name, policy.arn, policy.text) for policy in found if policy is not None]
