"""StartQuery, GetQueryResults, StopQuery, DescribeQueries, and GetLogRecord for what a result points at.

Queries and their results are remembered until the server ends. Values are texts, as AWS answers them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bastide.api.logs.groups import epoch_ms, find_group, named_group
from bastide.api.logs.insights.parser import parse_query
from bastide.api.logs.insights.pointers import Pointer, parse_pointer, render_pointer
from bastide.api.logs.selections import select
from bastide.api.operation import Context, Document, Operation, Params, Performs, Result
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import Invalid, LimitExceeded, NotFound
from bastide.store import Record, Selection, Store, Txn
from bastide.store.logs.insights.queries import Asked
from bastide.store.logs.insights.statements import LIMIT_MAX, compile_query

GROUPS_MAX = 50  # StartQuery, "You can query a maximum of 50 log groups"
RESULTS_MAX = 10_000
DIGITS = 4  # behind the point


async def start_query(store: Store, context: Context, params: Params) -> Result:
    """Check and begin; it runs by itself."""
    if params.get("queryLanguage", "CWLI") != "CWLI":
        why = "Only the language of Logs Insights (CWLI) is spoken here."
        raise Invalid("parameter", why=why)
    if params["startTime"] > params["endTime"]:
        raise Invalid("query", why="End time should not be before start time.")
    statement = compile_query(parse_query(params["queryString"]), limit=params.get("limit") or LIMIT_MAX)
    names = _group_names(params, context)
    found = await store.view(lambda txn: _select(txn, context, names, params))
    sources = {f"{context.caller.account}:{record.name}": selection for record, selection in found}
    about = {
        "scope": context.scope,
        "queryString": params["queryString"],
        "createTime": epoch_ms(context.now),
        "logGroupNames": [record.name for record, _ in found],
    }
    if store.logs.queries.is_full:
        why = "As many queries as there may be are under way. Try again when one has ended."
        raise LimitExceeded("queries", why=why)
    asked = Asked(statement, sources, about)
    store.logs.queries.start(asked)
    return {"queryId": asked.id}


async def get_query_results(store: Store, context: Context, params: Params) -> Result:
    """What a query has found, and how far it is."""
    asked = _find(store, context, params["queryId"])
    count = params.get("maxItems") or RESULTS_MAX
    first = int(parse_token(params["nextToken"], asked.id)[0]) if params.get("nextToken") else 0
    rows = asked.rows[first : first + count]
    result: Result = {
        "queryLanguage": "CWLI",
        "status": asked.status,
        "results": [list(_shown(asked, row)) for row in rows],
        "statistics": {
            "recordsMatched": float(len(asked.rows)),
            "recordsScanned": float(asked.scanned_rows),
            "bytesScanned": float(asked.scanned_bytes),
            "logGroupsScanned": float(len(asked.sources)),
            "resultCount": float(len(asked.rows)),
        },
    }
    if first + count < len(asked.rows):
        result["nextToken"] = render_token((str(first + count), ""), asked.id)
    return result


async def stop_query(store: Store, context: Context, params: Params) -> Result:
    """Break a query off; one that is over cannot be."""
    asked = _find(store, context, params["queryId"])
    if not store.logs.queries.stop(asked):
        why = f"Query is not in running state: it is {asked.status}."
        raise Invalid("parameter", why=why)
    return {"success": True}


async def describe_queries(store: Store, context: Context, params: Params) -> Result:
    """Queries of this account and region, newest first."""
    group, status = params.get("logGroupName"), params.get("status")
    every = [
        one
        for one in store.logs.queries.newest_first()
        if one.about["scope"] == context.scope
        and (group is None or group in one.about["logGroupNames"])
        and (status is None or one.status == status)
    ]
    query = ("queries", context.scope, group, status)
    if params.get("nextToken"):
        last, _ = parse_token(params["nextToken"], *query)
        ids = [one.id for one in every]
        every = every[ids.index(last) + 1 :] if last in ids else []
    count = params.get("maxResults", 1000)
    result: Result = {"queries": [_described(one) for one in every[:count]]}
    if len(every) > count:
        result["nextToken"] = render_token((every[count - 1].id, ""), *query)
    return result


async def get_log_record(store: Store, context: Context, params: Params) -> Result:
    """The event a result's @ptr points at, with the members of a JSON message."""
    name, timestamp_ms, seq = parse_pointer(params["logRecordPointer"])

    def find(txn: Txn) -> Selection:
        group = find_group(txn, context.scope, name)
        return select(
            txn, group, start_ms=timestamp_ms, end_ms=timestamp_ms + 1, now_ms=epoch_ms(context.now)
        )

    events = await store.logs.read(
        await store.view(find),
        lambda steps: [event for step in steps for event in step.events if event.seq == seq],
        forward=True,
    )
    if not events:
        raise NotFound("log record", params["logRecordPointer"])
    event = events[0]
    record = {
        "@timestamp": str(event.timestamp_ms),
        "@message": event.message,
        "@logStream": event.stream,
        "@log": f"{context.caller.account}:{name}",
        "@ingestionTime": str(event.ingestion_ms),
    }
    return {"logRecord": record | dict(_members(event.message))}


