"""The record of a call to the API: which are told, as what, and what of them is left out."""

import re

import msgspec

from bastide.api.audit.identities import identity_of, nobody
from bastide.api.audit.resources import resources_in
from bastide.api.exchange import Exchange
from bastide.store.audit.records import MESSAGE_MAX_CHARS, Record
from bastide.wire import spec
from bastide.wire.http import Request, WireError, tellable

_READS = re.compile(
    r"(Describe|Get|List|Lookup|BatchGet|BatchCheck|Head|Filter|Simulate|Test|Validate|Decode|AssumeRole)"
)
_MORE_READS = frozenset({"StartLiveTail", "StartQuery", "StopQuery"})
# What CloudTrail calls data events: kept, and not found by LookupEvents.
DATA: frozenset[tuple[str, str]] = frozenset(
    {("logs", name) for name in ("PutLogEvents", "GetLogEvents", "FilterLogEvents", "StartLiveTail")}
    | {("s3", name) for name in ("GetObject", "HeadObject", "PutObject", "DeleteObject")}
)
# Services whose event source is not their endpoint's name.
SOURCES = {"elbv2": "elasticloadbalancing", "cloudwatch": "monitoring"}
UNKNOWN = "Unknown"


def is_read_only(operation: str) -> bool:
    """Whether a call changes nothing, as CloudTrail sees it: keys that end are a way to read."""
    return _READS.match(operation) is not None or operation in _MORE_READS


def record_of(exchange: Exchange, request: Request, error: WireError | None, *, account: str) -> Record:
    """What is told of a call. `account` is the installation's, for a caller whom nobody knows."""
    caller, service = exchange.caller, exchange.service
    name = "" if service is None else service.name
    operation = exchange.operation or _asked_operation(request, service)
    is_reading = is_read_only(operation)
    given, told = spec.redactions(name, operation) if exchange.operation else (None, None)
    params, result = exchange.params, None if is_reading else exchange.result
    parameters = params if given is None or params is None else given(params)
    answer = result if told is None or result is None else told(result)
    is_data = (name, operation) in DATA
    resources = resources_in(name, parameters, answer)
    return Record(
        identity=identity_of(caller, exchange.access_key_id) if caller else nobody(exchange.access_key_id),
        source=f"{SOURCES.get(name, name) or 'unknown'}.amazonaws.com",
        name=operation or UNKNOWN,
        region=exchange.region[:64],
        address=request.client,
        user_agent=tellable(request.headers.get("user-agent", ""))[:MESSAGE_MAX_CHARS],
        error_code=msgspec.UNSET if error is None else error.code,
        error_message=msgspec.UNSET if error is None else error.message[:MESSAGE_MAX_CHARS],
        parameters=parameters,
        answer=answer,
        request_id=exchange.request_id,
        is_read_only=is_reading,
        resources=resources or msgspec.UNSET,
        is_management=not is_data,
        account=caller.account if caller else account,
        category="Data" if is_data else "Management",
    )


def _asked_operation(request: Request, service: spec.Service | None) -> str:
    """What a request says it wants, before it was read; nothing that the model does not know."""
    if service is None:
        return ""
    asked = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if not asked:
        found = re.search(
            rb"(?:^|&)Action=(\w{1,64})", request.body or request.query.encode("utf-8", "replace")
        )
        asked = found[1].decode() if found else ""
    return asked if asked in service.operations else ""
