"""Logs Insights over stored events: each command as the user guide describes it, and what is refused."""

import asyncio
import json
from typing import Any

import pytest

from bastide.model.faults import Invalid, LimitExceeded, NotFound
from bastide.store.logs.insights import queries

REQUESTS = [
    (0, {"status": 200, "user": {"name": "ann"}, "ms": 12.5, "tags": ["a", "b"], "ok": True}),
    (1000, {"status": 500, "user": {"name": "bob"}, "ms": 80}),
    (2000, {"status": 404, "user": {"name": "ann"}, "ms": 7}),
    (61000, {"status": "503", "user": {"name": "cy"}, "ms": "100"}),
]
LINES = [
    (3000, "GET /index.html took 15 ms"),
    (4000, "GET /cart took 1250 ms"),
    (5000, 'user "eve" logged in from 10.0.0.7'),
]


@pytest.fixture
async def filled(logs: Any) -> Any:
    await logs.call("CreateLogStream", logGroupName="app", logStreamName="two")
    await logs.put(*((after - 600_000, json.dumps(one)) for after, one in REQUESTS))
    await logs.put(*((after - 600_000, text) for after, text in LINES), stream="two")
    return logs


async def start(logs: Any, text: str, **params: Any) -> str:
    now_s = logs.now_ms // 1000
    asked = {"logGroupName": "app", "startTime": now_s - 3600, "endTime": now_s, **params}
    query_id: str = (await logs.call("StartQuery", queryString=text, **asked))["queryId"]
    return query_id


async def result(logs: Any, query_id: str, **params: Any) -> Any:
    async with asyncio.timeout(20):
        while True:
            found = await logs.call("GetQueryResults", queryId=query_id, **params)
            if found["status"] not in ("Scheduled", "Running"):
                return found
            await asyncio.sleep(0.005)


async def ask(logs: Any, text: str, **params: Any) -> list[dict[str, str]]:
    """The rows, without what they point at."""
    found = await result(logs, await start(logs, text, **params))
    assert found["status"] == "Complete", found
    return [{one["field"]: one["value"] for one in row if one["field"] != "@ptr"} for row in found["results"]]


async def values(logs: Any, text: str) -> list[tuple[str | None, ...]]:
    rows = await ask(logs, text)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [tuple(row.get(name) for name in names) for row in rows]


async def test_by_default_the_newest_events_come_first_with_time_and_message(filled: Any) -> None:
    rows = await ask(filled, "filter @logStream = 'two'")
    assert [row["@message"] for row in rows] == [text for _, text in LINES[::-1]]
    assert [set(row) for row in rows] == [{"@timestamp", "@message"}] * 3
    assert rows[0]["@timestamp"] == "2030-01-02 02:54:10.678"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter status >= 500 | sort status | display status", [("500",), ("503",)]),
        (
            "filter status = 200 or status = '404' | sort @timestamp asc | display user.name, status",
            [("ann", "200"), ("ann", "404")],
        ),
        (
            "filter @message like /took \\d+/ | sort @timestamp | display @message | limit 1",
            [("GET /index.html took 15 ms",)],
        ),
        ("filter @message not like 'GET' and @logStream = 'two' | stats count(*) as n", [("1",)]),
        ("filter @message =~ /(?i)EVE/ | stats count()", [("1",)]),
        ("filter status in [200, 404] | stats count(*) as n", [("2",)]),
        ("filter status not in [200] and ispresent(status) | stats count(*) as n", [("3",)]),
        ("filter not ispresent(status) | stats count(*)", [("3",)]),
        ("filter status != 200 | stats count(*)", [("3",)]),
        ("filter tags.1 = 'b' | display tags.0, ok", [("a", "true")]),
        (
            "stats count(*) as n by user.name | filter n > 1 | display user.name, n | sort n",
            [("ann", "2"), (None, "3")],
        ),
        (
            "filter ispresent(ms) | stats sum(ms), avg(ms), min(ms), max(ms), count_distinct(user.name)",
            [("199.5", "49.875", "7", "100", "3")],
        ),
        ("filter ispresent(ms) | stats pct(ms, 50) as p, stddev(ms) as s", [("46.25", "47.0998")]),
        (
            "stats count(*) as n by bin(1m) | sort bin(1m)",
            [("2030-01-02 02:54:00.000", "6"), ("2030-01-02 02:55:00.000", "1")],
        ),
        (
            "stats latest(status) as l, earliest(status) as e by user.name"
            " | filter user.name = 'ann' | display l, e",
            [("404", "200")],
        ),
        (
            "parse @message 'GET * took * ms' as path, ms | filter ispresent(path)"
            " | sort ms desc | display path, ms",
            [("/cart", "1250"), ("/index.html", "15")],
        ),
        (
            'parse @message /user "(?<who>[a-z]+)".* (?<ip>[0-9.]+)$/ | filter ispresent(who)'
            " | display who, ip",
            [("eve", "10.0.0.7")],
        ),
        (
            "fields strlen(user.name) * 2 + 1 as n | filter ispresent(n) | sort n desc, status | display n",
            [("7",), ("7",), ("7",), ("5",)],
        ),
        (
            "filter ispresent(user.name) | dedup user.name | sort user.name | display user.name, status",
            [("ann", "404"), ("bob", "500"), ("cy", "503")],
        ),
        (
            "fields toupper(user.name) as u, concat(u, '-', status) as c | sort @timestamp"
            " | limit 1 | display u, c",
            [("ANN", "ANN-200")],
        ),
        ("stats sum(status) as s by user.name | stats max(s) as top", [("604",)]),
        (
            "filter status = 200 | fields 7 % 4, 2 ^ 3, -status / 0, abs(-2.25), floor(1.9)"
            " | display `7 % 4`, `2 ^ 3`, `abs(-2.25)`, `floor(1.9)`",
            [("3", "8", "2.25", "1")],
        ),
        (
            "filter status = 200 | display coalesce(nope, user.name), substr('abcdef', 1, 2)"
            ", replace('aXb', 'X', '-'), trim('  x ')",
            [("ann", "bc", "a-b", "x")],
        ),
        (
            "filter status = 200 | display strcontains(@message, 'ann') as c"
            ", isvalidipv4('1.2.3.999') as v, datefloor(@timestamp, 1h) as h",
            [("1", "0", "2030-01-02 02:00:00.000")],
        ),
        (
            "# all of them\nfields @log # an account and a group\n| limit 1 | display @log",
            [("111122223333:app",)],
        ),
    ],
)
async def test_commands(filled: Any, query: str, expected: list[tuple[str | None, ...]]) -> None:
    assert await values(filled, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "",
        "nonsense @message",
        "fields",
        "fields @message |",
        "filter",
        "filter status >",
        "filter (status = 1",
        "filter @message like /[/",
        "filter @message like",
        "filter nofunction(@message) = 1",
        "filter count(*) > 1",
        "fields strlen()",
        "fields strlen(5m)",
        "stats status",
        "stats bin(@message)",
        "stats count(*) | stats count(*) | stats count(*)",
        "stats pct(ms, status)",
        "parse @message 'a * b *' as one",
        "parse @message /(no) name/",
        "limit 0",
        "limit 10001",
        "limit many",
        "filter status in []",
        "filter status not 1",
        "filter " + "(" * 100 + "1" + ")" * 100,
        'fields "open',
        "unmask @message",
    ],
)
async def test_what_is_no_query_is_refused(logs: Any, query: str) -> None:
    with pytest.raises(Invalid) as raised:
        await start(logs, query)
    assert raised.value.noun == "query"


