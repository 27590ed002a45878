"""Which managed policies count for whom: one record for each policy attached, and for each boundary.

`parent` is the policy's ARN, `name` the entity's key, `status` how it counts.
"""

from bastide.model.faults import InUse
from bastide.store import Record, Txn

KIND = "iam-attachment"
ATTACHED, BOUNDARY = "attached", "boundary"


def attached_arns(txn: Txn, entity: Record) -> list[str]:
    """The managed policies an entity has, by ARN."""
    found = txn.find(KIND, scope=entity.scope, name=entity.key, status=ATTACHED)
    return sorted(record.parent for record in found)


def attachment(txn: Txn, entity: Record, arn: str, status: str) -> Record | None:
    """The record of one policy on one entity."""
    return txn.get(KIND, _key(entity, arn, status))


def new_attachment(entity: Record, arn: str, status: str) -> Record:
    """The same, not stored yet."""
    document = {"kind": entity.kind}
    return Record(
        KIND, _key(entity, arn, status), entity.scope, document, parent=arn, name=entity.key, status=status
    )


def find_users(txn: Txn, scope: str, arn: str, status: str) -> list[tuple[str, str]]:
    """Kind and key of every entity that has a policy."""
    found = txn.find(KIND, scope=scope, parent=arn, status=status)
    return [(record.document["kind"], record.name) for record in found]


def check_detached(txn: Txn, entity: Record) -> None:
    """Raise InUse for an entity that still has policies; its boundary goes with it."""
    if entity.document["inline"]:
        raise InUse("entity", why="Cannot delete entity, must delete policies first.")
    if attached_arns(txn, entity):
        raise InUse("entity", why="Cannot delete entity, must detach all policies first.")
    for boundary in txn.find(KIND, scope=entity.scope, name=entity.key):
        txn.delete(boundary)


def _key(entity: Record, arn: str, status: str) -> str:
    return f"{entity.key}|{status}|{arn}"
