"""Log streams: created, described, deleted.

Record kind `log-stream`, key its ARN, parent the group's ARN, document AWS's shape without times of events:
those are the store's to keep, with every batch.
"""

from collections.abc import Mapping

from bastide.api.logs.groups import epoch_ms, find_group, named_group
from bastide.api.logs.limits import LIST_MAX, Cursor, read_list
from bastide.api.logs.places import render_place
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import AlreadyExists, Invalid, NotFound
from bastide.store import LogUsage, Record, Txn

KIND = "log-stream"


def find_stream(txn: Txn, group: Record, name: str) -> Record | None:
    """The stream's record, or None."""
    return txn.get(KIND, _stream_arn(group, name))


def existing_stream(txn: Txn, group: Record, name: str) -> Record:
    """The stream's record; raises NotFound."""
    stream = find_stream(txn, group, name)
    if stream is None:
        raise NotFound("log stream", name)
    return stream


def put_stream(txn: Txn, group: Record, name: str, *, created_ms: int) -> Record:
    """Store a new stream; raises AlreadyExists."""
    arn = _stream_arn(group, name)
    document = {"logStreamName": name, "creationTime": created_ms, "arn": arn, "storedBytes": 0}
    try:
        return txn.put(Record(KIND, arn, group.scope, document, parent=group.key, name=name))
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
    txn.delete_log_events(context.scope, group.name, stream.name)
    txn.delete(stream)
    return {}


def describe_log_streams(txn: Txn, context: Context, params: Params) -> Result:
    """A group's streams, by name or by the time of their last event."""
    group = find_group(txn, context.scope, named_group(params, context))
    prefix, descending = params.get("logStreamNamePrefix"), bool(params.get("descending"))
    by_time = params.get("orderBy") == "LastEventTime"
    if by_time and prefix is not None:
        raise Invalid("parameter", why="Cannot order by LastEventTime with a logStreamNamePrefix.")
    query = ("log-streams", group.key, prefix, descending, by_time)
    if by_time:
        return _page_by_time(txn, group, params, *query)

    def find(after: Cursor | None, count: int) -> list[Record]:
        return txn.find(
            KIND, parent=group.key, name_prefix=prefix, after=after, limit=count, descending=descending
        )

    streams, token = read_list(find, params, *query)
    usages = {usage.stream: usage for stream in streams for usage in _usage(txn, group, stream)}
    result: Result = {"logStreams": [_shown(stream, usages.get(stream.name)) for stream in streams]}
    return result | {"nextToken": token} if token else result


def _page_by_time(txn: Txn, group: Record, params: Params, *query: object) -> Result:
    """By (time of the last event, name); a stream without events stands before all others."""
    limit = params.get("limit", LIST_MAX)
    usages = {usage.stream: usage for usage in txn.read_log_usage(group.scope, group.name)}

    def place(stream: Record) -> tuple[int, str]:
        usage = usages.get(stream.name)
        return (-1 if usage is None else usage.last_ms, stream.name)

    descending = bool(params.get("descending"))
    streams = sorted(txn.find(KIND, parent=group.key), key=place, reverse=descending)
    if token := params.get("nextToken"):
        last_ms, name = parse_token(token, *query)
        after = (int(last_ms), name)
        streams = [one for one in streams if (place(one) < after if descending else place(one) > after)]
    result: Result = {"logStreams": [_shown(stream, usages.get(stream.name)) for stream in streams[:limit]]}
    if len(streams) > limit:
        last_ms_shown, name_shown = place(streams[limit - 1])
        result["nextToken"] = render_token((str(last_ms_shown), name_shown), *query)
    return result


def _usage(txn: Txn, group: Record, stream: Record) -> list[LogUsage]:
    return txn.read_log_usage(group.scope, group.name, stream.name)


def _shown(stream: Record, usage: LogUsage | None) -> Document:
    if usage is None:
        return stream.document
    return {
        **stream.document,
        "firstEventTimestamp": usage.first_ms,
        "lastEventTimestamp": usage.last_ms,
        "lastIngestionTime": usage.ingestion_ms,
        "uploadSequenceToken": render_place((usage.ingestion_ms, 0)),
    }


def _stream_arn(group: Record, name: str) -> str:
    return f"{group.key}:log-stream:{name}"


OPERATIONS: Mapping[str, Operation] = {
    "CreateLogStream": Writes(create_log_stream),
    "DeleteLogStream": Writes(delete_log_stream),
    "DescribeLogStreams": Reads(describe_log_streams),
}