def _members(message: str) -> Iterator[tuple[str, str]]:
    try:
        document = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError):
        return
    if isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, str | int | float):
                yield name, value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _find(store: Store, context: Context, query_id: str) -> Asked:
    asked = store.logs.queries.find(query_id)
    if asked.about["scope"] != context.scope:
        raise NotFound("query", query_id)
    return asked


def _group_names(params: Params, context: Context) -> list[str]:
    given = [one for one in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if params.get(one)]
    if len(given) != 1:
        why = "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified."
        raise Invalid("parameter", why=why)
    value = params[given[0]]
    identifiers: Sequence[str] = [value] if isinstance(value, str) else value
    if len(identifiers) > GROUPS_MAX:
        raise Invalid("parameter", why=f"A query can have at most {GROUPS_MAX} log groups.")
    names = [named_group({"logGroupIdentifier": one}, context) for one in identifiers]
    return list(dict.fromkeys(names))


def _select(
    txn: Txn, context: Context, names: Sequence[str], params: Params
) -> list[tuple[Record, Selection]]:
    """Times are epoch seconds, the end included."""
    groups = [find_group(txn, context.scope, name) for name in names]
    start_ms, end_ms = params["startTime"] * 1000, params["endTime"] * 1000 + 1000
    now_ms = epoch_ms(context.now)
    return [(group, select(txn, group, start_ms=start_ms, end_ms=end_ms, now_ms=now_ms)) for group in groups]


def _shown(asked: Asked, row: Sequence[Any]) -> Iterator[Document]:
    for column, value in zip(asked.statement.columns, row, strict=False):
        if value is not None:
            yield {"field": column.name, "value": _render(value, column.kind)}
    if asked.statement.has_pointer:
        log, timestamp_ms, seq = row[-3:]
        pointer = Pointer(log.partition(":")[2], timestamp_ms, seq)
        yield {"field": "@ptr", "value": render_pointer(pointer)}


def _render(value: Any, kind: str) -> str:
    if kind == "time":
        at = datetime.fromtimestamp(value // 1000, UTC)
        return f"{at:%Y-%m-%d %H:%M:%S}.{value % 1000:03d}"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
    return str(value)


def _described(asked: Asked) -> Document:
    return {
        "queryLanguage": "CWLI",
        "queryId": asked.id,
        "queryString": asked.about["queryString"],
        "status": asked.status,
        "createTime": asked.about["createTime"],
        "logGroupName": asked.about["logGroupNames"][0],
        "queryDuration": round(asked.took_s * 1000),
        "bytesScanned": float(asked.scanned_bytes),
    }


OPERATIONS: Mapping[str, Operation] = {
    "DescribeQueries": Performs(describe_queries),
    "GetLogRecord": Performs(get_log_record),
    "GetQueryResults": Performs(get_query_results),
    "StartQuery": Performs(start_query),
    "StopQuery": Performs(stop_query),
}
