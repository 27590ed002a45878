"""FilterLogEvents: a group's events across its streams, by time, those that fit a pattern.

One call looks at a bounded number of events, so that a rare word in a large group costs many short calls
and never one long one: an empty page with a token is what AWS answers too.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bastide.api.logs.groups import epoch_ms, find_group, named_group
from bastide.api.logs.lines import size_of
from bastide.api.logs.pages import PAGE_MAX_BYTES, PAGE_MAX_EVENTS, Span, walk
from bastide.api.logs.patterns.filter_pattern import Matcher, parse_filter_pattern
from bastide.api.logs.places import Place, render_place
from bastide.api.logs.streams import KIND as STREAM
from bastide.api.logs.streams import existing_stream
from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import Invalid
from bastide.store import LogEvent, Record, Txn

LOOK_MAX_EVENTS = 50_000
LOOK_MAX_BYTES = 16 * 1_048_576
MERGED_STREAMS_MAX = 100  # beyond, a prefix is looked for among all the group's events
BACKWARD_SINCE_MS = 1_704_067_200_000  # 2024-01-01: startFromHead=false goes no further back
FORWARD, BACKWARD = "f", "b"


class Found(NamedTuple):
    """The events of a page, and the last event looked at when there may be more."""

    events: list[LogEvent]
    reached: Place | None


def filter_log_events(txn: Txn, context: Context, params: Params) -> Result:
    """One page of matching events, and the token of the next; without one the search is over."""
    group = find_group(txn, context.scope, named_group(params, context))
    matches = parse_filter_pattern(params.get("filterPattern") or "")
    limit = params.get("limit", PAGE_MAX_EVENTS)
    span = _span(txn, context, group, params)
    query = (
        "filter-log-events",
        group.key,
        params.get("filterPattern"),
        params.get("logStreamNames"),
        params.get("logStreamNamePrefix"),
        params.get("startTime"),
        params.get("endTime"),
    )
    direction, place = _first_direction(params), None
    if token := params.get("nextToken"):
        at_ms, rest = parse_token(token, *query)
        direction, place = rest[0], (int(at_ms), int(rest[1:]))
    found = look(txn, span, matches, limit=limit, forward=direction == FORWARD, place=place)
    result: Result = {
        "events": [
            {
                "logStreamName": event.stream,
                "timestamp": event.timestamp_ms,
                "message": event.message,
                "ingestionTime": event.ingestion_ms,
                "eventId": render_place((event.timestamp_ms, event.seq)),
            }
            for event in found.events
        ],
        "searchedLogStreams": [],
    }
    if found.reached is not None:
        timestamp_ms, seq = found.reached
        result["nextToken"] = render_token((str(timestamp_ms), f"{direction}{seq}"), *query)
    return result


def look(
    txn: Txn, span: Span, matches: Matcher | None, *, limit: int, forward: bool, place: Place | None
) -> Found:
    """Walk the span until the page is full, enough has been looked at, or nothing is left."""
    found: list[LogEvent] = []
    reached: Place | None = None
    page_size = looked_size = 0
    for looked, event in enumerate(walk(txn, span, forward=forward, place=place)):
        size = size_of(event.message)
        fits = matches is None or matches(event.message)
        is_full = len(found) == limit or (fits and found and page_size + size > PAGE_MAX_BYTES)
        if is_full or looked == LOOK_MAX_EVENTS or (looked and looked_size > LOOK_MAX_BYTES):
            return Found(found, reached)
        if fits:
            found.append(event)
            page_size += size
        looked_size += size
        reached = (event.timestamp_ms, event.seq)
    return Found(found, None)


def _span(txn: Txn, context: Context, group: Record, params: Params) -> Span:
    names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        why = "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
        raise Invalid("parameter", why=why)
    for name in names or ():
        existing_stream(txn, group, name)
    if prefix is not None:
        streams = txn.find(STREAM, parent=group.key, name_prefix=prefix, limit=MERGED_STREAMS_MAX + 1)
        if len(streams) <= MERGED_STREAMS_MAX:
            names, prefix = [stream.name for stream in streams], None
    end_ms = params.get("endTime")
    return Span.of(
        group,
        streams=tuple(names) if names is not None else None,
        stream_prefix=prefix,
        start_ms=params.get("startTime"),
        end_ms=None if end_ms is None else end_ms + 1,  # here the end is included, unlike GetLogEvents
        now_ms=epoch_ms(context.now),
    )


def _first_direction(params: Params) -> str:
    if params.get("startFromHead", True):
        return FORWARD
    start_ms = params.get("startTime")
    if start_ms is not None and start_ms < BACKWARD_SINCE_MS:
        why = "startFromHead can be false only when startTime is on or after January 1, 2024 00:00:00 UTC."
        raise Invalid("parameter", why=why)
    return BACKWARD


OPERATIONS: Mapping[str, Operation] = {"FilterLogEvents": Reads(filter_log_events)}