async def test_times_bound_the_query_and_the_end_is_included(filled: Any) -> None:
    first_s = (filled.now_ms - 600_000) // 1000
    rows = await ask(filled, "stats count(*) as n", startTime=first_s + 1, endTime=first_s + 3)
    assert rows == [{"n": "3"}]


async def test_groups_are_asked_together(filled: Any) -> None:
    await filled.call("CreateLogGroup", logGroupName="other")
    rows = await ask(filled, "stats count(*) as n by @log", logGroupName=None, logGroupNames=["app", "other"])
    assert rows == [{"@log": "111122223333:app", "n": "7"}]


async def test_a_result_points_at_its_event(filled: Any) -> None:
    found = await result(filled, await start(filled, "filter status = 500"))
    (pointer,) = [one["value"] for one in found["results"][0] if one["field"] == "@ptr"]
    record = (await filled.call("GetLogRecord", logRecordPointer=pointer))["logRecord"]
    assert (record["status"], record["@logStream"]) == ("500", "one")
    assert json.loads(record["@message"])["user"] == {"name": "bob"}
    with pytest.raises(Invalid):
        await filled.call("GetLogRecord", logRecordPointer="nonsense")


async def test_results_come_in_pages_and_say_what_was_looked_at(filled: Any) -> None:
    query_id = await start(filled, "fields @message | sort @timestamp")
    first = await result(filled, query_id, maxItems=4)
    rest = await result(filled, query_id, maxItems=4, nextToken=first["nextToken"])
    assert [len(first["results"]), len(rest["results"])] == [4, 3]
    assert "nextToken" not in rest
    assert first["statistics"]["recordsScanned"] == 7.0
    assert first["statistics"]["logGroupsScanned"] == 1.0


async def test_queries_are_listed_stopped_and_unknown(filled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    over = await start(filled, "stats count(*)")
    await result(filled, over)
    monkeypatch.setattr(queries, "WAITING_MAX", 1)
    waiting = await start(filled, "stats count(*)")
    with pytest.raises(LimitExceeded):
        await start(filled, "stats count(*)")
    assert await filled.call("StopQuery", queryId=waiting) == {"success": True}
    assert (await result(filled, waiting))["status"] == "Cancelled"
    with pytest.raises(Invalid, match="not in running state"):
        await filled.call("StopQuery", queryId=over)
    told = (await filled.call("DescribeQueries", logGroupName="app"))["queries"]
    assert [(one["queryId"], one["status"]) for one in told] == [
        (waiting, "Cancelled"),
        (over, "Complete"),
    ]
    page = await filled.call("DescribeQueries", maxResults=1)
    (second,) = (await filled.call("DescribeQueries", nextToken=page["nextToken"]))["queries"]
    assert second["queryId"] == over
    for operation in ("GetQueryResults", "StopQuery"):
        with pytest.raises(NotFound):
            await filled.call(operation, queryId="unknown")


async def test_what_expired_or_was_deleted_is_not_found(filled: Any) -> None:
    await filled.call("DeleteLogStream", logGroupName="app", logStreamName="two")
    assert await ask(filled, "stats count(*) as n") == [{"n": "4"}]
    await filled.call("PutRetentionPolicy", logGroupName="app", retentionInDays=1)
    filled.move(86_400)
    rows = await ask(filled, "stats count(*) as n", startTime=0, endTime=filled.now_ms // 1000)
    assert rows == [{"n": "0"}]


@pytest.mark.parametrize(
    "params",
    [
        {"logGroupName": None},
        {"logGroupNames": ["app"]},
        {"logGroupName": None, "logGroupNames": ["app"] * 51},
        {"queryLanguage": "SQL"},
    ],
)
async def test_parameters_that_cannot_be(logs: Any, params: Any) -> None:
    with pytest.raises(Invalid) as raised:
        await start(logs, "stats count(*)", **params)
    assert raised.value.noun == "parameter"
