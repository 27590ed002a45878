"""A bucket's own policy."""

import re
from collections.abc import Mapping

from bastide.api.iam.identities.named import bind_principals, show_principals
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.api.s3.buckets import check_members, find_bucket
from bastide.api.s3.checksums import checked_checksums
from bastide.model.faults import Invalid, NotFound
from bastide.permissions import check_at_resource
from bastide.permissions.documents import Document, refused
from bastide.store import Record, Txn

CHARS_MAX = 20 * 1024  # S3 user guide, "Bucket policies": 20 KB
NO_JSON = "Policies must be valid JSON and the first byte must be '{'"
_PUT = frozenset({"Policy", "ContentMD5", "ChecksumAlgorithm", "ConfirmRemoveSelfBucketAccess"})


def put_bucket_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Keep a policy in place of the one before."""
    check_members(params, _PUT | {name for name in params if name.startswith("Checksum")})
    bucket, text = find_bucket(txn, ctx, params), params["Policy"]
    checked_checksums(params, text.encode())
    _check_policy(bucket.key, text)
    kept = bind_principals(txn, ctx.caller.account, text)
    txn.put(bucket.changed(document={**bucket.document, "policy": kept}))
    return {}


def get_bucket_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """The policy as it was put."""
    check_members(params, frozenset())
    text = _policy_of(find_bucket(txn, ctx, params))
    return {"Policy": show_principals(txn, ctx.caller.account, text)}


def delete_bucket_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Keep none any more; that there was none is no error."""
    check_members(params, frozenset())
    bucket = find_bucket(txn, ctx, params)
    document = {name: value for name, value in bucket.document.items() if name != "policy"}
    txn.put(bucket.changed(document=document))
    return {}


def _policy_of(bucket: Record) -> str:
    text: str | None = bucket.document.get("policy")
    if text is None:
        raise NotFound("bucket policy", bucket.key)
    return text


def _check_policy(bucket: str, text: str) -> None:
    """Raise Invalid for what is no policy, or one about something else."""
    if len(text) > CHARS_MAX:
        raise Invalid("policy size")
    if not text.startswith("{"):
        raise refused(NO_JSON)
    document = check_at_resource(text, vendor="s3")
    if not all(_is_about(bucket, resource) for resource in _resources(document)):
        raise refused("Policy has invalid resource")


def _resources(document: Document) -> list[str]:
    return [resource for clause in document.clauses for resource in clause.resources or ()]


def _is_about(bucket: str, resource: str) -> bool:
    return re.fullmatch(rf"arn:aws:s3:::{re.escape(bucket)}(/.*)?", resource) is not None


OPERATIONS: Mapping[str, Operation] = {
    "DeleteBucketPolicy": Writes(delete_bucket_policy),
    "GetBucketPolicy": Reads(get_bucket_policy),
    "PutBucketPolicy": Writes(put_bucket_policy),
}
