"""ListObjectsV2: keys in order, those that go on behind a delimiter folded into common prefixes."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from bastide.api.operation import Context, Document, Operation, Params, Reads, Result
from bastide.api.paging import parse_token, render_token
from bastide.api.s3.buckets import OBJECT, check_members, find_bucket
from bastide.model.faults import Invalid
from bastide.store import Record, Txn
from bastide.store.txn import NAME_CEILING

PAGE_MAX = 1000
STEP = 500  # records read at a time
_KNOWN = frozenset(
    {"ContinuationToken", "Delimiter", "EncodingType", "FetchOwner", "MaxKeys", "Prefix", "StartAfter"}
)


def list_objects_v2(txn: Txn, ctx: Context, params: Params) -> Result:
    """One page of a bucket's keys and common prefixes."""
    check_members(params, _KNOWN)
    bucket = find_bucket(txn, ctx, params)
    prefix, delimiter = params.get("Prefix", ""), params.get("Delimiter", "")
    asked = params.get("MaxKeys", PAGE_MAX)
    if asked < 0:
        raise Invalid("argument", why="Argument maxKeys must be an integer between 0 and 2147483647")
    limit = min(asked, PAGE_MAX)
    query = ("objects", bucket.key, prefix, delimiter)
    token = params.get("ContinuationToken")
    after = params.get("StartAfter", "") if token is None else parse_token(token, *query)[0]
    found = _Walk(txn, bucket.key, prefix, delimiter).after(after)
    page: list[Record | str] = []
    is_truncated = False
    for entry in found:
        if len(page) == limit:
            is_truncated = limit > 0
            break
        page.append(entry)
    encoded = params.get("EncodingType") == "url"
    result: Result = {
        "Name": bucket.key,
        "Prefix": _shown_text(prefix, encoded=encoded),
        "MaxKeys": asked,
        "KeyCount": len(page),
        "IsTruncated": is_truncated,
        "Contents": [_shown(one, ctx, params, encoded=encoded) for one in page if isinstance(one, Record)],
        "CommonPrefixes": [
            {"Prefix": _shown_text(one, encoded=encoded)} for one in page if isinstance(one, str)
        ],
    }
    optional = {"Delimiter": _shown_text(delimiter, encoded=encoded) or None}
    optional |= {name: params.get(name) for name in ("EncodingType", "StartAfter", "ContinuationToken")}
    result |= {name: value for name, value in optional.items() if value is not None}
    if is_truncated:
        last = page[-1]
        place = last.name if isinstance(last, Record) else last + NAME_CEILING
        result["NextContinuationToken"] = render_token((place, ""), *query)
    return result


class _Walk:
    """A bucket's keys below a prefix, as a listing shows them: records, and texts for common prefixes."""

    def __init__(self, txn: Txn, bucket: str, prefix: str, delimiter: str) -> None:
        self._txn = txn
        self._bucket = bucket
        self._prefix = prefix
        self._delimiter = delimiter

    def after(self, place: str) -> Iterator[Record | str]:
        """Everything behind a key; a prefix that was shown is passed by as a whole."""
        while True:
            step = self._txn.find(
                OBJECT,
                parent=self._bucket,
                name_prefix=self._prefix or None,
                after=(place, NAME_CEILING),
                limit=STEP,
            )
            for record in step:
                folded = self._folded(record.name)
                if folded is not None:
                    if folded + NAME_CEILING > place:
                        yield folded
                    place = max(place, folded + NAME_CEILING)
                    break
                yield record
                place = record.name
            else:
                if len(step) < STEP:
                    return

    def _folded(self, key: str) -> str | None:
        """The common prefix a key is shown as, if it is."""
        if not self._delimiter:
            return None
        inside, found, _ = key[len(self._prefix) :].partition(self._delimiter)
        return f"{self._prefix}{inside}{self._delimiter}" if found else None


def _shown(record: Record, ctx: Context, params: Params, *, encoded: bool) -> Document:
    shown = {
        "Key": _shown_text(record.name, encoded=encoded),
        "LastModified": record.document["modifiedAt"],
        "ETag": record.document["etag"],
        "Size": record.document["size"],
        "StorageClass": "STANDARD",
    }
    return shown | {"Owner": {"ID": ctx.caller.user_id}} if params.get("FetchOwner") else shown


def _shown_text(text: str, *, encoded: bool) -> str:
    return quote(text, safe="/") if encoded else text


OPERATIONS: Mapping[str, Operation] = {"ListObjectsV2": Reads(list_objects_v2)}
