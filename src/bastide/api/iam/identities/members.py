"""Who belongs to which group: one record for each user in each group."""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.answers import shown
from bastide.api.iam.identities.entities import GROUP, USER, get_entity
from bastide.api.iam.pages import page
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import LimitExceeded, NotFound
from bastide.store import Record, Txn

KIND = "iam-membership"  # `parent` is the group's key, `name` the user's
GROUPS_MAX = 10  # IAM user guide, "IAM and AWS STS quotas"


def add_user_to_group(txn: Txn, ctx: Context, params: Params) -> Result:
    """From now on the group's policies are the user's too. Repeatable."""
    group, user = get_entity(txn, ctx, GROUP, params), get_entity(txn, ctx, USER, params)
    if txn.get(KIND, _key(group, user)) is None:
        if txn.count(KIND, scope=user.scope, name=user.key) >= GROUPS_MAX:
            raise LimitExceeded("groups", why=f"Cannot exceed quota for GroupsPerUser: {GROUPS_MAX}")
        txn.put(Record(KIND, _key(group, user), user.scope, {}, parent=group.key, name=user.key))
    return {}


def remove_user_from_group(txn: Txn, ctx: Context, params: Params) -> Result:
    """And no longer."""
    group, user = get_entity(txn, ctx, GROUP, params), get_entity(txn, ctx, USER, params)
    held = txn.get(KIND, _key(group, user))
    if held is None:
        why = f"User {params['UserName']} is not a member of group {params['GroupName']}."
        raise NotFound("user", params["UserName"], why=why)
    txn.delete(held)
    return {}


def get_group(txn: Txn, ctx: Context, params: Params) -> Result:
    """A group and its users."""
    group = get_entity(txn, ctx, GROUP, params)
    return {"Group": shown(txn, group)} | page(
        "Users", users_of(txn, group), params, name_of=lambda user: user.name, shown=partial(shown, txn)
    )


def list_groups_for_user(txn: Txn, ctx: Context, params: Params) -> Result:
    """A user's groups."""
    groups = groups_of(txn, get_entity(txn, ctx, USER, params))
    return page("Groups", groups, params, name_of=lambda group: group.name, shown=partial(shown, txn))


def groups_of(txn: Txn, user: Record) -> list[Record]:
    """The groups a user is in."""
    held = txn.find(KIND, scope=user.scope, name=user.key)
    return [group for one in held if (group := txn.get(GROUP.kind, one.parent)) is not None]


def users_of(txn: Txn, group: Record) -> list[Record]:
    """The users in a group."""
    held = txn.find(KIND, parent=group.key)
    return [user for one in held if (user := txn.get(USER.kind, one.name)) is not None]


def _key(group: Record, user: Record) -> str:
    return f"{group.key}|{user.key}"


OPERATIONS: Mapping[str, Operation] = {
    "AddUserToGroup": Writes(add_user_to_group),
    "GetGroup": Reads(get_group),
    "ListGroupsForUser": Reads(list_groups_for_user),
    "RemoveUserFromGroup": Writes(remove_user_from_group),
}
