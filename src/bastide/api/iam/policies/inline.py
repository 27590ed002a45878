"""Inline policies: part of a user, group or role, and gone with it."""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.entities import (
    NOUNS,
    Noun,
    changeable_entity,
    encoded,
    get_entity,
    with_part,
)
from bastide.api.iam.pages import page_names
from bastide.api.iam.policies.sizes import check_inline_size
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import NotFound
from bastide.permissions import parse_document
from bastide.store import Record, Txn


def _put(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record = changeable_entity(noun, txn, ctx, params)
    text = params["PolicyDocument"]
    parse_document(text)
    inline = record.document["inline"] | {params["PolicyName"]: text}
    check_inline_size(inline.values(), noun.noun, record.document["members"][noun.name])
    txn.put(with_part(record, "inline", inline))
    return {}


def _get(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record = get_entity(txn, ctx, noun, params)
    return {
        noun.name: record.document["members"][noun.name],
        "PolicyName": params["PolicyName"],
        "PolicyDocument": encoded(_text(noun, record, params)),
    }


def _list(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    names = sorted(get_entity(txn, ctx, noun, params).document["inline"])
    shown, more = page_names(names, params, noun.noun)
    return {"PolicyNames": shown, **more}


def _delete(noun: Noun, txn: Txn, ctx: Context, params: Params) -> Result:
    record = changeable_entity(noun, txn, ctx, params)
    _text(noun, record, params)
    left = {name: text for name, text in record.document["inline"].items() if name != params["PolicyName"]}
    txn.put(with_part(record, "inline", left))
    return {}


def _text(noun: Noun, record: Record, params: Params) -> str:
    name = params["PolicyName"]
    text: str | None = record.document["inline"].get(name)
    if text is None:
        why = f"The {noun.noun} policy with name {name} cannot be found."
        raise NotFound("inline policy", name, why=why)
    return text


def _operations(noun: Noun) -> dict[str, Operation]:
    return {
        f"Put{noun.member}Policy": Writes(partial(_put, noun)),
        f"Get{noun.member}Policy": Reads(partial(_get, noun)),
        f"List{noun.member}Policies": Reads(partial(_list, noun)),
        f"Delete{noun.member}Policy": Writes(partial(_delete, noun)),
    }


OPERATIONS: Mapping[str, Operation] = {
    name: operation for noun in NOUNS for name, operation in _operations(noun).items()
}
