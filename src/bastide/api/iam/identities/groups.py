"""Groups: made, listed, renamed, removed. Who is in them is members.py's."""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.answers import list_entities, shown
from bastide.api.iam.identities.entities import GROUP, get_entity, new_entity, renamed
from bastide.api.iam.identities.members import users_of
from bastide.api.iam.policies.attached import check_detached
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import InUse
from bastide.store import Txn


def create_group(txn: Txn, ctx: Context, params: Params) -> Result:
    """A group of nobody."""
    return {"Group": shown(txn, txn.put(new_entity(txn, ctx, GROUP, params)))}


def update_group(txn: Txn, ctx: Context, params: Params) -> Result:
    """Another name or path."""
    txn.put(renamed(txn, ctx, GROUP, get_entity(txn, ctx, GROUP, params), params))
    return {}


def delete_group(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone, where nobody is in it and nothing hangs on it."""
    record = get_entity(txn, ctx, GROUP, params)
    if users_of(txn, record):
        raise InUse("group", why="Cannot delete entity, must remove users from group first.")
    check_detached(txn, record)
    txn.delete(record)
    return {}


OPERATIONS: Mapping[str, Operation] = {
    "CreateGroup": Writes(create_group),
    "DeleteGroup": Writes(delete_group),
    "ListGroups": Reads(partial(list_entities, GROUP)),
    "UpdateGroup": Writes(update_group),
}
