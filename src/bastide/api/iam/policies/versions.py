"""Versions of managed policies: five at most, one of which counts."""

from collections.abc import Mapping

from bastide.api.iam.identities.entities import encoded, with_members, with_part
from bastide.api.iam.pages import page
from bastide.api.iam.policies.managed import get_own_policy, get_policy_of
from bastide.api.iam.policies.policy import Managed
from bastide.api.iam.policies.sizes import check_managed_size
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.model.faults import InUse, LimitExceeded, NotFound
from bastide.permissions import parse_managed
from bastide.store import Txn

VERSIONS_MAX = 5
NUMBERS_END = 10**9  # beyond any version's, to sort by


def create_policy_version(txn: Txn, ctx: Context, params: Params) -> Result:
    """Another version, which counts from now on if that is asked for."""
    record, text = get_own_policy(txn, ctx, params["PolicyArn"]), params["PolicyDocument"]
    parse_managed(text)
    check_managed_size(text)
    versions = record.document["versions"]
    if len(versions) >= VERSIONS_MAX:
        why = (
            f"A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you "
            "must delete an existing version."
        )
        raise LimitExceeded("policy versions", why=why)
    number = record.document["next"]
    version = {"VersionId": f"v{number}", "text": text, "CreateDate": ctx.now_s}
    record = with_part(with_part(record, "versions", [*versions, version]), "next", number + 1)
    record = with_members(record, UpdateDate=ctx.now_s)
    is_default = bool(params.get("SetAsDefault"))
    if is_default:
        record = with_members(record, DefaultVersionId=version["VersionId"])
    txn.put(record)
    shown = {"VersionId": version["VersionId"], "IsDefaultVersion": is_default, "CreateDate": ctx.now_s}
    return {"PolicyVersion": shown}


def get_policy_version(txn: Txn, ctx: Context, params: Params) -> Result:
    """One version with its document."""
    policy = get_policy_of(txn, ctx, params["PolicyArn"])
    version = _version(policy, params["VersionId"])
    return {"PolicyVersion": _shown(policy, version) | {"Document": encoded(version["text"])}}


def list_policy_versions(txn: Txn, ctx: Context, params: Params) -> Result:
    """All versions, without their documents, the newest first."""
    policy = get_policy_of(txn, ctx, params["PolicyArn"])
    return page(
        "Versions",
        policy.versions,
        params,
        name_of=lambda version: f"{NUMBERS_END - int(version['VersionId'].removeprefix('v')):010}",
        shown=lambda version: _shown(policy, version),
    )


def shown_versions(policy: Managed) -> list[Document]:
    """Every version with its document, the newest first."""
    return [
        _shown(policy, version) | {"Document": encoded(version["text"])}
        for version in reversed(policy.versions)
    ]


def set_default_policy_version(txn: Txn, ctx: Context, params: Params) -> Result:
    """The version that counts from now on."""
    record = get_own_policy(txn, ctx, params["PolicyArn"])
    _version(get_policy_of(txn, ctx, record.key), params["VersionId"])
    txn.put(with_members(record, DefaultVersionId=params["VersionId"], UpdateDate=ctx.now_s))
    return {}


def delete_policy_version(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone, unless it counts."""
    record = get_own_policy(txn, ctx, params["PolicyArn"])
    policy = get_policy_of(txn, ctx, record.key)
    gone = _version(policy, params["VersionId"])["VersionId"]
    if gone == policy.default:
        raise InUse("policy version", gone, why="Cannot delete the default version of a policy.")
    left = [each for each in record.document["versions"] if each["VersionId"] != gone]
    txn.put(with_part(record, "versions", left))
    return {}


def _version(policy: Managed, version_id: str) -> Document:
    for version in policy.versions:
        if version["VersionId"] == version_id:
            return version
    why = f"Policy {policy.arn} version {version_id} does not exist or is not attachable."
    raise NotFound("policy version", version_id, why=why)


def _shown(policy: Managed, version: Document) -> Document:
    return {
        "VersionId": version["VersionId"],
        "IsDefaultVersion": version["VersionId"] == policy.default,
        "CreateDate": version["CreateDate"],
    }


OPERATIONS: Mapping[str, Operation] = {
    "CreatePolicyVersion": Writes(create_policy_version),
    "DeletePolicyVersion": Writes(delete_policy_version),
    "GetPolicyVersion": Reads(get_policy_version),
    "ListPolicyVersions": Reads(list_policy_versions),
    "SetDefaultPolicyVersion": Writes(set_default_policy_version),
}
