"""Who a caller is in policies, and the policies that count for it, compiled once a text."""

from functools import lru_cache
from typing import NamedTuple

from bastide.api.iam.identities.entities import ROLE, USER
from bastide.api.iam.identities.principals import principal_keys
from bastide.api.iam.policies.effective import boundary_text, identity_policies
from bastide.api.iam.policies.managed import find_policy
from bastide.api.operation import Caller
from bastide.model.arn import render_arn, scope_of
from bastide.permissions import (
    Policies,
    Principal,
    PrincipalKind,
    compile_at_resource,
    compile_policy,
)
from bastide.permissions.patterns import Keys, Values
from bastide.store import Record, Txn

EVERYTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
NOTHING = EVERYTHING.replace("Allow", "Deny")

compiled = lru_cache(maxsize=4096)(compile_policy)
resource_policies = lru_cache(maxsize=4096)(compile_at_resource)


def caller_principal(caller: Caller) -> Principal:
    """The caller as policies name it."""
    role_arn = caller.issuer_arn
    if caller.kind is PrincipalKind.ROLE:
        role_arn = render_arn("iam", "", caller.account, f"role/{caller.principal_arn.split('/')[1]}")
    return Principal(
        kind=caller.kind,
        arn=caller.principal_arn,
        account=caller.account,
        role_arn=role_arn,
        id=caller.user_id if caller.entity else "",
        role_id=caller.entity if role_arn else "",
    )


def entity_of(txn: Txn, caller: Caller) -> Record | None:
    """The user's or role's record; None for the root user, and for somebody who is gone."""
    if not caller.entity:
        return None
    return txn.get(ROLE.kind if caller.kind is PrincipalKind.ROLE else USER.kind, caller.entity)


def policies_of(txn: Txn, caller: Caller) -> Policies:
    """Everything that decides what a caller may do; somebody who is gone may nothing, whoever names them."""
    session = None
    if caller.has_policies:
        found = [find_policy(txn, scope_of(caller.account, ""), arn) for arn in caller.policy_arns]
        texts = (*caller.policies, *(policy.text for policy in found if policy is not None))
        session = tuple(compiled(text) for text in texts)
    if not caller.entity:
        return Policies(identity=(compiled(EVERYTHING),), session=session)
    entity = entity_of(txn, caller)
    if entity is None:
        return Policies(identity=(compiled(NOTHING),))
    boundary = boundary_text(txn, entity)
    return Policies(
        identity=tuple(compiled(held.text) for held in identity_policies(txn, entity)),
        boundary=None if boundary is None else compiled(boundary),
        session=session,
    )


class Standing(NamedTuple):
    """What is the same for every request of a caller: the policies that count, and the keys of who it is."""

    policies: Policies
    keys: Keys


def standing_of(txn: Txn, caller: Caller) -> Standing:
    """All of it."""
    return Standing(policies_of(txn, caller), entity_keys(txn, caller))


def entity_keys(txn: Txn, caller: Caller) -> Keys:
    """Condition keys of the user or role that asks; none of the root user, and of somebody who is gone."""
    entity = entity_of(txn, caller)
    return {} if entity is None else principal_keys(entity)


def caller_keys(caller: Caller, of_entity: Keys) -> dict[str, Values]:
    """Condition keys about the caller (IAM user guide, "Properties of the principal")."""
    keys: dict[str, Values] = dict(of_entity)
    if caller.kind is PrincipalKind.FEDERATED:
        keys = {key: value for key, value in keys.items() if key.startswith("aws:principaltag/")}
        keys |= {"aws:principalaccount": caller.account, "aws:principaltype": "FederatedUser"}
    keys["aws:userid"] = caller.user_id
    keys.setdefault("aws:principalaccount", caller.account)
    keys.setdefault("aws:principalarn", caller.principal_arn)
    if caller.issued_at is not None:
        keys["aws:tokenissuetime"] = caller.issued_at.isoformat()
        keys["aws:multifactorauthpresent"] = "false"  # of long-term keys it says nothing
    if caller.source_identity:
        keys["aws:sourceidentity"] = caller.source_identity
    for key, value in caller.tags.items():
        keys[f"aws:principaltag/{key.lower()}"] = value
    return keys
