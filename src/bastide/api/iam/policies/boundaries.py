"""Permissions boundaries of users and roles: a managed policy beyond which nothing is allowed."""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.entities import ROLE, USER, Noun, changeable_entity, with_part
from bastide.api.iam.policies.attached import BOUNDARY, attachment, new_attachment
from bastide.api.iam.policies.managed import find_policy
from bastide.api.operation import Context, Operation, Params, Result, Writes
from bastide.model.faults import NotFound
from bastide.store import Record, Txn


def with_boundary(txn: Txn, ctx: Context, record: Record, arn: str | None) -> Record:
    """An entity with a boundary, whose use is recorded; with none where `arn` is None."""
    held = record.document.get("boundary")
    if held is not None and (used := attachment(txn, record, held, BOUNDARY)) is not None:
        txn.delete(used)
    if arn is None:
        document = {name: value for name, value in record.document.items() if name != "boundary"}
        return record.changed(document=document)
    if find_policy(txn, record.scope, arn) is None:
        raise NotFound("policy", arn, why=f"Scope ARN: {arn} does not exist or is not attachable.")
    txn.put(new_attachment(record, arn, BOUNDARY))
    return with_part(record, "boundary", arn)


def _put(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record = changeable_entity(noun, txn, ctx, params)
    txn.put(with_boundary(txn, ctx, record, params["PermissionsBoundary"]))
    return {}


def _delete(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record = changeable_entity(noun, txn, ctx, params)
    if "boundary" not in record.document:
        name = record.document["members"][noun.name]
        why = f"No Permissions Boundary found for {noun.noun} {name}."
        raise NotFound("boundary", name, why=why)
    txn.put(with_boundary(txn, ctx, record, None))
    return {}


def _operations(noun: Noun) -> dict[str, Operation]:
    return {
        f"Put{noun.member}PermissionsBoundary": Writes(partial(_put, noun)),
        f"Delete{noun.member}PermissionsBoundary": Writes(partial(_delete, noun)),
    }


OPERATIONS: Mapping[str, Operation] = {
    name: operation for noun in (USER, ROLE) for name, operation in _operations(noun).items()
}
