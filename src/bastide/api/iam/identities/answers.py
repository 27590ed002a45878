"""Users, groups and roles as answers show them: alone, or one account's by name, below a path."""

from bastide.api.iam.identities.entities import Noun, encoded, iam_scope
from bastide.api.iam.identities.named import show_principals
from bastide.api.iam.pages import is_below, page
from bastide.api.operation import Context, Document, Params, Result
from bastide.store import Record, Txn


def shown(txn: Txn, record: Record) -> Document:
    """An entity as a listing shows it."""
    found: Document = dict(record.document["members"])
    if "trust" in record.document:
        account = record.scope.partition("/")[0]
        trust = show_principals(txn, account, record.document["trust"])
        found["AssumeRolePolicyDocument"] = encoded(trust)
    return found


def shown_whole(txn: Txn, record: Record) -> Document:
    """The same with everything that only a look at this one entity shows."""
    more: Document = {"Tags": record.document["tags"]} if record.document["tags"] else {}
    boundary = record.document.get("boundary")
    if boundary is not None:
        more["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        }
    return shown(txn, record) | more


def list_entities(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    """One page of the users, groups or roles."""
    found = [
        record
        for record in txn.find(noun.kind, scope=iam_scope(ctx))
        if is_below(record.document["members"]["Path"], params)
    ]
    return page(
        f"{noun.member}s",
        found,
        params,
        name_of=lambda record: record.name,
        shown=lambda record: shown(txn, record),
    )
