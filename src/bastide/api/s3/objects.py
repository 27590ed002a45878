"""Objects: put, read, forgotten. The content is a file that is written first; its record makes it the object.

Two puts of one key at once: the later commit wins, and the other's file goes. A reader whose file was
replaced between record and file looks again.
"""

import asyncio
import re
from collections.abc import Callable, Mapping

from bastide.api.operation import Context, Document, Operation, Params, Performs, Reads, Result
from bastide.api.s3.buckets import OBJECT, check_members, find_bucket
from bastide.api.s3.checksums import checked_checksums, etag_of
from bastide.api.s3.files import ObjectFiles
from bastide.model.faults import Invalid, NotFound
from bastide.store import Record, Store, Txn

KEY_MAX_BYTES = 1024
TYPE_DEFAULT = "binary/octet-stream"
READ_ATTEMPTS = 5
# Headers that are kept with an object and come back as they were.
KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata")
_PUT = frozenset(
    {
        "Body",
        "Key",
        *KEPT,
        "ContentLength",
        "ContentMD5",
        "ChecksumAlgorithm",
        "ACL",
        "IfMatch",
        "IfNoneMatch",
    }
    | {"ServerSideEncryption", "StorageClass"}
    | {f"Checksum{name}" for name in ("CRC32", "CRC32C", "CRC64NVME", "MD5", "SHA1", "SHA256", "SHA512")}
)
_GET = frozenset({"Key", "Range", "IfMatch", "ChecksumMode"})
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


async def put_object(store: Store, ctx: Context, params: Params) -> Result:
    """Store an object, in place of one of that key."""
    check_members(params, _PUT)
    bucket, body = params["Bucket"], params.get("Body", b"")
    _check_key(params["Key"])
    await store.view(lambda txn: find_bucket(txn, ctx, params))
    files = ObjectFiles(ctx.settings, ctx.vault)
    document = await asyncio.to_thread(_described, params, body)
    document |= {"modifiedAt": ctx.now_s, "file": await asyncio.to_thread(files.write, bucket, body)}
    try:
        replaced = await store.update(lambda txn: _put(txn, ctx, params, document))
    except BaseException:
        await asyncio.to_thread(files.remove, bucket, document["file"])
        raise
    if replaced is not None:
        await asyncio.to_thread(files.remove, bucket, replaced)
    return {"ETag": document["etag"], "ServerSideEncryption": "AES256", **_shown_checksums(document)}


def _described(params: Params, body: bytes) -> Document:
    checksums = checked_checksums(params, body)
    headers = {name: params[name] for name in KEPT if params.get(name)}
    return {"size": len(body), "etag": etag_of(body), "headers": headers, "checksums": checksums}


def _put(txn: Txn, ctx: Context, params: Params, document: Document) -> str | None:
    """The file that the object had before."""
    bucket = find_bucket(txn, ctx, params)
    key = _record_key(bucket.key, params["Key"])
    held = txn.get(OBJECT, key)
    if params.get("IfNoneMatch") is not None and held is not None:
        raise Invalid("precondition", "If-None-Match")
    if (wanted := params.get("IfMatch")) is not None:
        if held is None:
            raise NotFound("object", params["Key"])
        _check_match(held, wanted)
    if held is None:
        txn.put(Record(OBJECT, key, bucket.scope, document, parent=bucket.key, name=params["Key"]))
        return None
    txn.put(held.changed(document=document))
    return str(held.document["file"])


async def get_object(store: Store, ctx: Context, params: Params) -> Result:
    """An object or a range of it."""
    check_members(params, _GET)
    files = ObjectFiles(ctx.settings, ctx.vault)
    record, body = await read_object(store, files, lambda txn: find_object(txn, ctx, params))
    shown = _shown(record, params)
    span = _span(params.get("Range"), len(body))
    if span is None:
        return {**shown, "Body": body}
    first, end = span
    partial = {name: value for name, value in shown.items() if not name.startswith("Checksum")}
    where = f"bytes {first}-{end - 1}/{len(body)}"
    return {**partial, "ContentLength": end - first, "ContentRange": where, "Body": body[first:end]}


async def read_object(
    store: Store, files: ObjectFiles, find: Callable[[Txn], Record]
) -> tuple[Record, bytes]:
    """An object's record and its content, both of one moment."""
    for _ in range(READ_ATTEMPTS):
        record = await store.view(find)
        body = await asyncio.to_thread(files.read, record.parent, record.document["file"])
        if body is not None:
            return record, body
    raise Invalid("sealed value", why="The object's content is gone.")


def head_object(txn: Txn, ctx: Context, params: Params) -> Result:
    """What GetObject says of the object, without it."""
    check_members(params, _GET)
    record = find_object(txn, ctx, params)
    shown = _shown(record, params)
    span = _span(params.get("Range"), record.document["size"])
    return shown if span is None else {**shown, "ContentLength": span[1] - span[0]}


def find_object(txn: Txn, ctx: Context, params: Params) -> Record:
    """The object of a request."""
    bucket = find_bucket(txn, ctx, params)
    record = txn.get(OBJECT, _record_key(bucket.key, params["Key"]))
    if record is None:
        raise NotFound("object", params["Key"])
    if (wanted := params.get("IfMatch")) is not None:
        _check_match(record, wanted)
    return record


async def delete_object(store: Store, ctx: Context, params: Params) -> Result:
    """Forget an object; one that is not there is no error."""
    check_members(params, {"Key"})

    def delete(txn: Txn) -> str | None:
        bucket = find_bucket(txn, ctx, params)
        record = txn.get(OBJECT, _record_key(bucket.key, params["Key"]))
        if record is None:
            return None
        txn.delete(record)
        return str(record.document["file"])

    if (name := await store.update(delete)) is not None:
        files = ObjectFiles(ctx.settings, ctx.vault)
        await asyncio.to_thread(files.remove, params["Bucket"], name)
    return {}


def _record_key(bucket: str, key: str) -> str:
    return f"{bucket}/{key}"


def _check_key(key: str) -> None:
    if len(key.encode()) > KEY_MAX_BYTES:
        raise Invalid("key length", key)
    if "\0" in key:
        raise Invalid("argument", key, why="A key cannot hold a zero byte.")


def _check_match(record: Record, wanted: str) -> None:
    if wanted != "*" and wanted.strip('"') != record.document["etag"].strip('"'):
        raise Invalid("precondition", "If-Match")


def _shown(record: Record, params: Params) -> Document:
    document = record.document
    shown = {
        "AcceptRanges": "bytes",
        "ContentLength": document["size"],
        "ContentType": TYPE_DEFAULT,
        "ETag": document["etag"],
        "LastModified": document["modifiedAt"],
        "ServerSideEncryption": "AES256",
        **document["headers"],
    }
    return shown | _shown_checksums(document) if params.get("ChecksumMode") == "ENABLED" else shown


def _shown_checksums(document: Document) -> Document:
    checksums: Document = document["checksums"]
    return {**checksums, "ChecksumType": "FULL_OBJECT"} if checksums else {}


def _span(asked: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one behind the last of a range; None for the whole, as for what is no range."""
    found = _RANGE.fullmatch(asked or "")
    if found is None or found.group(1, 2) == ("", ""):
        return None
    first, last = found.group(1, 2)
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise Invalid("range", asked or "")
    return start, end


OPERATIONS: Mapping[str, Operation] = {
    "DeleteObject": Performs(delete_object),
    "GetObject": Performs(get_object),
    "HeadObject": Reads(head_object),
    "PutObject": Performs(put_object),
}
