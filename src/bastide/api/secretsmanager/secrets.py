"""Secrets themselves: made, described, changed, deleted with a way back or at once."""

import re
from collections.abc import Mapping

from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.secretsmanager.records import (
    ACTIVE,
    CURRENT,
    DELETED,
    SECRET,
    delete_secret_records,
    find_named,
    find_secret,
    find_usable,
    find_version,
    is_over,
    new_arn,
    open_version,
    stages_of,
    value_in,
)
from bastide.api.secretsmanager.tags import checked_tags
from bastide.api.secretsmanager.versions import store_version
from bastide.model.faults import AlreadyExists, Invalid, NotFound, Unsupported
from bastide.store import Record, Txn

RECOVERY_DAYS = (7, 30)
RECOVERY_DEFAULT_DAYS = 30
DAY_S = 86_400
OWN_KEY = "alias/aws/secretsmanager"
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_UNSUPPORTED = ("AddReplicaRegions", "CrossAccountPrimaryARN", "Type")


def create_secret(txn: Txn, ctx: Context, params: Params) -> Result:
    """A new secret, with a first version if a value comes along."""
    name = params["Name"]
    if not _NAME.fullmatch(name):
        why = (
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: "
            "-/_+=.@!"
        )
        raise Invalid("secret name", name, why=why)
    _check_members(params)
    value = value_in(params)
    if (made := _find_made(txn, ctx, params, value)) is not None:
        return made
    arn = new_arn(ctx.scope, name)
    members = {
        "ARN": arn,
        "Name": name,
        "CreatedDate": ctx.now_s,
        "LastChangedDate": ctx.now_s,
        **{member: params[member] for member in ("Description", "KmsKeyId") if params.get(member)},
    }
    document = {"secret": members, "stages": {}, "tags": checked_tags(params.get("Tags", []))}
    secret = txn.put(Record(SECRET, arn, ctx.scope, document, name=name, status=ACTIVE))
    result: Result = {"ARN": arn, "Name": name}
    if value:
        _, version_id = store_version(
            txn, ctx, secret, value, token=params.get("ClientRequestToken"), labels=[CURRENT]
        )
        result["VersionId"] = version_id
    return result


def _find_made(txn: Txn, ctx: Context, params: Params, value: Document) -> Result | None:
    """What an earlier call with this token and value has made; raises where the name is taken otherwise."""
    name, token = params["Name"], params.get("ClientRequestToken")
    for record in txn.find(SECRET, scope=ctx.scope, name=name):
        if is_over(record, ctx.now_s):
            delete_secret_records(txn, record)
    held = find_named(txn, ctx.scope, name, now_s=ctx.now_s)
    if held is None:
        return None
    if held.status == DELETED:
        why = (
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
        raise Invalid("request", name, why=why)
    version = find_version(txn, held, token) if token else None
    if version is None or open_version(ctx.vault, version) != value:
        raise AlreadyExists("secret", name)
    return {"ARN": held.key, "Name": name, "VersionId": version.name}


def _check_members(params: Params) -> None:
    for member in _UNSUPPORTED:
        if params.get(member):
            raise Unsupported("feature", member, why=f"{member} isn't supported here: see docs/compat.md.")
    if params.get("KmsKeyId") not in (None, "", OWN_KEY):
        raise Invalid("kms key", params["KmsKeyId"])


def describe_secret(txn: Txn, ctx: Context, params: Params) -> Result:
    """Everything but the values."""
    return describe(find_secret(txn, ctx, params["SecretId"]), stages="VersionIdsToStages")


def describe(secret: Record, *, stages: str) -> Document:
    """A secret as it is shown, its labels under the name the answer gives them."""
    shown = {**secret.document["secret"], "Tags": secret.document["tags"]}
    versions = sorted(set(secret.document["stages"].values()))
    if versions:
        shown[stages] = {version: stages_of(secret, version) for version in versions}
    return shown


def update_secret(txn: Txn, ctx: Context, params: Params) -> Result:
    """Other words about a secret, and a new current version if a value comes along."""
    secret = find_usable(txn, ctx, params["SecretId"])
    _check_members(params)
    value = value_in(params)
    changed = {member: params[member] for member in ("Description", "KmsKeyId") if member in params}
    members = {**secret.document["secret"], **changed, "LastChangedDate": ctx.now_s}
    secret = txn.put(secret.changed(document={**secret.document, "secret": members}))
    result: Result = {"ARN": secret.key, "Name": secret.name}
    if value:
        _, version_id = store_version(
            txn, ctx, secret, value, token=params.get("ClientRequestToken"), labels=[CURRENT]
        )
        result["VersionId"] = version_id
    return result


def delete_secret(txn: Txn, ctx: Context, params: Params) -> Result:
    """Mark it for deletion, after which it can be restored for some days; or delete it at once."""
    days, at_once = params.get("RecoveryWindowInDays"), bool(params.get("ForceDeleteWithoutRecovery"))
    if at_once and days is not None:
        why = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        raise Invalid("parameter", why=why)
    least, most = RECOVERY_DAYS
    if days is not None and not least <= days <= most:
        why = f"The RecoveryWindowInDays value must be between {least} and {most} days (inclusive)."
        raise Invalid("parameter", why=why)
    try:
        secret = find_secret(txn, ctx, params["SecretId"])
    except NotFound:
        if not at_once or params["SecretId"].startswith("arn:"):
            raise
        name = params["SecretId"]  # the service says yes to that, so that a clean-up can be repeated
        return {"ARN": new_arn(ctx.scope, name), "Name": name, "DeletionDate": ctx.now_s}
    if at_once:
        delete_secret_records(txn, secret)
        return {"ARN": secret.key, "Name": secret.name, "DeletionDate": ctx.now_s}
    if secret.status == DELETED:
        why = "You can't perform this operation on the secret because it was already scheduled for deletion."
        raise Invalid("request", secret.name, why=why)
    ends_s = ctx.now_s + (RECOVERY_DEFAULT_DAYS if days is None else days) * DAY_S
    members = {**secret.document["secret"], "DeletedDate": ends_s}
    txn.put(secret.changed(document={**secret.document, "secret": members}, status=DELETED))
    return {"ARN": secret.key, "Name": secret.name, "DeletionDate": ends_s}


def restore_secret(txn: Txn, ctx: Context, params: Params) -> Result:
    """Take the mark away again."""
    secret = find_secret(txn, ctx, params["SecretId"])
    if secret.status == DELETED:
        members = {n: value for n, value in secret.document["secret"].items() if n != "DeletedDate"}
        txn.put(secret.changed(document={**secret.document, "secret": members}, status=ACTIVE))
    return {"ARN": secret.key, "Name": secret.name}


OPERATIONS: Mapping[str, Operation] = {
    "CreateSecret": Writes(create_secret),
    "DeleteSecret": Writes(delete_secret),
    "DescribeSecret": Reads(describe_secret),
    "RestoreSecret": Writes(restore_secret),
    "UpdateSecret": Writes(update_secret),
}
