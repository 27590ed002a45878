"""How secrets are kept: one record a secret with its labels, one a version with its sealed value.

A secret that was deleted with a recovery window stays as a record of status DELETED until its time; from
then on nobody finds it, and `control/reaper` takes it away. A value is sealed for its secret and version.
"""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from bastide.api.operation import Context
from bastide.api.vault import Vault
from bastide.model.arn import Arn, parse_arn, render_arn, scope_of
from bastide.model.faults import Invalid, NotFound
from bastide.store import Record, Txn

Document = dict[str, Any]

SECRET, VERSION = "secret", "secret-version"
ACTIVE, DELETED = "ACTIVE", "DELETED"
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
SUFFIX_CHARS = 6  # of an ARN, so that a secret made anew is another one
_RESOURCE = "secret:"
_ALPHABET = string.ascii_letters + string.digits
VALUES = ("SecretString", "SecretBinary")


def new_arn(scope: str, name: str) -> Arn:
    """`secret:NAME-xxxxxx`."""
    account, region = scope.split("/")
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(SUFFIX_CHARS))
    return render_arn("secretsmanager", region, account, f"{_RESOURCE}{name}-{suffix}")


def find_named(txn: Txn, scope: str, name: str, *, now_s: float) -> Record | None:
    """The secret of that name, one that waits for its deletion included."""
    for record in txn.find(SECRET, scope=scope, name=name):
        if not is_over(record, now_s):
            return record
    return None


def is_over(record: Record, now_s: float) -> bool:
    """Whether its recovery window has ended."""
    return record.status == DELETED and bool(record.document["secret"]["DeletedDate"] <= now_s)


def find_secret(txn: Txn, ctx: Context, identifier: str) -> Record:
    """The secret of a name, an ARN, or an ARN without its suffix; NotFound names no secret."""
    found = find_in(txn, ctx.scope, identifier, now_s=ctx.now_s)
    if found is None:
        raise NotFound("secret", identifier)
    return found


def find_in(txn: Txn, scope: str, identifier: str, *, now_s: float) -> Record | None:
    """The same within any scope; an ARN of another one finds nothing."""
    if not identifier.startswith("arn:"):
        return find_named(txn, scope, identifier, now_s=now_s)
    arn = parse_arn(identifier)
    if arn is None or arn.service != "secretsmanager" or not arn.resource.startswith(_RESOURCE):
        raise Invalid("parameter", identifier, why="Invalid ARN.")
    if scope_of(arn.account, arn.region) != scope:
        return None
    record = txn.get(SECRET, identifier)
    if record is not None:
        return None if is_over(record, now_s) else record
    return find_named(txn, scope, arn.resource.removeprefix(_RESOURCE), now_s=now_s)


def find_usable(txn: Txn, ctx: Context, identifier: str) -> Record:
    """A secret that is not on its way out."""
    record = find_secret(txn, ctx, identifier)
    check_usable(record)
    return record


def check_usable(record: Record) -> None:
    """Raise Invalid for a secret that waits for its deletion."""
    if record.status == DELETED:
        why = "You can't perform this operation on the secret because it was marked for deletion."
        raise Invalid("request", record.name, why=why)


def find_version(txn: Txn, secret: Record, version_id: str) -> Record | None:
    """One version of a secret."""
    return txn.get(VERSION, _version_key(secret.key, version_id))


def find_versions(txn: Txn, secret: Record) -> list[Record]:
    """All versions of a secret, by id."""
    return txn.find(VERSION, parent=secret.key)


def new_version(ctx: Context, secret: Record, version_id: str, value: Document) -> Record:
    """A version with its value sealed; not stored yet."""
    kind, plain = next(iter(value.items()))
    key = _version_key(secret.key, version_id)
    raw = plain if isinstance(plain, str) else plain.decode("latin-1")
    document = {
        "VersionId": version_id,
        "CreatedDate": ctx.now_s,
        "kind": kind,
        "sealed": ctx.vault.seal_text(raw, f"{key}/{kind}"),
    }
    return Record(VERSION, key, secret.scope, document, parent=secret.key, name=version_id)


def open_version(vault: Vault, version: Record) -> Document:
    """The value: `SecretString` or `SecretBinary`. Raises Invalid of `sealed value`."""
    kind = version.document["kind"]
    raw = vault.open_text(version.document["sealed"], f"{version.key}/{kind}")
    return {kind: raw if kind == "SecretString" else raw.encode("latin-1")}


def value_in(params: Mapping[str, Any]) -> Document:
    """The value a request brings; empty when it brings none."""
    given = {name: params[name] for name in VALUES if params.get(name) is not None}
    if len(given) > 1:
        why = "You can't specify both a binary secret value and a string secret value in the same secret."
        raise Invalid("parameter", why=why)
    return given


def stages_of(secret: Record, version_id: str) -> list[str]:
    """The labels of a version."""
    stages: dict[str, str] = secret.document["stages"]
    return sorted(label for label, holder in stages.items() if holder == version_id)


def delete_secret_records(txn: Txn, secret: Record) -> None:
    """The secret and every version of it."""
    for version in find_versions(txn, secret):
        txn.delete(version)
    txn.delete(secret)


def _version_key(arn: str, version_id: str) -> str:
    return f"{arn}/{version_id}"
