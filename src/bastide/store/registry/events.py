"""What EventBridge is told of images, in the transaction that changes them."""

import uuid

from bastide.model.registry.image_event import Action, render_image_event
from bastide.store.records import Record
from bastide.store.txn import Txn


def note_action(
    txn: Txn, repository: Record, action: Action, *, digest: str, tag: str = "", now_s: float
) -> None:
    """Tell of a push or a deletion."""
    event = render_image_event(
        repository.document["repository"], action, digest=digest, tag=tag, token=uuid.uuid4(), at_s=now_s
    )
    txn.append_event(repository.scope, event, subject=repository.key, parent="", at_s=now_s)
