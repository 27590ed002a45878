"""Access keys of users: two each, shown once, sealed at rest."""

import secrets
from collections.abc import Mapping

from bastide.api.iam.identities.entities import USER, draw_id, iam_scope
from bastide.api.iam.identities.users import ACCESS_KEY, named_or_own
from bastide.api.iam.identities.uses import KEY_USE, forget_use, last_use
from bastide.api.iam.pages import page
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.api.vault import Vault
from bastide.model.faults import LimitExceeded, NotFound
from bastide.store import Record, Txn

PREFIX, RANDOM_CHARS = "AKIA", 16
SECRET_BYTES = 30  # 40 characters of base64
KEYS_MAX = 2
ACTIVE, INACTIVE = "Active", "Inactive"
NEVER = "N/A"  # API reference, AccessKeyLastUsed


def create_access_key(txn: Txn, ctx: Context, params: Params) -> Result:
    """A key; its secret half is in this answer and nowhere else."""
    user = named_or_own(txn, ctx, params)
    if txn.count(ACCESS_KEY, parent=user.key) >= KEYS_MAX:
        raise LimitExceeded("access keys", why=f"Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}")
    key, secret = draw_id(PREFIX, RANDOM_CHARS), secrets.token_urlsafe(SECRET_BYTES)
    document = {"CreateDate": ctx.now_s, "sealed": ctx.vault.seal_text(secret, _identity(key))}
    record = Record(ACCESS_KEY, key, iam_scope(ctx), document, parent=user.key, name=key, status=ACTIVE)
    return {"AccessKey": _shown(user, txn.put(record)) | {"SecretAccessKey": secret}}


def open_secret(vault: Vault, record: Record) -> str:
    """A key's secret half."""
    return vault.open_text(record.document["sealed"], _identity(record.key))


def list_access_keys(txn: Txn, ctx: Context, params: Params) -> Result:
    """A user's keys, without what is secret of them."""
    user = named_or_own(txn, ctx, params)
    found = txn.find(ACCESS_KEY, parent=user.key)
    return page(
        "AccessKeyMetadata",
        found,
        params,
        name_of=lambda record: record.key,
        shown=lambda record: _shown(user, record),
    )


def update_access_key(txn: Txn, ctx: Context, params: Params) -> Result:
    """Active or not: what an inactive key signs is refused."""
    txn.put(_key_of(txn, ctx, params).changed(status=params["Status"]))
    return {}


def delete_access_key(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone."""
    record = _key_of(txn, ctx, params)
    forget_use(txn, KEY_USE, record.key)
    txn.delete(record)
    return {}


def get_access_key_last_used(txn: Txn, ctx: Context, params: Params) -> Result:
    """Whose it is, and what it last signed."""
    record = txn.get(ACCESS_KEY, params["AccessKeyId"])
    user = None if record is None else txn.get(USER.kind, record.parent)
    if record is None or user is None or record.scope != iam_scope(ctx):
        raise NotFound("access key", params["AccessKeyId"])
    last = {"ServiceName": NEVER, "Region": NEVER} | last_use(txn, KEY_USE, record.key)
    return {"UserName": user.document["members"]["UserName"], "AccessKeyLastUsed": last}


def _key_of(txn: Txn, ctx: Context, params: Params) -> Record:
    user = named_or_own(txn, ctx, params)
    record = txn.get(ACCESS_KEY, params["AccessKeyId"])
    if record is None or record.parent != user.key:
        raise NotFound("access key", params["AccessKeyId"])
    return record


def _shown(user: Record, record: Record) -> Result:
    return {
        "UserName": user.document["members"]["UserName"],
        "AccessKeyId": record.key,
        "Status": record.status,
        "CreateDate": record.document["CreateDate"],
    }


def _identity(key: str) -> str:
    return f"{ACCESS_KEY}/{key}"


OPERATIONS: Mapping[str, Operation] = {
    "CreateAccessKey": Writes(create_access_key),
    "DeleteAccessKey": Writes(delete_access_key),
    "GetAccessKeyLastUsed": Reads(get_access_key_last_used),
    "ListAccessKeys": Reads(list_access_keys),
    "UpdateAccessKey": Writes(update_access_key),
}
