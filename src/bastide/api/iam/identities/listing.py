"""ListUsers, ListGroups and ListRoles: one account's, by name, below a path."""

from bastide.api.iam.identities.entities import Noun, iam_scope, shown
from bastide.api.iam.pages import is_below, page
from bastide.api.operation import Context, Params, Result
from bastide.store import Txn


def list_entities(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    """One page of the users, groups or roles."""
    found = [
        record
        for record in txn.find(noun.kind, scope=iam_scope(ctx))
        if is_below(record.document["members"]["Path"], params)
    ]
    return page(f"{noun.member}s", found, params, name_of=lambda record: record.name, shown=shown)
