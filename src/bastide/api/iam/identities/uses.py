"""When access keys and roles were last used: a record each, gone with what it is about.

Known to a quarter of an hour and no better, so that calls stay cheap; AWS's own tells of hours.
"""

from datetime import datetime

from bastide.api.iam.identities.entities import ROLE
from bastide.api.operation import Caller, Document
from bastide.store import Record, Txn

KEY_USE, ROLE_USE = "iam-access-key-use", "iam-role-use"
STEP_S = 900.0


def note_use(txn: Txn, kind: str, of: Record | None, used: Document) -> None:
    """Keep what a key or role was used for, unless it is known well enough, or gone."""
    held = None if of is None else txn.get(kind, of.key)
    if held is not None and used["LastUsedDate"] - held.document["LastUsedDate"] < STEP_S:
        return
    if of is not None:
        txn.put((held or Record(kind, of.key, of.scope, {})).changed(document=used))


def note_role_use(txn: Txn, caller: Caller, now: datetime) -> None:
    """The same of the role whose session somebody is."""
    used = {"LastUsedDate": round(now.timestamp(), 3), "Region": caller.region}
    note_use(txn, ROLE_USE, txn.get(ROLE.kind, caller.entity), used)


def last_use(txn: Txn, kind: str, key: str) -> Document:
    """What a key or role was last used for; nothing where that never was."""
    held = txn.get(kind, key)
    return {} if held is None else dict(held.document)


def forget_use(txn: Txn, kind: str, key: str) -> None:
    """The key or role is gone."""
    held = txn.get(kind, key)
    if held is not None:
        txn.delete(held)
