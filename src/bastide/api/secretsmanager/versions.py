"""Versions of a secret: putting and getting values, and the labels that tell versions apart.

A label is on one version at a time. AWSCURRENT that moves leaves AWSPREVIOUS on the version it was on. Of
versions without a label the oldest go when there are too many.
"""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import cut_page
from bastide.api.secretsmanager.records import (
    CURRENT,
    PREVIOUS,
    find_secret,
    find_usable,
    find_version,
    find_versions,
    new_version,
    open_version,
    stages_of,
    value_in,
)
from bastide.model.faults import AlreadyExists, Invalid, LimitExceeded, NotFound
from bastide.store import Record, Txn

VERSIONS_MAX = 100  # Secrets Manager user guide, "quotas"
LABELS_MAX = 20  # of one version, same page


def get_secret_value(txn: Txn, ctx: Context, params: Params) -> Result:
    """The value of a version, the current one unless said otherwise."""
    secret = find_usable(txn, ctx, params["SecretId"])
    version = pick_version(txn, secret, version_id=params.get("VersionId"), stage=params.get("VersionStage"))
    return {
        "ARN": secret.key,
        "Name": secret.name,
        "VersionId": version.name,
        "VersionStages": stages_of(secret, version.name),
        "CreatedDate": version.document["CreatedDate"],
        **open_version(ctx.vault, version),
    }


def pick_version(txn: Txn, secret: Record, *, version_id: str | None, stage: str | None) -> Record:
    """The version that is meant; raises NotFound or Invalid in the service's words."""
    if version_id is None:
        label = stage or CURRENT
        holder = secret.document["stages"].get(label)
        version = find_version(txn, secret, holder) if holder else None
        if version is None:
            why = f"Secrets Manager can't find the specified secret value for staging label: {label}"
            raise NotFound("secret version", label, why=why)
        return version
    version = find_version(txn, secret, version_id)
    if version is None:
        why = f"Secrets Manager can't find the specified secret value for VersionId: {version_id}"
        raise NotFound("secret version", version_id, why=why)
    if stage is not None and stage not in stages_of(secret, version_id):
        why = "You provided a VersionStage that is not associated to the provided VersionId."
        raise Invalid("request", stage, why=why)
    return version


def put_secret_value(txn: Txn, ctx: Context, params: Params) -> Result:
    """A new version; with the token of one that is there and the same value, that one again."""
    secret = find_usable(txn, ctx, params["SecretId"])
    value = value_in(params)
    if not value:
        raise Invalid("request", why="You must provide either SecretString or SecretBinary.")
    labels = params.get("VersionStages") or [CURRENT]
    secret, version_id = store_version(
        txn, ctx, secret, value, token=params.get("ClientRequestToken"), labels=labels
    )
    stages = stages_of(secret, version_id)
    return {"ARN": secret.key, "Name": secret.name, "VersionId": version_id, "VersionStages": stages}


def store_version(
    txn: Txn, ctx: Context, secret: Record, value: Document, *, token: str | None, labels: Sequence[str]
) -> tuple[Record, str]:
    """Put a version under these labels; the secret as it is now, and the version's id."""
    version_id = token or str(uuid4())
    held = find_version(txn, secret, version_id)
    if held is not None:
        if open_version(ctx.vault, held) == value:
            return secret, version_id
        why = (
            f"You can't use ClientRequestToken {version_id} because that value is already in use for a "
            f"version of secret {secret.key}."
        )
        raise AlreadyExists("secret version", version_id, why=why)
    if len(set(labels)) > LABELS_MAX:
        raise LimitExceeded("labels", why=f"A version can have at most {LABELS_MAX} staging labels.")
    txn.put(new_version(ctx, secret, version_id, value))
    if not secret.document["stages"]:
        labels = [*labels, CURRENT]  # the first version is current whatever else it is
    stages = dict(secret.document["stages"])
    for label in dict.fromkeys(labels):
        _move(stages, label, version_id)
    members = {**secret.document["secret"], "LastChangedDate": ctx.now_s}
    document = {**secret.document, "secret": members, "stages": stages}
    secret = txn.put(secret.changed(document=document))
    _prune(txn, secret)
    return secret, version_id


