"""Buckets: names that are taken once for everybody, and belong to an account and a region."""

import re
from collections.abc import Mapping, Set

from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.api.paging import parse_token, read_limit, render_token
from bastide.model.arn import render_arn
from bastide.model.faults import AlreadyExists, Denied, InUse, Invalid, NotFound, Unsupported
from bastide.store import Record, Txn

BUCKET, OBJECT = "bucket", "object"
FIRST_REGION = "us-east-1"  # whose buckets have no location constraint
BUCKETS_PAGE_MAX = 10_000
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
ACLS = ("private", "bucket-owner-full-control", "bucket-owner-read")
# Members that change nothing here, or hold nothing but what is so here anyway.
HARMLESS = frozenset({"Bucket", "ExpectedBucketOwner", "RequestPayer"})


def check_members(params: Params, known: Set[str]) -> None:
    """Raise Unsupported for what an object store of the real size would act on and this one does not."""
    for name in params.keys() - HARMLESS - known:
        why = f"A header you provided implies functionality that is not implemented: {name}."
        raise Unsupported("header", name, why=why)
    if params.get("ACL") not in (None, *ACLS):
        raise Unsupported(
            "header", "ACL", why="Access control lists are not implemented: objects are private."
        )
    if params.get("ServerSideEncryption", "AES256") != "AES256":
        raise Unsupported("header", "ServerSideEncryption", why="KMS keys are not implemented.")
    if params.get("StorageClass", "STANDARD") != "STANDARD":
        raise Unsupported("header", "StorageClass", why="Storage classes are not implemented.")


def find_bucket(txn: Txn, ctx: Context, params: Params) -> Record:
    """The bucket of a request, which is the caller's."""
    record = txn.get(BUCKET, params["Bucket"])
    if record is None:
        raise NotFound("bucket", params["Bucket"])
    owner = record.parent
    if owner != ctx.caller.account or params.get("ExpectedBucketOwner", owner) != owner:
        raise Denied("bucket", record.key)
    return record


def create_bucket(txn: Txn, ctx: Context, params: Params) -> Result:
    """Take the name. Whoever has it already is told so, except in the first region, as on AWS."""
    name, region = params["Bucket"], ctx.caller.region
    check_members(params, {"ACL", "CreateBucketConfiguration", "ObjectOwnership"})
    wanted = params.get("CreateBucketConfiguration", {})
    if extra := wanted.keys() - {"LocationConstraint"}:
        why = f"{', '.join(sorted(extra))} in CreateBucketConfiguration is not implemented."
        raise Unsupported("header", why=why)
    if params.get("ObjectOwnership", "BucketOwnerEnforced") != "BucketOwnerEnforced":
        raise Unsupported("header", "ObjectOwnership", why="Access control lists are not implemented.")
    _check_location(wanted.get("LocationConstraint"), region)
    if not _NAME.fullmatch(name) or ".." in name or _ADDRESS.fullmatch(name):
        raise Invalid("bucket name", name)
    held = txn.get(BUCKET, name)
    if held is not None and held.parent != ctx.caller.account:
        raise AlreadyExists("bucket", name)
    if held is not None and not (held.document["region"] == region == FIRST_REGION):
        raise AlreadyExists("bucket of one's own", name)
    if held is None:
        document = {"region": region, "createdAt": ctx.now_s}
        txn.put(Record(BUCKET, name, ctx.scope, document, parent=ctx.caller.account, name=name))
    return {"Location": f"/{name}", "BucketArn": _arn(name)}


def _check_location(constraint: str | None, region: str) -> None:
    if (constraint or FIRST_REGION) != region:
        why = (
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific "
            "endpoint this request was sent to."
        )
        raise Invalid("location", constraint or "", why=why)


def list_buckets(txn: Txn, ctx: Context, params: Params) -> Result:
    """The account's buckets of all regions, by name."""
    check_members(params, {"MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion"})
    limit = read_limit({"maxResults": params.get("MaxBuckets", BUCKETS_PAGE_MAX)}, most=BUCKETS_PAGE_MAX)
    prefix, region = params.get("Prefix"), params.get("BucketRegion")
    query = ("buckets", ctx.caller.account, prefix, region)
    token = params.get("ContinuationToken")
    after = None if token is None else parse_token(token, *query)
    records = [
        record
        for record in txn.find(BUCKET, parent=ctx.caller.account, name_prefix=prefix, after=after)
        if region in (None, record.document["region"])
    ]
    shown = [
        {
            "Name": record.name,
            "CreationDate": record.document["createdAt"],
            "BucketRegion": record.document["region"],
            "BucketArn": _arn(record.name),
        }
        for record in records[:limit]
    ]
    result: Result = {"Buckets": shown, "Owner": {"ID": ctx.caller.user_id}, "Prefix": prefix}
    if len(records) > limit:
        last = records[limit - 1]
        result["ContinuationToken"] = render_token((last.name, last.key), *query)
    return result


def head_bucket(txn: Txn, ctx: Context, params: Params) -> Result:
    """That it is there, and where."""
    record = find_bucket(txn, ctx, params)
    return {"BucketRegion": record.document["region"], "BucketArn": _arn(record.key)}


def get_bucket_location(txn: Txn, ctx: Context, params: Params) -> Result:
    """Its region; nothing for the first one."""
    region = find_bucket(txn, ctx, params).document["region"]
    return {} if region == FIRST_REGION else {"LocationConstraint": region}


def delete_bucket(txn: Txn, ctx: Context, params: Params) -> Result:
    """Give the name back; only an empty bucket goes."""
    record = find_bucket(txn, ctx, params)
    if txn.find(OBJECT, parent=record.key, limit=1):
        raise InUse("bucket", record.key)
    txn.delete(record)
    return {}


def _arn(name: str) -> str:
    return render_arn("s3", "", "", name)


OPERATIONS: Mapping[str, Operation] = {
    "CreateBucket": Writes(create_bucket),
    "DeleteBucket": Writes(delete_bucket),
    "GetBucketLocation": Reads(get_bucket_location),
    "HeadBucket": Reads(head_bucket),
    "ListBuckets": Reads(list_buckets),
}
