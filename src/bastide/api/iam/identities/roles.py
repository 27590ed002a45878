"""Roles: made, found, changed, removed; whom they trust. Those of services are service_linked.py's."""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.answers import list_entities, shown_whole
from bastide.api.iam.identities.entities import (
    ROLE,
    SERVICE_PATH,
    changeable,
    get_entity,
    new_entity,
    with_members,
    with_part,
)
from bastide.api.iam.identities.instance_profiles import profiles_of
from bastide.api.iam.identities.named import bind_principals
from bastide.api.iam.identities.uses import ROLE_USE, forget_use, last_use
from bastide.api.iam.policies.attached import check_detached
from bastide.api.iam.policies.boundaries import with_boundary
from bastide.api.iam.policies.sizes import check_trust_size
from bastide.api.iam.tag_rules import checked_tags
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import InUse, Invalid
from bastide.permissions import PolicyKind, parse_document
from bastide.store import Record, Txn

SESSION_S = 3600  # MaxSessionDuration unless set: API reference, CreateRole


def create_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """A role; it may do nothing yet."""
    if params.get("Path", "/").startswith(SERVICE_PATH):
        why = f"Path {params['Path']} is reserved for service-linked roles: see CreateServiceLinkedRole."
        raise Invalid("input", why=why)
    record = new_role(txn, ctx, params)
    record = txn.put(with_boundary(txn, ctx, record, params.get("PermissionsBoundary")))
    return {"Role": shown_whole(txn, record)}


def new_role(txn: Txn, ctx: Context, params: Params) -> Record:
    """A role with its trust policy checked; not stored yet."""
    trust = checked_trust(txn, ctx, params["AssumeRolePolicyDocument"])
    record = with_part(new_entity(txn, ctx, ROLE, params), "trust", trust)
    record = with_part(record, "tags", checked_tags(params.get("Tags", [])))
    return with_members(
        record,
        Description=params.get("Description"),
        MaxSessionDuration=params.get("MaxSessionDuration", SESSION_S),
    )


def checked_trust(txn: Txn, ctx: Context, text: str) -> str:
    """A trust policy as it is kept; raises Invalid and LimitExceeded for what no role can have."""
    parse_document(text, PolicyKind.TRUST)
    check_trust_size(text)
    return bind_principals(txn, ctx.caller.account, text)


def get_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """One role."""
    record = get_entity(txn, ctx, ROLE, params)
    return {"Role": shown_whole(txn, record) | {"RoleLastUsed": last_use(txn, ROLE_USE, record.key)}}


def update_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """Another description or longest session; what is not given stays, an empty description goes."""
    changed = {name: params[name] for name in ("Description", "MaxSessionDuration") if name in params}
    if changed.get("Description") == "":
        changed["Description"] = None
    txn.put(with_members(changeable(txn, ctx, params), **changed))
    return {}


def update_role_description(txn: Txn, ctx: Context, params: Params) -> Result:
    """Another description."""
    record = txn.put(with_members(get_entity(txn, ctx, ROLE, params), Description=params["Description"]))
    return {"Role": shown_whole(txn, record)}


def update_assume_role_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Whom it trusts from now on."""
    record = changeable(txn, ctx, params)
    txn.put(with_part(record, "trust", checked_trust(txn, ctx, params["PolicyDocument"])))
    return {}


def delete_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone, where nothing hangs on it; sessions of it may do nothing from then on."""
    record = changeable(txn, ctx, params)
    if profiles_of(txn, record):
        why = "Cannot delete entity, must remove roles from instance profile first."
        raise InUse("role", why=why)
    remove_role(txn, record)
    return {}


def remove_role(txn: Txn, record: Record) -> None:
    """The role and what is known of it; raises InUse where policies hang on it."""
    check_detached(txn, record)
    forget_use(txn, ROLE_USE, record.key)
    txn.delete(record)


OPERATIONS: Mapping[str, Operation] = {
    "CreateRole": Writes(create_role),
    "DeleteRole": Writes(delete_role),
    "GetRole": Reads(get_role),
    "ListRoles": Reads(partial(list_entities, ROLE)),
    "UpdateAssumeRolePolicy": Writes(update_assume_role_policy),
    "UpdateRole": Writes(update_role),
    "UpdateRoleDescription": Writes(update_role_description),
}
