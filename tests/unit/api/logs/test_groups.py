"""Log groups and streams: made, listed page by page, deleted with what they hold."""

from typing import Any

import pytest

from bastide.model.faults import AlreadyExists, Fault, InUse, Invalid, NotFound

ARN = "arn:aws:logs:eu-test-1:111122223333:log-group:"


async def names(logs: Any, **params: Any) -> list[str]:
    found = await logs.call("DescribeLogGroups", **params)
    return [group["logGroupName"] for group in found["logGroups"]]


async def streams(logs: Any, **params: Any) -> list[str]:
    found = await logs.call("DescribeLogStreams", logGroupName="app", **params)
    return [stream["logStreamName"] for stream in found["logStreams"]]


async def test_a_group_is_described_as_aws_does(logs: Any) -> None:
    await logs.put((0, "12345"), (1, "é"))
    (group,) = (await logs.call("DescribeLogGroups"))["logGroups"]
    assert group == {
        "logGroupName": "app",
        "arn": ARN + "app:*",
        "logGroupArn": ARN + "app",
        "creationTime": logs.now_ms,
        "metricFilterCount": 0,
        "storedBytes": 5 + 2 + 2 * 26,
        "logGroupClass": "STANDARD",
        "deletionProtectionEnabled": False,
    }


async def test_groups_are_found_by_prefix_pattern_class_and_name(logs: Any) -> None:
    for name in ("/ecs/web", "/ecs/worker", "Other"):
        await logs.call("CreateLogGroup", logGroupName=name)
    await logs.call("CreateLogGroup", logGroupName="rare", logGroupClass="INFREQUENT_ACCESS")
    assert await names(logs) == ["/ecs/web", "/ecs/worker", "Other", "app", "rare"]
    assert await names(logs, logGroupNamePrefix="/ecs/w") == ["/ecs/web", "/ecs/worker"]
    assert await names(logs, logGroupNamePattern="wo") == ["/ecs/worker"]
    assert await names(logs, logGroupClass="INFREQUENT_ACCESS") == ["rare"]
    assert await names(logs, logGroupIdentifiers=["app", "Other"]) == ["Other", "app"]
    with pytest.raises(Invalid):
        await names(logs, logGroupNamePrefix="a", logGroupNamePattern="b")


async def test_groups_come_in_pages(logs: Any) -> None:
    for number in range(55):
        await logs.call("CreateLogGroup", logGroupName=f"g{number:02d}")
    first = await logs.call("DescribeLogGroups")
    assert len(first["logGroups"]) == 50
    assert len(await names(logs, nextToken=first["nextToken"])) == 6
    assert await names(logs, logGroupNamePattern="9", limit=2) == ["g09", "g19"]
    for token in ("nonsense", first["nextToken"]):
        with pytest.raises(Invalid):
            await names(logs, nextToken=token, logGroupNamePrefix="g")


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"logGroupName": "app"}, AlreadyExists),
        ({"logGroupName": "aws/x"}, Invalid),
        ({"logGroupName": "x", "kmsKeyId": "arn:aws:kms:eu-test-1:111122223333:key/1"}, Invalid),
        ({"logGroupName": "x", "logGroupClass": "DELIVERY"}, Invalid),
    ],
)
async def test_groups_that_cannot_be_made(logs: Any, params: dict[str, str], fault: type[Fault]) -> None:
    with pytest.raises(fault):
        await logs.call("CreateLogGroup", **params)
    assert await names(logs) == ["app"]


async def test_a_deleted_group_takes_everything_with_it(logs: Any) -> None:
    await logs.put((0, "x"))
    await logs.call("DeleteLogGroup", logGroupName="app")
    with pytest.raises(NotFound):
        await logs.call("DeleteLogGroup", logGroupName="app")
    await logs.call("CreateLogGroup", logGroupName="app")
    assert await streams(logs) == []
    await logs.call("CreateLogStream", logGroupName="app", logStreamName="one")
    assert (await logs.get())["events"] == []


async def test_deletion_protection_holds_until_it_is_taken_away(logs: Any) -> None:
    await logs.call("PutLogGroupDeletionProtection", logGroupIdentifier="app", deletionProtectionEnabled=True)
    with pytest.raises(InUse):
        await logs.call("DeleteLogGroup", logGroupName="app")
    await logs.call(
        "PutLogGroupDeletionProtection", logGroupIdentifier="app", deletionProtectionEnabled=False
    )
    await logs.call("DeleteLogGroup", logGroupName="app")
    assert await names(logs) == []


async def test_a_stream_is_described_with_the_times_of_its_events(logs: Any) -> None:
    (empty,) = (await logs.call("DescribeLogStreams", logGroupName="app"))["logStreams"]
    assert empty == {
        "logStreamName": "one",
        "arn": ARN + "app:log-stream:one",
        "creationTime": logs.now_ms,
        "storedBytes": 0,
    }
    await logs.put((5, "b"), (9, "c"))
    await logs.put((2, "a"))
    (stream,) = (await logs.call("DescribeLogStreams", logGroupName="app"))["logStreams"]
    assert stream["firstEventTimestamp"] == logs.now_ms + 2
    assert stream["lastEventTimestamp"] == logs.now_ms + 9
    assert stream["storedBytes"] == 0


async def test_streams_by_name_and_by_last_event(logs: Any) -> None:
    for name in ("a", "b", "two"):
        await logs.call("CreateLogStream", logGroupName="app", logStreamName=name)
    await logs.put((1, "x"), stream="two")
    await logs.put((2, "x"), stream="b")
    assert await streams(logs) == ["a", "b", "one", "two"]
    assert await streams(logs, descending=True) == ["two", "one", "b", "a"]
    assert await streams(logs, logStreamNamePrefix="t") == ["two"]
    assert await streams(logs, orderBy="LastEventTime", descending=True) == ["b", "two", "one", "a"]
    with pytest.raises(Invalid):
        await streams(logs, orderBy="LastEventTime", logStreamNamePrefix="t")
    for order in ({}, {"orderBy": "LastEventTime"}, {"descending": True}):
        seen: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = await logs.call("DescribeLogStreams", logGroupName="app", limit=1, **order, **token)
            seen += [stream["logStreamName"] for stream in page["logStreams"]]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert seen == await streams(logs, **order)


async def test_streams_are_made_once_and_deleted_with_their_events(logs: Any) -> None:
    place = {"logGroupName": "app", "logStreamName": "one"}
    with pytest.raises(AlreadyExists):
        await logs.call("CreateLogStream", **place)
    with pytest.raises(NotFound):
        await logs.call("CreateLogStream", logGroupName="other", logStreamName="one")
    await logs.put((0, "x"))
    await logs.call("DeleteLogStream", **place)
    await logs.call("CreateLogStream", **place)
    assert (await logs.get())["events"] == []
    assert (await logs.search())["events"] == []
