"""PutLogEvents and GetLogEvents: events into a stream, and out of it page by page."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from bastide.api.logs.groups import DAY_MS, epoch_ms, find_group, named_group, oldest_kept_ms
from bastide.api.logs.lines import BATCH_MAX_BYTES, append, size_of
from bastide.api.logs.pages import PAGE_MAX_EVENTS, Span, read_page
from bastide.api.logs.places import (
    Token,
    before,
    parse_token,
    render_backward,
    render_forward,
    render_place,
)
from bastide.api.logs.streams import existing_stream
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.model.faults import Invalid
from bastide.store import Txn

# PutLogEvents, "The batch of events must satisfy the following constraints".
FUTURE_MAX_MS = 2 * 60 * 60 * 1000
AGE_MAX_MS = 14 * DAY_MS
SPAN_MAX_MS = DAY_MS


class Accepted(NamedTuple):
    """Which part of a batch is stored, and how AWS reports the rest."""

    start: int
    end: int
    rejected: dict[str, int]


def accept(timestamps: Sequence[int], *, now_ms: int, kept_from_ms: int | None) -> Accepted:
    """Leave out what is too old, expired or too new; the times ascend."""
    rejected: dict[str, int] = {}
    start, end = 0, len(timestamps)
    too_old = sum(1 for one in timestamps if one < now_ms - AGE_MAX_MS)
    if too_old:
        rejected["tooOldLogEventEndIndex"] = start = too_old
    expired = sum(1 for one in timestamps if kept_from_ms is not None and one < kept_from_ms)
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
        start = max(start, expired)
    too_new = sum(1 for one in timestamps if one > now_ms + FUTURE_MAX_MS)
    if too_new:
        rejected["tooNewLogEventStartIndex"] = end = end - too_new
    return Accepted(start, end, rejected)


def put_log_events(txn: Txn, context: Context, params: Params) -> Result:
    """A batch into a stream; sequence tokens are ignored, as AWS does now."""
    events = params["logEvents"]
    _check_batch(events)
    group = find_group(txn, context.scope, params["logGroupName"])
    stream = existing_stream(txn, group, params["logStreamName"])
    now_ms = epoch_ms(context.now)
    timestamps = [event["timestamp"] for event in events]
    start, end, rejected = accept(timestamps, now_ms=now_ms, kept_from_ms=oldest_kept_ms(group, now_ms))
    if start < end and timestamps[end - 1] - timestamps[start] > SPAN_MAX_MS:
        why = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        raise Invalid("parameter", why=why)
    lines = [(event["timestamp"], event["message"]) for event in events[start:end]]
    append(txn, group, stream.name, lines, now_ms=now_ms)
    result: Result = {"nextSequenceToken": render_place((now_ms, 0))}
    return result | {"rejectedLogEventsInfo": rejected} if rejected else result


def get_log_events(txn: Txn, context: Context, params: Params) -> Result:
    """One page of a stream, oldest event first whichever way the pages go."""
    group = find_group(txn, context.scope, named_group(params, context))
    stream = existing_stream(txn, group, params["logStreamName"])
    limit = params.get("limit", PAGE_MAX_EVENTS)
    token = parse_token(params["nextToken"]) if params.get("nextToken") else None
    span = Span.of(
        group,
        streams=(stream.name,),
        start_ms=params.get("startTime"),
        end_ms=params.get("endTime"),
        now_ms=epoch_ms(context.now),
    )
    forward = token.is_forward if token else bool(params.get("startFromHead"))
    events = read_page(txn, span, limit=limit, forward=forward, place=_start(token))
    if events:
        behind = (events[-1].timestamp_ms, events[-1].seq)
        front = before((events[0].timestamp_ms, events[0].seq))
    else:
        behind = front = token.place if token else (0, 0)
    return {
        "events": [
            {
                "timestamp": event.timestamp_ms,
                "message": event.message,
                "ingestionTime": event.ingestion_ms,
            }
            for event in events
        ],
        "nextForwardToken": render_forward(behind),
        "nextBackwardToken": render_backward(front),
    }


def _start(token: Token | None) -> tuple[int, int] | None:
    if token is None:
        return None
    timestamp_ms, seq = token.place
    # A backward token includes its place, the store's bound does not.
    return token.place if token.is_forward else (timestamp_ms, seq + 1)


def _check_batch(events: Sequence[Document]) -> None:
    size = sum(size_of(event["message"]) for event in events)
    if size > BATCH_MAX_BYTES:
        raise Invalid("parameter", why=f"Upload too large: {size} bytes exceeds limit of {BATCH_MAX_BYTES}")
    if any(first["timestamp"] > second["timestamp"] for first, second in pairwise(events)):
        why = "Log events in a single PutLogEvents request must be in chronological order."
        raise Invalid("parameter", why=why)


OPERATIONS: Mapping[str, Operation] = {
    "GetLogEvents": Reads(get_log_events),
    "PutLogEvents": Writes(put_log_events),
}
