"""PutParameter: a new parameter, or a new version of one."""

from collections.abc import Mapping

from bastide.api.operation import Context, Document, Operation, Params, Result, Writes
from bastide.api.ssm.names import check_name, parameter_key
from bastide.api.ssm.records import (
    PARAMETER,
    SECURE,
    find_versions,
    labels_of,
    new_version,
)
from bastide.api.ssm.tags import checked_tags
from bastide.model.faults import AlreadyExists, Conflict, Invalid, LimitExceeded, Unsupported
from bastide.store import Record, Txn

STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"
SIZE_MAX = {STANDARD: 4096, ADVANCED: 8192}  # bytes; user guide, "Managing parameter tiers"
VERSIONS_MAX = 100
OWN_KEY = "alias/aws/ssm"
PLAIN_DATA = "text"


def put_parameter(txn: Txn, ctx: Context, params: Params) -> Result:
    """Store a value under a name."""
    name, value = params["Name"], params["Value"]
    check_name(name, ctx.scope)
    _check_members(params)
    if not value:
        why = "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have "
        raise Invalid("parameter", name, why=f"{why}length greater than or equal to 1")
    if "{{" in value:
        why = "Parameter value can't nest another parameter. Do not use {{}} in the value."
        raise Invalid("parameter", name, why=why)
    held = txn.get(PARAMETER, parameter_key(ctx.scope, name))
    record = _created(ctx, params) if held is None else _overwritten(ctx, params, held)
    record = txn.put(record)
    txn.put(new_version(ctx.vault, record, value))
    _prune(txn, record)
    members = record.document["parameter"]
    return {"Version": members["Version"], "Tier": members["Tier"]}


def _check_members(params: Params) -> None:
    if params.get("AllowedPattern"):
        why = "AllowedPattern isn't checked here, so it isn't accepted: see docs/compat.md."
        raise Unsupported("allowed pattern", why=why)
    if params.get("Policies") not in (None, "", "[]", "[{}]"):
        raise Unsupported("policies", why="Parameter policies aren't supported here: see docs/compat.md.")
    if params.get("DataType", PLAIN_DATA) != PLAIN_DATA:
        why = f"The following data type is not supported: {params['DataType']} (Data type names are all "
        raise Invalid("parameter", why=f"{why}lowercase.)")
    if params.get("KeyId") not in (None, OWN_KEY):
        raise Invalid("kms key", params["KeyId"], why=f"Invalid keyId {params['KeyId']}")


def _created(ctx: Context, params: Params) -> Record:
    name, kind = params["Name"], params.get("Type")
    if kind is None:
        raise Invalid("parameter", name, why="A parameter type is required when you create a parameter.")
    members = _members(ctx, params, kind, tier=STANDARD, version=1)
    document = {"parameter": members, "labels": {}, "tags": checked_tags(params.get("Tags", []))}
    return Record(PARAMETER, parameter_key(ctx.scope, name), ctx.scope, document, name=name)


def _overwritten(ctx: Context, params: Params, held: Record) -> Record:
    if not params.get("Overwrite"):
        raise AlreadyExists("parameter", held.name)
    if params.get("Tags"):
        why = (
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, "
            "please remove overwrite flag. To update tags for an existing parameter, please use "
            "AddTagsToResource or RemoveTagsFromResource."
        )
        raise Invalid("parameter", held.name, why=why)
    before = held.document["parameter"]
    kind = params.get("Type") or before["Type"]
    if kind != before["Type"]:
        why = (
            "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you "
            f"can't change a parameter from a {before['Type']} type to a {kind} type. You must create a "
            "new, unique parameter."
        )
        raise Conflict("parameter type", held.name, why=why)
    members = _members(ctx, params, kind, tier=before["Tier"], version=before["Version"] + 1)
    if "Description" not in params and "Description" in before:
        members["Description"] = before["Description"]
    return held.changed(document={**held.document, "parameter": members})


def _members(ctx: Context, params: Params, kind: str, *, tier: str, version: int) -> Document:
    members = {
        "Name": params["Name"],
        "Type": kind,
        "LastModifiedDate": ctx.now_s,
        "LastModifiedUser": ctx.caller.principal_arn,
        "Version": version,
        "Tier": _tier(params, tier),
        "DataType": PLAIN_DATA,
    }
    if kind == SECURE:
        members["KeyId"] = params.get("KeyId", OWN_KEY)
    if params.get("Description"):
        members["Description"] = params["Description"]
    return members


def _tier(params: Params, before: str) -> str:
    """The tier it gets; raises Invalid for a value too large for it, and for the way back to Standard."""
    size = len(params["Value"].encode("utf-8", "surrogatepass"))
    asked: str = params.get("Tier", before)
    if asked == INTELLIGENT:
        asked = ADVANCED if size > SIZE_MAX[STANDARD] or before == ADVANCED else STANDARD
    if before == ADVANCED and asked == STANDARD:
        why = (
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the "
            "advanced parameter and recreate it as a standard parameter."
        )
        raise Invalid("parameter", params["Name"], why=why)
    if size > SIZE_MAX[asked]:
        why = f"{asked} tier parameters support a maximum parameter value of {SIZE_MAX[asked]} characters."
        if asked == STANDARD:
            why += " To create a larger parameter value, upgrade the parameter to use the advanced-parameter "
            why += "tier."
        raise Invalid("parameter", params["Name"], why=why)
    return asked


def _prune(txn: Txn, parameter: Record) -> None:
    """Beyond so many versions the oldest goes, unless it has a label."""
    versions = find_versions(txn, parameter)
    for oldest in versions[: max(0, len(versions) - VERSIONS_MAX)]:
        number = oldest.document["parameter"]["Version"]
        if labels_of(parameter, number):
            why = (
                f"You attempted to create a new version of {parameter.name} by calling the PutParameter "
                f"API with the overwrite flag. Version {number}, the oldest version, can't be deleted "
                "because it has a label associated with it. Move the label to another version of the "
                "parameter, and try again."
            )
            raise LimitExceeded("parameter versions", parameter.name, why=why)
        txn.delete(oldest)


OPERATIONS: Mapping[str, Operation] = {"PutParameter": Writes(put_parameter)}
