"""PutLogEvents and GetLogEvents: events into a stream, and out of it page by page."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from bastide.api.logs.groups import epoch_ms, find_group, named_group
from bastide.api.logs.lines import BATCH_MAX_BYTES
from bastide.api.logs.places import (
    Token,
    before,
    parse_token,
    render_backward,
    render_forward,
    render_place,
)
from bastide.api.logs.selections import PAGE_MAX_EVENTS, fill_page, select
from bastide.api.logs.streams import existing_stream
from bastide.api.operation import Context, Document, Operation, Params, Performs, Result
from bastide.model.faults import Invalid
from bastide.store import Batch, Record, Selection, Store, Txn
from bastide.store.logs.ids import group_id, oldest_kept_ms, stream_id
from bastide.store.logs.values import DAY_MS, size_of

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


async def put_log_events(store: Store, context: Context, params: Params) -> Result:
    """A batch into a stream; sequence tokens are ignored, as AWS does now."""
    events = params["logEvents"]
    _check_batch(events)
    names = params["logGroupName"], params["logStreamName"]
    group, stream = await store.view(lambda txn: _find(txn, context, *names))
    now_ms = epoch_ms(context.now)
    timestamps = [event["timestamp"] for event in events]
    start, end, rejected = accept(timestamps, now_ms=now_ms, kept_from_ms=oldest_kept_ms(group, now_ms))
    if start < end and timestamps[end - 1] - timestamps[start] > SPAN_MAX_MS:
        why = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        raise Invalid("parameter", why=why)
    batch = Batch(
        group=group_id(group),
        stream=stream.name,
        stream_id=stream_id(stream),
        lines=[(event["timestamp"], event["message"]) for event in events[start:end]],
        ingestion_ms=now_ms,
    )
    await store.logs.append(batch)
    result: Result = {"nextSequenceToken": render_place((now_ms, 0))}
    return result | {"rejectedLogEventsInfo": rejected} if rejected else result


async def get_log_events(store: Store, context: Context, params: Params) -> Result:
    """One page of a stream, oldest event first whichever way the pages go."""
    limit = params.get("limit", PAGE_MAX_EVENTS)
    token = parse_token(params["nextToken"]) if params.get("nextToken") else None
    selection = await store.view(lambda txn: _select(txn, context, params))
    forward = token.is_forward if token else bool(params.get("startFromHead"))
    fill = partial(fill_page, limit=limit)
    events = await store.logs.read(selection, fill, forward=forward, place=_start(token))
    if not forward:
        events.reverse()
    if events:
        behind, front = events[-1].place, before(events[0].place)
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


def _find(txn: Txn, context: Context, group_name: str, stream_name: str) -> tuple[Record, Record]:
    group = find_group(txn, context.scope, group_name)
    return group, existing_stream(txn, group, stream_name)


def _select(txn: Txn, context: Context, params: Params) -> Selection:
    group, stream = _find(txn, context, named_group(params, context), params["logStreamName"])
    return select(
        txn,
        group,
        streams=(stream,),
        start_ms=params.get("startTime"),
        end_ms=params.get("endTime"),
        now_ms=epoch_ms(context.now),
    )


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
    "GetLogEvents": Performs(get_log_events),
    "PutLogEvents": Performs(put_log_events),
}
