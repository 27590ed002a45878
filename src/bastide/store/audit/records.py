"""One record of the audit log, in the shape of CloudTrail's, and as the line it is kept as.

The fields stand in the order and under the names of CloudTrail's record (user guide, "CloudTrail record
contents"), so that its tools read the files. A line's own text is searched before it is parsed: the writer's
encoding is part of the format.
"""

from typing import Any

import msgspec

DETAIL_MAX_BYTES = 100 * 1024  # of parameters or an answer: CloudTrail's limit for either
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # in UTC
MESSAGE_MAX_CHARS = 1024  # as long as CloudTrail keeps an error message and a user agent

Document = dict[str, Any]


class Record(
    msgspec.Struct,
    kw_only=True,
    rename={
        "event_version": "eventVersion",
        "identity": "userIdentity",
        "time": "eventTime",
        "source": "eventSource",
        "name": "eventName",
        "region": "awsRegion",
        "address": "sourceIPAddress",
        "user_agent": "userAgent",
        "error_code": "errorCode",
        "error_message": "errorMessage",
        "parameters": "requestParameters",
        "answer": "responseElements",
        "more": "additionalEventData",
        "request_id": "requestID",
        "event_id": "eventID",
        "is_read_only": "readOnly",
        "kind": "eventType",
        "is_management": "managementEvent",
        "account": "recipientAccountId",
        "category": "eventCategory",
    },
):
    """One call. Whoever writes it down gives it its time and its own id."""

    event_version: str = "1.11"
    identity: Document
    time: str = ""
    source: str
    name: str
    region: str
    address: str
    user_agent: str
    error_code: str | msgspec.UnsetType = msgspec.UNSET
    error_message: str | msgspec.UnsetType = msgspec.UNSET
    parameters: Any = None
    answer: Any = None
    more: Document | msgspec.UnsetType = msgspec.UNSET
    request_id: str
    event_id: str = ""
    is_read_only: bool
    resources: list[Document] | msgspec.UnsetType = msgspec.UNSET
    kind: str = "AwsApiCall"
    is_management: bool = True
    account: str
    category: str = "Management"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def render_record(record: Record) -> bytes:
    """The line, its end included; whatever cannot be told is said to be left out."""
    record.parameters, record.answer = _kept(record.parameters), _kept(record.answer)
    try:
        return _encoder.encode(record) + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, in a name or an error
        told = _encoder.encode(_tellable(msgspec.to_builtins(record, builtin_types=(msgspec.Raw,))))
        return told + b"\n"


def parse_record(line: bytes) -> Record:
    """The record in a line; raises msgspec.MsgspecError for what is none."""
    return _decoder.decode(line)


def needle(field: str, value: str | bool) -> bytes:
    """What a line holds that has this value in this field, whatever else it holds."""
    return _encoder.encode({field: value})[1:-1]


def _kept(detail: Any) -> Any:
    """A part of the record as it is written, unless it is too large or is no JSON."""
    if detail is None:
        return None
    try:
        raw = _encoder.encode(detail)
    except (UnicodeEncodeError, TypeError, ValueError):
        return {"omitted": True, "reason": "The content is no JSON"}
    if len(raw) > DETAIL_MAX_BYTES:
        return {"omitted": True, "originalSize": len(raw), "reason": "The content is too large"}
    return msgspec.Raw(raw)


def _tellable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_tellable(key): _tellable(item) for key, item in value.items()}
    return [_tellable(item) for item in value] if isinstance(value, list) else value
