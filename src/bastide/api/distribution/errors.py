"""The registry's errors: codes and statuses of the distribution spec, and which fault becomes which.

The one table for /v2, as `api/errors/` is for AWS's services. Codes: OCI distribution spec 1.1, "Error
codes"; TAG_INVALID and the sentences of repositories are ECR's; UNAVAILABLE and UNKNOWN are Docker's.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from bastide.model.faults import (
    AlreadyExists,
    Conflict,
    Denied,
    Fault,
    InUse,
    Invalid,
    LimitExceeded,
    NotFound,
    Unavailable,
    Unsupported,
)

Headers = Mapping[str, str]


class Row(NamedTuple):
    """A code, its status, and what it says when the fault has no words of its own."""

    code: str
    status: int
    message: str = ""


FAULTS: Mapping[tuple[type[Fault], str], Row] = {
    (AlreadyExists, "image tag"): Row("TAG_INVALID", 400),
    (Conflict, "upload"): Row("BLOB_UPLOAD_INVALID", 409),
    (Denied, "permission"): Row("DENIED", 403),
    (Denied, "registry"): Row("DENIED", 403),
    (InUse, "image"): Row("DENIED", 403),
    (InUse, "layer"): Row("DENIED", 403),
    (Invalid, "digest"): Row("DIGEST_INVALID", 400),
    (Invalid, "layer size"): Row("SIZE_INVALID", 400),
    (Invalid, "manifest"): Row("MANIFEST_INVALID", 400),
    (Invalid, "name"): Row("NAME_INVALID", 400),
    (Invalid, "page"): Row("PAGINATION_NUMBER_INVALID", 400),
    (Invalid, "tag"): Row("TAG_INVALID", 400),
    (LimitExceeded, "manifest"): Row("MANIFEST_INVALID", 413),
    (LimitExceeded, "tags of an image"): Row("DENIED", 403),
    (NotFound, "blob"): Row("BLOB_UNKNOWN", 404, "The blob '{name}' is not in this repository"),
    (NotFound, "image"): Row("MANIFEST_UNKNOWN", 404, "Requested image not found"),
    (NotFound, "layers"): Row("MANIFEST_BLOB_UNKNOWN", 404),
    (NotFound, "page"): Row("NOT_FOUND", 404, "There is nothing here"),
    (NotFound, "referenced images"): Row("MANIFEST_BLOB_UNKNOWN", 404),
    (NotFound, "repository"): Row("NAME_UNKNOWN", 404),
    (NotFound, "upload"): Row("BLOB_UPLOAD_UNKNOWN", 404, "There is no upload with the id '{name}'"),
    (Unavailable, "audit log"): Row("UNAVAILABLE", 503),
    (Unavailable, "registry disk"): Row("UNAVAILABLE", 503),
    (Unavailable, "upstream"): Row("UNAVAILABLE", 502, "The upstream registry cannot be reached"),
    (Unavailable, "store"): Row("UNAVAILABLE", 503, "The registry is busy. Try again."),
    (Unsupported, "method"): Row("UNSUPPORTED", 405, "The operation is not supported"),
}
LEFT = Row("CLIENT_LEFT", 499, "The client left before its request was whole")  # answered to nobody
UNAUTHORIZED = Row("UNAUTHORIZED", 401, "Not Authorized")
INTERNAL = Row("UNKNOWN", 500, "Internal failure: see the log.")


class Refused(Exception):
    """An answer that is an error, with headers of its own; raised where a fault would lose them."""

    def __init__(self, row: Row, *, why: str = "", headers: Headers | None = None) -> None:
        super().__init__(why or row.message)
        self.row = row
        self.why = why
        self.headers = headers or {}


def row_for(fault: Fault) -> Row | None:
    """The fault's row, its sentence filled in; None when the table has none."""
    row = FAULTS.get((type(fault), fault.noun))
    if row is None:
        return None
    told = row.message.format(name=fault.name)
    if isinstance(fault, Unavailable) and told:
        return row._replace(message=told)  # why it is so is for the log
    return row._replace(message=fault.why or told or str(fault))


def render_errors(row: Row, *, detail: Any = None) -> bytes:
    """The body of an error."""
    return msgspec.json.encode({"errors": [{"code": row.code, "message": row.message, "detail": detail}]})
