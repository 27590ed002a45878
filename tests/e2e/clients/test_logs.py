"""Writing and reading logs with boto3 and with `aws logs`."""

import select
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(server: Any) -> Any:
    return server.client("logs")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def filled(logs: Any, group: str, *streams: str, count: int = 4) -> int:
    """A group whose streams' events take turns; the time of the first."""
    start_ms = now_ms() - 10_000
    logs.create_log_group(logGroupName=group, tags={"team": "red"})
    for index, stream in enumerate(streams):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [
            {"timestamp": start_ms + number * 10 + index, "message": f"{stream} {number}"}
            for number in range(count)
        ]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    return start_ms


def test_boto3_writes_reads_and_searches(logs: Any) -> None:
    start_ms = filled(logs, "/e2e/search", "a", "b")
    events = logs.get_log_events(logGroupName="/e2e/search", logStreamName="a", startFromHead=True, limit=2)
    assert [event["message"] for event in events["events"]] == ["a 0", "a 1"]
    assert events["events"][0]["timestamp"] == start_ms
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/e2e/search", PaginationConfig={"PageSize": 3}
    )
    found = [event["message"] for page in pages for event in page["events"]]
    assert found == [f"{stream} {number}" for number in range(4) for stream in "ab"]
    found = logs.filter_log_events(logGroupName="/e2e/search", filterPattern='?"a 1" ?"b 3"')["events"]
    assert [event["message"] for event in found] == ["a 1", "b 3"]
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/e2e/sea")["logGroups"]
    assert group["storedBytes"] == 8 * (3 + 26)
    streams = logs.get_paginator("describe_log_streams").paginate(
        logGroupName="/e2e/search", orderBy="LastEventTime", descending=True, PaginationConfig={"PageSize": 1}
    )
    assert [one["logStreamName"] for page in streams for one in page["logStreams"]] == ["b", "a"]


def test_rejected_events_are_told(logs: Any) -> None:
    logs.create_log_group(logGroupName="/e2e/rejected")
    logs.create_log_stream(logGroupName="/e2e/rejected", logStreamName="one")
    times = [now_ms() - 15 * 86_400_000, now_ms(), now_ms() + 3 * 3_600_000]
    events = [{"timestamp": one, "message": str(one)} for one in times]
    answer = logs.put_log_events(logGroupName="/e2e/rejected", logStreamName="one", logEvents=events)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("create_log_group", {"logGroupName": "/e2e/errors"}, "ResourceAlreadyExistsException"),
        ("create_log_group", {"logGroupName": "no spaces"}, "InvalidParameterException"),
        ("create_log_group", {"logGroupName": "aws/x"}, "InvalidParameterException"),
        ("delete_log_group", {"logGroupName": "/e2e/none"}, "ResourceNotFoundException"),
        (
            "create_log_stream",
            {"logGroupName": "/e2e/errors", "logStreamName": "a:b"},
            "InvalidParameterException",
        ),
        (
            "get_log_events",
            {"logGroupName": "/e2e/errors", "logStreamName": "none"},
            "ResourceNotFoundException",
        ),
        (
            "filter_log_events",
            {"logGroupName": "/e2e/errors", "filterPattern": "{ $.a"},
            "InvalidParameterException",
        ),
        (
            "filter_log_events",
            {"logGroupName": "/e2e/errors", "logStreamNames": ["a"], "logStreamNamePrefix": "a"},
            "InvalidParameterException",
        ),
        (
            "describe_log_groups",
            {"limit": 51},
            "InvalidParameterException",
        ),
        (
            "describe_log_streams",
            {"logGroupName": "/e2e/errors", "orderBy": "LastEventTime", "logStreamNamePrefix": "x"},
            "InvalidParameterException",
        ),
    ],
)
def test_errors_have_cloudwatchs_codes(logs: Any, operation: str, params: dict[str, Any], code: str) -> None:
    if not logs.describe_log_groups(logGroupNamePrefix="/e2e/errors")["logGroups"]:
        filled(logs, "/e2e/errors", "a")
    with pytest.raises(ClientError) as raised:
        getattr(logs, operation)(**params)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["Error"]["Message"]


def test_the_aws_program_reads_what_a_container_would_have_written(server: Any, logs: Any) -> None:
    filled(logs, "/e2e/program", "web/app/1")
    place = ["--log-group-name", "/e2e/program"]
    found = server.aws("logs", "get-log-events", *place, "--log-stream-name", "web/app/1")
    assert [event["message"] for event in found["events"]] == [f"web/app/1 {number}" for number in range(4)]
    assert found["nextForwardToken"].startswith("f/")
    end = server.aws(
        "logs",
        "get-log-events",
        *place,
        "--log-stream-name",
        "web/app/1",
        "--next-token",
        found["nextForwardToken"],
    )
    assert (end["events"], end["nextForwardToken"]) == ([], found["nextForwardToken"])
    found = server.aws("logs", "filter-log-events", *place, "--filter-pattern", '"app/1 2"')
    assert [event["message"] for event in found["events"]] == ["web/app/1 2"]
    server.aws("logs", "put-retention-policy", *place, "--retention-in-days", "7")
    groups = server.aws("logs", "describe-log-groups", "--log-group-name-prefix", "/e2e/pro")["logGroups"]
    assert groups[0]["retentionInDays"] == 7
    server.aws("logs", "delete-log-group", *place)
    with pytest.raises(RuntimeError, match=r"ResourceNotFoundException.*log group does not exist"):
        server.aws("logs", "describe-log-streams", *place)


def test_live_tail_shows_what_comes(server: Any, logs: Any) -> None:
    start_ms = filled(logs, "/e2e/live", "a", "b")
    arn = logs.describe_log_groups(logGroupNamePrefix="/e2e/live")["logGroups"][0]["logGroupArn"]
    words = ["logs", "start-live-tail", "--log-group-identifiers", arn]
    with server.began(*words, "--log-event-filter-pattern", "ERROR") as tail:
        try:
            shown = ""
            lines = iter(tail.stdout.readline, "")
            for number in range(200):  # until the session hears of it
                for stream in "ab":
                    events = [
                        {"timestamp": start_ms + number, "message": f"{word} {stream}"}
                        for word in ("INFO", "ERROR")
                    ]
                    logs.put_log_events(logGroupName="/e2e/live", logStreamName=stream, logEvents=events)
                if select.select([tail.stdout], [], [], 0.1)[0]:
                    shown = next(lines)
                    break
            assert shown.strip() in ("ERROR a", "ERROR b")
        finally:
            tail.terminate()


def test_insights_answers_the_aws_program(server: Any, logs: Any) -> None:
    start_ms = filled(logs, "/e2e/insights", "a", "b", count=20)
    words = ["logs", "start-query", "--log-group-name", "/e2e/insights"]
    words += ["--start-time", str(start_ms // 1000), "--end-time", str(start_ms // 1000 + 60)]
    text = "parse @message '* *' as stream, number | stats max(number) as most by stream | sort stream"
    query_id = server.aws(*words, "--query-string", text)["queryId"]
    for _ in range(200):
        found = logs.get_query_results(queryId=query_id)
        if found["status"] == "Complete":
            break
        time.sleep(0.05)
    rows = [{one["field"]: one["value"] for one in row} for row in found["results"]]
    assert rows == [{"stream": "a", "most": "19"}, {"stream": "b", "most": "19"}]
    with pytest.raises(RuntimeError, match="MalformedQueryException"):
        server.aws(*words, "--query-string", "stats nothing")
