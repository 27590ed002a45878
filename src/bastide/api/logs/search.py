"""FilterLogEvents: a group's events across its streams, by time, those that fit a pattern.

One call looks at a bounded number of events, so that a rare word in a large group costs many short calls
and never one long one: an empty page with a token is what AWS answers too.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from bastide.api.logs.groups import epoch_ms, find_group, named_group
from bastide.api.logs.patterns.filter_pattern import Pattern, parse_filter_pattern
from bastide.api.logs.places import render_place
from bastide.api.logs.selections import PAGE_MAX_BYTES, PAGE_MAX_EVENTS, select
from bastide.api.logs.streams import existing_stream
from bastide.api.operation import Context, Operation, Params, Performs, Result
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import Invalid
from bastide.store import LogEvent, Selection, Store, Txn
from bastide.store.logs import Place, Step
from bastide.store.logs.values import size_of

LOOK_MAX_EVENTS = 50_000
BACKWARD_SINCE_MS = 1_704_067_200_000  # 2024-01-01: startFromHead=false goes no further back
FORWARD, BACKWARD = "f", "b"


class Found(NamedTuple):
    """The events of a page, and the place up to which was looked when there may be more."""

    events: list[LogEvent]
    reached: Place | None


async def filter_log_events(store: Store, context: Context, params: Params) -> Result:
    """One page of matching events, and the token of the next; without one the search is over."""
    pattern = parse_filter_pattern(params.get("filterPattern") or "")
    name = named_group(params, context)
    selection = await store.view(lambda txn: _select(txn, context, name, params))
    selection = msgspec.structs.replace(selection, contains=pattern.contains)
    query = (
        "filter-log-events",
        selection.group,
        *(params.get(one) for one in ("filterPattern", "logStreamNames", "logStreamNamePrefix")),
        *(params.get(one) for one in ("startTime", "endTime")),
    )
    direction, place = _first_direction(params), None
    if token := params.get("nextToken"):
        at_ms, rest = parse_token(token, *query)
        direction, place = rest[0], (int(at_ms), int(rest[1:]))
    look = partial(find_events, pattern=pattern, limit=params.get("limit", PAGE_MAX_EVENTS))
    found = await store.logs.read(selection, look, forward=direction == FORWARD, place=place)
    result: Result = {
        "events": [
            {
                "logStreamName": event.stream,
                "timestamp": event.timestamp_ms,
                "message": event.message,
                "ingestionTime": event.ingestion_ms,
                "eventId": render_place(event.place),
            }
            for event in found.events
        ],
        "searchedLogStreams": [],
    }
    if found.reached is not None:
        timestamp_ms, seq = found.reached
        result["nextToken"] = render_token((str(timestamp_ms), f"{direction}{seq}"), *query)
    return result


def find_events(steps: Iterator[Step], *, pattern: Pattern, limit: int) -> Found:
    """Walk until the page is full, enough has been looked at, or nothing is left."""
    found: list[LogEvent] = []
    reached: Place | None = None
    page_size = looked = 0
    for step in steps:
        if looked >= LOOK_MAX_EVENTS and reached is not None:
            return Found(found, reached)
        for event in step.events:
            if pattern.fits(event.message):
                size = size_of(event.message)
                if len(found) == limit or (found and page_size + size > PAGE_MAX_BYTES):
                    return Found(found, reached)
                found.append(event)
                page_size += size
            reached = event.place
        looked += step.looked
        reached = step.reached
    return Found(found, None)


def _select(txn: Txn, context: Context, name: str, params: Params) -> Selection:
    group = find_group(txn, context.scope, name)
    names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        why = "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
        raise Invalid("parameter", why=why)
    end_ms = params.get("endTime")
    selection = select(
        txn,
        group,
        streams=None if names is None else [existing_stream(txn, group, one) for one in names],
        start_ms=params.get("startTime"),
        end_ms=None if end_ms is None else end_ms + 1,  # here the end is included, unlike GetLogEvents
        now_ms=epoch_ms(context.now),
    )
    return msgspec.structs.replace(selection, stream_prefix=prefix or "")


def _first_direction(params: Params) -> str:
    if params.get("startFromHead", True):
        return FORWARD
    start_ms = params.get("startTime")
    if start_ms is not None and start_ms < BACKWARD_SINCE_MS:
        why = "startFromHead can be false only when startTime is on or after January 1, 2024 00:00:00 UTC."
        raise Invalid("parameter", why=why)
    return BACKWARD


OPERATIONS: Mapping[str, Operation] = {"FilterLogEvents": Performs(filter_log_events)}
