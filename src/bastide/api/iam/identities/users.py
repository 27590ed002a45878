"""Users: made, found, renamed, removed."""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.answers import list_entities, shown_whole
from bastide.api.iam.identities.entities import (
    USER,
    get_entity,
    new_entity,
    renamed,
    with_part,
)
from bastide.api.iam.identities.members import groups_of
from bastide.api.iam.policies.attached import check_detached
from bastide.api.iam.policies.boundaries import with_boundary
from bastide.api.iam.tag_rules import checked_tags
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import InUse, Invalid
from bastide.permissions import PrincipalKind
from bastide.store import Record, Txn

ACCESS_KEY = "iam-access-key"


def create_user(txn: Txn, ctx: Context, params: Params) -> Result:
    """A user who may do nothing yet."""
    record = with_part(new_entity(txn, ctx, USER, params), "tags", checked_tags(params.get("Tags", [])))
    record = txn.put(with_boundary(txn, ctx, record, params.get("PermissionsBoundary")))
    return {"User": shown_whole(txn, record)}


def get_user(txn: Txn, ctx: Context, params: Params) -> Result:
    """The user of a name; without one, whoever asks."""
    if "UserName" in params:
        return {"User": shown_whole(txn, get_entity(txn, ctx, USER, params))}
    return {"User": _caller(txn, ctx)}


def _caller(txn: Txn, ctx: Context) -> Result:
    caller = ctx.caller
    if caller.kind is not PrincipalKind.ROOT:
        return shown_whole(txn, own_user(txn, ctx))
    return {
        "Path": "/",
        "UserName": "root",
        "UserId": caller.user_id,
        "Arn": caller.principal_arn,
        "CreateDate": 0,
    }


def own_user(txn: Txn, ctx: Context) -> Record:
    """The user who asks; raises Invalid for whoever is none."""
    record = txn.get(USER.kind, ctx.caller.user_id)
    if record is None:
        raise Invalid("parameter", why="Must specify userName when calling with non-User credentials")
    return record


def update_user(txn: Txn, ctx: Context, params: Params) -> Result:
    """Another name or path."""
    txn.put(renamed(txn, ctx, USER, get_entity(txn, ctx, USER, params), params))
    return {}


def delete_user(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone, where nothing hangs on it."""
    record = get_entity(txn, ctx, USER, params)
    if txn.count(ACCESS_KEY, parent=record.key):
        raise InUse("user", why="Cannot delete entity, must delete access keys first.")
    if groups_of(txn, record):
        raise InUse("user", why="Cannot delete entity, must remove users from group first.")
    check_detached(txn, record)
    txn.delete(record)
    return {}


def named_or_own(txn: Txn, ctx: Context, params: Params) -> Record:
    """The user a request names, else the one who asks."""
    if "UserName" in params:
        return get_entity(txn, ctx, USER, params)
    return own_user(txn, ctx)


OPERATIONS: Mapping[str, Operation] = {
    "CreateUser": Writes(create_user),
    "DeleteUser": Writes(delete_user),
    "GetUser": Reads(get_user),
    "ListUsers": Reads(partial(list_entities, USER)),
    "UpdateUser": Writes(update_user),
}
