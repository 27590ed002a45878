"""Log streams: created, described, deleted.

Record kind `log-stream`, key its ARN, parent the group's ARN, document AWS's shape and an id, without times
of events: those are known to the storage of logs.
"""

from collections.abc import Mapping

from bastide.api.logs.groups import epoch_ms, find_group, named_group
from bastide.api.logs.limits import LIST_MAX, Cursor, read_list
from bastide.api.logs.places import render_place
from bastide.api.operation import Context, Document, Operation, Params, Performs, Result, Writes
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import AlreadyExists, Invalid, NotFound
from bastide.store import LogUsage, Record, Store, Txn
from bastide.store.logs.ids import LOG_STREAM, bury_stream, group_id, new_stream_id, stream_id, stream_key


def find_stream(txn: Txn, group: Record, name: str) -> Record | None:
    """The stream's record, or None."""
    return txn.get(LOG_STREAM, stream_key(group, name))


def existing_stream(txn: Txn, group: Record, name: str) -> Record:
    """The stream's record; raises NotFound."""
    stream = find_stream(txn, group, name)
    if stream is None:
        raise NotFound("log stream", name)
    return stream


def put_stream(txn: Txn, group: Record, name: str, *, created_ms: int) -> Record:
    """Store a new stream; raises AlreadyExists."""
    arn = stream_key(group, name)
    shown = {"logStreamName": name, "creationTime": created_ms, "arn": arn, "storedBytes": 0}
    document = {**shown, "id": new_stream_id()}
    try:
        return txn.put(Record(LOG_STREAM, arn, group.scope, document, parent=group.key, name=name))
    except AlreadyExists as error:
        raise AlreadyExists("log stream", name) from error


def create_log_stream(txn: Txn, context: Context, params: Params) -> Result:
    """A new stream, empty."""
    group = find_group(txn, context.scope, params["logGroupName"])
    put_stream(txn, group, params["logStreamName"], created_ms=epoch_ms(context.now))
    return {}


def delete_log_stream(txn: Txn, context: Context, params: Params) -> Result:
    """The stream and its events go."""
    group = find_group(txn, context.scope, params["logGroupName"])
    stream = existing_stream(txn, group, params["logStreamName"])
    bury_stream(txn, group, stream)
    return {}


async def describe_log_streams(store: Store, context: Context, params: Params) -> Result:
    """A group's streams, by name or by the time of their last event."""
    name = named_group(params, context)
    group = await store.view(lambda txn: find_group(txn, context.scope, name))
    usages = await store.logs.usages(group_id(group))
    return await store.view(lambda txn: _page(txn, group, usages, params))


def _page(txn: Txn, group: Record, usages: Mapping[int, LogUsage], params: Params) -> Result:
    prefix, descending = params.get("logStreamNamePrefix"), bool(params.get("descending"))
    by_time = params.get("orderBy") == "LastEventTime"
    if by_time and prefix is not None:
        raise Invalid("parameter", why="Cannot order by LastEventTime with a logStreamNamePrefix.")
    query = ("log-streams", group.key, prefix, descending, by_time)
    if by_time:
        return _page_by_time(txn, group, usages, params, *query)

    def find(after: Cursor | None, count: int) -> list[Record]:
        return txn.find(
            LOG_STREAM, parent=group.key, name_prefix=prefix, after=after, limit=count, descending=descending
        )

    streams, token = read_list(find, params, *query)
    result: Result = {"logStreams": [_shown(stream, usages.get(stream_id(stream))) for stream in streams]}
    return result | {"nextToken": token} if token else result


def _page_by_time(
    txn: Txn, group: Record, usages: Mapping[int, LogUsage], params: Params, *query: object
) -> Result:
    """By (time of the last event, name); a stream without events stands before all others."""
    limit = params.get("limit", LIST_MAX)

    def place(stream: Record) -> tuple[int, str]:
        usage = usages.get(stream_id(stream))
        return (-1 if usage is None else usage.last_ms, stream.name)

    descending = bool(params.get("descending"))
    streams = sorted(txn.find(LOG_STREAM, parent=group.key), key=place, reverse=descending)
    if token := params.get("nextToken"):
        last_ms, name = parse_token(token, *query)
        after = (int(last_ms), name)
        streams = [one for one in streams if (place(one) < after if descending else place(one) > after)]
    shown = [_shown(stream, usages.get(stream_id(stream))) for stream in streams[:limit]]
    result: Result = {"logStreams": shown}
    if len(streams) > limit:
        last_ms_shown, name_shown = place(streams[limit - 1])
        result["nextToken"] = render_token((str(last_ms_shown), name_shown), *query)
    return result


def _shown(stream: Record, usage: LogUsage | None) -> Document:
    shown = {member: value for member, value in stream.document.items() if member != "id"}
    if usage is None:
        return shown
    return {
        **shown,
        "firstEventTimestamp": usage.first_ms,
        "lastEventTimestamp": usage.last_ms,
        "lastIngestionTime": usage.ingestion_ms,
        "uploadSequenceToken": render_place((usage.ingestion_ms, 0)),
    }


OPERATIONS: Mapping[str, Operation] = {
    "CreateLogStream": Writes(create_log_stream),
    "DeleteLogStream": Writes(delete_log_stream),
    "DescribeLogStreams": Performs(describe_log_streams),
}