def _move(stages: dict[str, str], label: str, version_id: str) -> None:
    before = stages.get(label)
    stages[label] = version_id
    if label == CURRENT and before is not None and before != version_id:
        stages[PREVIOUS] = before
    if label == CURRENT and stages.get(PREVIOUS) == version_id:
        del stages[PREVIOUS]


def _prune(txn: Txn, secret: Record) -> None:
    versions = find_versions(txn, secret)
    spare = len(versions) - VERSIONS_MAX
    labelled = set(secret.document["stages"].values())
    old = sorted(
        (version for version in versions if version.name not in labelled),
        key=lambda version: version.document["CreatedDate"],
    )
    for version in old[: max(0, spare)]:
        txn.delete(version)


def list_secret_version_ids(txn: Txn, ctx: Context, params: Params) -> Result:
    """Versions that have labels, or all of them, by id."""
    secret = find_secret(txn, ctx, params["SecretId"])
    wanted = {
        version.name: version
        for version in find_versions(txn, secret)
        if params.get("IncludeDeprecated") or stages_of(secret, version.name)
    }
    asked = {
        member: params[name]
        for member, name in (("maxResults", "MaxResults"), ("nextToken", "NextToken"))
        if params.get(name) is not None
    }
    query = ("secret-versions", secret.key, bool(params.get("IncludeDeprecated")))
    names, token = cut_page(sorted(wanted), asked, *query, most=100)
    shown = [
        {
            "VersionId": name,
            "CreatedDate": wanted[name].document["CreatedDate"],
            "VersionStages": stages_of(secret, name),
        }
        for name in names
    ]
    result: Result = {"ARN": secret.key, "Name": secret.name, "Versions": shown}
    return result | {"NextToken": token} if token else result


def update_secret_version_stage(txn: Txn, ctx: Context, params: Params) -> Result:
    """Put a label on a version, take it off one, or move it from one to another."""
    secret = find_usable(txn, ctx, params["SecretId"])
    label, to = params["VersionStage"], params.get("MoveToVersionId")
    _check_removal(secret, label, params.get("RemoveFromVersionId"), to)
    if to is not None and find_version(txn, secret, to) is None:
        why = f"Secrets Manager can't find the specified secret value for VersionId: {to}"
        raise NotFound("secret version", to, why=why)
    stages = dict(secret.document["stages"])
    if to is not None:
        _move(stages, label, to)
    else:
        stages.pop(label, None)
    members = {**secret.document["secret"], "LastChangedDate": ctx.now_s}
    txn.put(secret.changed(document={**secret.document, "secret": members, "stages": stages}))
    return {"ARN": secret.key, "Name": secret.name}


def _check_removal(secret: Record, label: str, taken_from: str | None, to: str | None) -> None:
    """A label that is on a version is taken from there by name; the current one is moved, never removed."""
    holder = secret.document["stages"].get(label)
    if taken_from is None and to is None:
        raise Invalid("parameter", why="You must provide MoveToVersionId or RemoveFromVersionId.")
    if label == CURRENT and to is None:
        why = f"You can only move staging label {label} to a different secret version. It can't be removed."
        raise Invalid("parameter", label, why=why)
    if taken_from is None and holder is not None and holder != to:
        why = (
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached "
            f"to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
        raise Invalid("parameter", label, why=why)
    if taken_from is not None and taken_from != holder:
        why = f"Staging label {label} is not attached to version {taken_from}."
        raise Invalid("parameter", label, why=why)


OPERATIONS: Mapping[str, Operation] = {
    "GetSecretValue": Reads(get_secret_value),
    "ListSecretVersionIds": Reads(list_secret_version_ids),
    "PutSecretValue": Writes(put_secret_value),
    "UpdateSecretVersionStage": Writes(update_secret_version_stage),
}
