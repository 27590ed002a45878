"""The one task or cluster an operator means: by its ARN, or by as much of a name as it takes."""

from bastide.model.faults import Conflict, NotFound
from bastide.store import Record, Txn

MORE = "write more of it, or its ARN."


def find_task(txn: Txn, named: str) -> Record:
    """By ARN, id or the beginning of an id, in every account and region."""
    exact = txn.get("task", named)
    found = [exact] if exact else txn.find("task", name_prefix=named, limit=2) if named else []
    if not found:
        why = f"There is no task {named}: it never was, or was forgotten after it had stopped."
        raise NotFound("task", named, why=why)
    if len(found) > 1:
        raise Conflict("task", named, why=f"{named} means more than one task: {MORE}")
    return found[0]


def find_cluster(txn: Txn, named: str) -> Record:
    """By ARN or name, in every account and region."""
    exact = txn.get("cluster", named)
    found = [exact] if exact else txn.find("cluster", name=named)
    if not found:
        raise NotFound("cluster", named, why=f"There is no cluster {named}.")
    if len(found) > 1:
        raise Conflict("cluster", named, why=f"{named} means more than one cluster: {MORE}")
    return found[0]
