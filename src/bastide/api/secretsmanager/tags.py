"""Tags of secrets: recorded, shown and searched."""

from collections.abc import Mapping, Sequence

from bastide.api.operation import Context, Document, Operation, Params, Result, Writes
from bastide.api.secretsmanager.records import find_usable
from bastide.model.faults import Invalid, LimitExceeded
from bastide.store import Record, Txn

TAGS_MAX = 50
RESERVED_PREFIX = "aws:"


def checked_tags(tags: Sequence[Document]) -> list[Document]:
    """The tags as they are stored, a later one over an earlier of the same key."""
    by_key = {tag.get("Key", ""): tag.get("Value", "") for tag in tags}
    if any(not key or key.lower().startswith(RESERVED_PREFIX) for key in by_key):
        raise Invalid("parameter", why="Tag keys can't be empty or start with aws:.")
    if len(by_key) > TAGS_MAX:
        raise LimitExceeded("tags", why=f"A secret can have at most {TAGS_MAX} tags.")
    return [{"Key": key, "Value": value} for key, value in by_key.items()]


def tag_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """Tags to add; those of the same key are replaced."""
    secret = find_usable(txn, ctx, params["SecretId"])
    _put(txn, secret, checked_tags([*secret.document["tags"], *params["Tags"]]))
    return {}


def untag_resource(txn: Txn, ctx: Context, params: Params) -> Result:
    """Tags to take away, by key; one that is not there is no error."""
    secret = find_usable(txn, ctx, params["SecretId"])
    _put(txn, secret, [tag for tag in secret.document["tags"] if tag["Key"] not in params["TagKeys"]])
    return {}


def _put(txn: Txn, secret: Record, tags: list[Document]) -> None:
    txn.put(secret.changed(document={**secret.document, "tags": tags}))


OPERATIONS: Mapping[str, Operation] = {
    "TagResource": Writes(tag_resource),
    "UntagResource": Writes(untag_resource),
}
