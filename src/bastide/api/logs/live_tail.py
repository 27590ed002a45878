"""StartLiveTail: what comes into log groups, told each second for up to three hours.

Events are heard of when they are on disk. Of more than 500 a second, 500 are shown, spread evenly.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import NamedTuple
from uuid import uuid4

from bastide.api.logs.groups import find_group, named_group
from bastide.api.logs.patterns.filter_pattern import Pattern, parse_filter_pattern
from bastide.api.operation import Context, Document, Operation, Params, StreamEvent, Streams
from bastide.model.arn import parse_arn
from bastide.model.faults import Invalid
from bastide.store import Batch, Record, Store, Txn
from bastide.store.logs.ids import group_id

UPDATE_S = 1.0
SHOWN_MAX = 500  # StartLiveTail, "up to 500 log events" for each update
SESSION_S = 3 * 3600.0


class Wanted(NamedTuple):
    """What a session shows: groups by their ids, and which of their events."""

    groups: Mapping[str, Record]
    streams: Sequence[str]
    prefixes: Sequence[str]
    pattern: Pattern

    def has_stream(self, name: str) -> bool:
        """Whether events of this stream are shown."""
        if self.streams:
            return name in self.streams
        return not self.prefixes or name.startswith(tuple(self.prefixes))


async def start_live_tail(
    store: Store, context: Context, params: Params
) -> AsyncGenerator[StreamEvent, None]:
    """Check what is asked for; the session goes on in what is returned."""
    streams, prefixes = params.get("logStreamNames") or (), params.get("logStreamNamePrefixes") or ()
    if streams and prefixes:
        why = "logStreamNames and logStreamNamePrefixes are mutually exclusive parameters."
        raise Invalid("parameter", why=why)
    if (streams or prefixes) and len(params["logGroupIdentifiers"]) > 1:
        why = "logStreamNames and logStreamNamePrefixes can be specified only with one log group."
        raise Invalid("parameter", why=why)
    pattern = parse_filter_pattern(params.get("logEventFilterPattern") or "")
    found = await store.view(lambda txn: _find_groups(txn, context, params["logGroupIdentifiers"]))
    groups = {group_id(record): record for record in found}
    return _session(store, context, params, Wanted(groups, streams, prefixes, pattern))


async def _session(
    store: Store, context: Context, params: Params, wanted: Wanted
) -> AsyncGenerator[StreamEvent, None]:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + SESSION_S
    with store.logs.follow(wanted.groups.keys()) as tail:
        started = {"requestId": context.request_id, "sessionId": str(uuid4()), **params}
        yield "sessionStart", started
        while loop.time() < ends_at:
            await asyncio.sleep(UPDATE_S)
            batches, missed = tail.take()
            events = await asyncio.to_thread(_choose, batches, wanted)
            shown = _sample(events)
            sampled = missed > 0 or len(shown) < len(events)
            yield "sessionUpdate", {"sessionMetadata": {"sampled": sampled}, "sessionResults": shown}
    yield "SessionTimeoutException", {"message": "The Live Tail session has ended after 3 hours."}


def _find_groups(txn: Txn, context: Context, identifiers: Sequence[str]) -> list[Record]:
    for one in identifiers:
        if parse_arn(one) is None or one.endswith(":*"):
            why = (
                f"The log group identifier {one} is not valid: give a log group's ARN, without :* at its end."
            )
            raise Invalid("parameter", why=why)
    names = [named_group({"logGroupIdentifier": one}, context) for one in identifiers]
    return [find_group(txn, context.scope, name) for name in names]


def _choose(batches: Sequence[Batch], wanted: Wanted) -> list[Document]:
    return [
        {
            "logGroupIdentifier": _identifier(wanted.groups[batch.group]),
            "logStreamName": batch.stream,
            "message": message,
            "timestamp": timestamp_ms,
            "ingestionTime": batch.ingestion_ms,
        }
        for batch in batches
        if wanted.has_stream(batch.stream)
        for timestamp_ms, message in batch.lines
        if wanted.pattern.fits(message)
    ]


def _sample(events: list[Document]) -> list[Document]:
    if len(events) <= SHOWN_MAX:
        return events
    return [events[index * len(events) // SHOWN_MAX] for index in range(SHOWN_MAX)]


def _identifier(group: Record) -> str:
    """Account and name, as Logs Insights' @log has it."""
    return f"{group.scope.partition('/')[0]}:{group.name}"


OPERATIONS: Mapping[str, Operation] = {"StartLiveTail": Streams(start_live_tail)}
